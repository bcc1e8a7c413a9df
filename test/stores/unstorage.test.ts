import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createStorage, type Storage } from "unstorage";
import fsDriver from "unstorage/drivers/fs";
import redisDriver from "unstorage/drivers/redis";
import { afterAll, beforeAll, describe, test } from "vitest";
import { keyOf } from "../../src/stores/key-value/keys.ts";
import { unstorageStore } from "../../src/stores/unstorage.ts";
import { storeContract } from "../../src/testing/index.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { type OpenedEngine, unconditionalSubject } from "./key-value/subject.ts";

function engine(
  storage: Storage,
  close: () => Promise<void>,
  damage: OpenedEngine["damage"] = {},
): OpenedEngine {
  return {
    store: () => unstorageStore(storage),
    close,
    damage: {
      async "of another application"(id) {
        await storage.setItem(`holdfast:${keyOf(id)}`, { user: 1 });
      },
      async "a number"(id) {
        await storage.setItem(`holdfast:${keyOf(id)}`, 7);
      },
      ...damage,
    },
  };
}

storeContract(
  { test, describe },
  unconditionalSubject(
    "unstorage, memory",
    async () => {
      const storage = createStorage();
      return engine(storage, () => storage.dispose());
    },
    { sweep: true },
  ),
);

storeContract(
  { test, describe },
  unconditionalSubject(
    "unstorage, files",
    async () => {
      const base = mkdtempSync(join(tmpdir(), "holdfast-unstorage-"));
      const storage = createStorage({ driver: fsDriver({ base }) });
      return engine(
        storage,
        async () => {
          await storage.dispose();
          rmSync(base, { recursive: true });
        },
        {
          emptied: (id) => writeFile(join(base, "holdfast", keyOf(id)), ""),
          "cut short": (id) => writeFile(join(base, "holdfast", keyOf(id)), '{"holdfast":"{'),
        },
      );
    },
    { sweep: true },
    0.2,
  ),
);

withServers(["redis"], () => {
  describe("on Redis", () => {
    let server: RedisServer | undefined;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server?.stop());

    storeContract(
      { test, describe },
      unconditionalSubject(
        "unstorage, Redis",
        async () => {
          const url = `redis://127.0.0.1:${server?.port}`;
          const storage = createStorage({ driver: redisDriver({ url, base: randomUUID() }) });
          return engine(storage, () => storage.dispose());
        },
        { sweep: true },
        0.3,
      ),
    );
  });
});
