import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const FOLDER = join(ROOT, "test/adapters/support/.hono-types");

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

/** The classes of Hono have private members, so the newest types of the adapter's fit no older application: all of it has to be of one version. */
function errorsWith(folder: string): string {
  mkdirSync(FOLDER, { recursive: true });
  const types = join(ROOT, "node_modules", folder, "dist/types");
  const config = {
    extends: "../../../../tsconfig.base.json",
    compilerOptions: {
      noEmit: true,
      lib: ["ES2023", "DOM"],
      paths: {
        hono: [join(types, "index.d.ts")],
        "hono/factory": [join(types, "helper/factory/index.d.ts")],
      },
    },
    files: ["../../../types/hono.ts"],
  };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify(config));
  const { stdout, stderr } = spawnSync(
    join(ROOT, "node_modules/.bin/tsc"),
    ["-p", FOLDER, "--pretty", "false"],
    { cwd: ROOT, encoding: "utf8" },
  );
  return `${stdout}${stderr}`.trim();
}

test("the session is typed in every way that Hono 4.0 has", { timeout: 120_000 }, () => {
  expect(errorsWith("hono40")).toBe("");
});

test("the session is typed in every way that the newest Hono has", { timeout: 120_000 }, () => {
  expect(errorsWith("hono")).toBe("");
});
