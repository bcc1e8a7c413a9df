import { join } from "node:path";
import { describe } from "vitest";
import { SmallDisk } from "../support/small-disk.ts";
import { mysql, postgres, redis } from "./support/deployments.ts";
import { embedded, OF_DISKS, onSmallDisk } from "./support/small-disks.ts";
import { outages } from "./support/suite.ts";

function suites(): void {
  const deployments = [
    onSmallDisk(
      embedded("sqlite", (folder) => join(folder, "sessions.sqlite")),
      { mebibytes: 4 },
    ),
    onSmallDisk(
      embedded("directory", (folder) => join(folder, "sessions")),
      { mebibytes: 4 },
    ),
    onSmallDisk(redis(["redis6", "ioredis6"]), { mebibytes: 16 }),
    onSmallDisk(postgres(["pg-pool", "postgres.js"]), { mebibytes: 256, user: "postgres" }),
    onSmallDisk(mysql("mariadb", ["mariadb", "mysql2"]), { mebibytes: 512, user: "mysql" }),
    onSmallDisk(mysql("mysql", ["mysql2", "mariadb"]), { mebibytes: 1024, user: "nobody" }),
  ];
  for (const deployment of deployments) outages(deployment, OF_DISKS);
}

if (SmallDisk.isPossible || process.env["CI"] === "true") suites();
else {
  console.error("NOT RUN: suites that fill a disk, which only root can make here.");
  describe.skip("without a disk to fill", suites);
}
