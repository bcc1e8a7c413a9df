import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../package/package-json.ts";
import { BUN, withRuntime } from "../../runtimes/support/runtimes.ts";
import { runIn, withProjects } from "../support/projects.ts";

const VERSIONS = ["1.3.21", "1.4.30"];
const PROGRAMS = "test/frameworks/elysia/programs";
const CASES = 9;

function folderOf(version: string): string {
  return `test/frameworks/elysia/${version}`;
}

/** Copies programs to where they find the packages of a version. */
function placed(version: string, kind: string, files: readonly string[]): string {
  const folder = `${folderOf(version)}/.generated/${kind}`;
  rmSync(join(ROOT, folder), { recursive: true, force: true });
  mkdirSync(join(ROOT, folder), { recursive: true });
  for (const file of files) copyFileSync(join(ROOT, PROGRAMS, file), join(ROOT, folder, file));
  return folder;
}

const CONFIG = {
  compilerOptions: {
    target: "ES2023",
    lib: ["ES2023", "DOM"],
    module: "preserve",
    moduleResolution: "bundler",
    strict: true,
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    noEmit: true,
    skipLibCheck: true,
  },
  include: ["*.ts"],
};

withProjects(VERSIONS.map(folderOf), () => {
  describe.each(VERSIONS)("Elysia %s", (version) => {
    test("infers the session in contexts, through instances within others, as the plugin is scoped", async () => {
      const folder = placed(version, "types", ["types.ts", "usage.ts"]);
      writeFileSync(join(ROOT, folder, "tsconfig.json"), JSON.stringify(CONFIG));
      const { output } = await runIn(folder, join(ROOT, "node_modules/.bin/tsc"), ["--pretty", "false"]);
      expect(output).toBe("");
    }, 60_000);

    withRuntime(BUN, () => {
      test.each(["aot", "dynamic"])("keeps to what is its own: %s", { timeout: 60_000 }, async (mode) => {
        const folder = placed(version, mode, ["features.ts"]);
        const { output } = await runIn(folder, BUN.program ?? "", ["run", "features.ts", mode, version]);
        expect(output).not.toContain("FAILED");
        expect(output.match(/^ok /gm)?.length, output).toBe(CASES);
      });
    });
  });
});
