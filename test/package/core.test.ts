import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { bundledCore } from "./core-size.ts";
import { demandBuild, PACKAGE, ROOT } from "./package-json.ts";

beforeAll(demandBuild);

/** What the core takes when it is bundled, minified and compressed; it may grow by a tenth before somebody has to look. */
const MEASURED_BYTES = 38_900;

const CORE = ["dist/index.js", ...globSync("dist/core/*.js", { cwd: ROOT })];

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(/^(?:import|export)\b(?:[^"';]*?\bfrom)? ["']([^"']+)["']/gm);
  const dynamic = text.matchAll(/\b(?:import|require)\(\s*["']([^"']+)["']/g);
  return [...found, ...dynamic].map((match) => match[1] ?? "");
}

test("the package depends on nothing", () => {
  expect(PACKAGE.dependencies).toBeUndefined();
});

test("the core imports itself and, in one file, what the runtime brings", () => {
  expect(CORE.length).toBeGreaterThan(20);
  const outside = CORE.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => !/^\.\/(core\/)?[\w-]+\.js$/.test(specifier))
      .map((specifier) => `${basename(file)} imports ${specifier}`),
  );
  expect(outside).toEqual([
    "platform.js imports node:async_hooks",
    "platform.js imports node:crypto",
    "platform.js imports node:diagnostics_channel",
  ]);
});

test("the core stays as small as it is, bundled, minified and compressed", async () => {
  const { code, compressed: bytes } = await bundledCore();
  console.info(`The core: ${code.length} characters minified, ${bytes} bytes compressed.`);
  expect(code).toContain("ERR_SESSION_CONFIG");
  expect(bytes).toBeLessThanOrEqual(MEASURED_BYTES * 1.1);
  // Far below the bound, the bound no longer holds anything.
  expect(bytes).toBeGreaterThan(MEASURED_BYTES * 0.8);
});
