import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { PATHS, ROOT, specifierOf } from "../package/package-json.ts";
import { bundle, PROJECT } from "./support/bundle.ts";
import {
  BUN,
  DENO,
  NODE20,
  NODE22,
  NODE26,
  NODE_HERE,
  type Runtime,
  withRuntime,
  WORKERD,
} from "./support/runtimes.ts";
import { withProject } from "./support/suites.ts";
import { Workerd } from "./support/workerd.ts";

type Names = Readonly<Record<string, readonly string[] | string>>;

/** The adapters that import their framework, which is not here: their own suites try them. */
const NEEDY: Readonly<Record<string, string>> = {
  "holdfast/adapters/nestjs": "@nestjs/common",
  "holdfast/adapters/next": "next",
};

/** What has types alone, and so nothing to bundle. */
const TYPES = ["holdfast/adapters/express/types", "holdfast/adapters/fastify/types"];

const BUILT = "node_modules/holdfast/dist/testing/index.js";

const SPECIFIERS = PATHS.map(specifierOf);

withProject(PROJECT, () => {
  let here: Names;
  beforeAll(async () => {
    here = await namesOn(NODE_HERE);
  });

  for (const runtime of [NODE20, NODE22, NODE_HERE, NODE26, BUN, DENO]) {
    withRuntime(runtime, () => {
      test("what is tried is the built package, not its sources", async () => {
        const found = await printedOn(runtime, "resolved");
        expect(found.trim()).toBe(pathToFileURL(join(ROOT, PROJECT, BUILT)).href);
      });

      test("every export can be imported, and gives the same names", async () => {
        const names = await namesOn(runtime);
        expect(Object.keys(names)).toEqual(SPECIFIERS);
        for (const [specifier, given] of Object.entries(names)) {
          const needed = NEEDY[specifier];
          if (needed !== undefined) expect(given).toContain(needed);
          else expect([specifier, given]).toEqual([specifier, here[specifier]]);
        }
      });
    });
  }

  withRuntime(WORKERD, () => {
    test("every export can be part of a worker, and gives the same names", async () => {
      const wanted = SPECIFIERS.filter((one) => !(one in NEEDY) && !TYPES.includes(one));
      const workerd = await Workerd.start("imports", undefined, await workerOf(wanted));
      try {
        const names = (await workerd.ask("imports", {})) as Names;
        expect(names).toEqual(Object.fromEntries(wanted.map((one) => [one, here[one]])));
      } finally {
        await workerd.stop();
      }
    });

    test("everything can be made before the first request, where a worker may start nothing", async () => {
      const program = "test/runtimes/programs/module-scope-worker.ts";
      const workerd = await Workerd.start("module-scope", undefined, program);
      try {
        expect(await workerd.ask("views", {})).toEqual({ views: 1 });
      } finally {
        await workerd.stop();
      }
    });
  });
});

/** Writes a worker that has all of these, and tells the names that each gives. */
async function workerOf(specifiers: readonly string[]): Promise<string> {
  const program = join(PROJECT, ".generated/imports-worker.ts");
  const imports = specifiers.map((specifier, index) => `import * as m${index} from "${specifier}";\n`);
  const entries = specifiers.map((specifier, index) => `  "${specifier}": Object.keys(m${index}).sort(),\n`);
  const code = [
    ...imports,
    'export { SessionObject as TriedObject } from "holdfast/stores/durable-objects";\n',
    "const names = {\n",
    ...entries,
    "};\n",
    "export default { fetch: () => Response.json(names) };\n",
  ];
  await mkdir(join(ROOT, PROJECT, ".generated"), { recursive: true });
  await writeFile(join(ROOT, program), code.join(""));
  return program;
}

async function namesOn(runtime: Runtime): Promise<Names> {
  return JSON.parse(await printedOn(runtime, "imports", SPECIFIERS)) as Names;
}

async function printedOn(runtime: Runtime, program: string, args: readonly string[] = []): Promise<string> {
  const variant = runtime.name.replaceAll(" ", "-");
  const file = await bundle(`test/runtimes/programs/${program}.ts`, { variant });
  const child = spawn(String(runtime.program), [...runtime.args(file), ...args], {
    cwd: dirname(file),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  expect(code, stderr).toBe(0);
  return stdout;
}
