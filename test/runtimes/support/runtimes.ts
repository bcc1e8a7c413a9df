import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { OLDEST, oldestNode } from "../../package/oldest-node.ts";
import { ROOT } from "../../package/package-json.ts";
import { PROJECT } from "./bundle.ts";

/** A JavaScript runtime, and how it runs a file. */
export interface Runtime {
  readonly name: string;
  /** The path of its program; `null` where this machine has none. */
  readonly program: string | null;
  /** Where it comes from, told where it is missing. */
  readonly source: string;
  args(file: string): readonly string[];
}

interface Manifest {
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const { optionalDependencies } = JSON.parse(
  readFileSync(join(ROOT, PROJECT, "package.json"), "utf8"),
) as Manifest;

/** A runtime that comes as a package of one platform's own: no install script fetches anything. */
function packaged(name: string, pack: string, path: string, args: Runtime["args"]): Runtime {
  const version = optionalDependencies[pack]?.split("@").at(-1) ?? "";
  const program = join(ROOT, PROJECT, "node_modules", pack, path);
  return {
    name: `${name} ${version}`,
    program: existsSync(program) ? program : null,
    source: `the package ${pack} in ${PROJECT}, which is there on linux-x64 alone`,
    args,
  };
}

const asIs = (file: string): readonly string[] => [file];

export const NODE20: Runtime = {
  name: `Node ${OLDEST}`,
  program: oldestNode(),
  source: "the system, or HOLDFAST_NODE20",
  args: asIs,
};
export const NODE22: Runtime = packaged("Node", "node22", "bin/node", asIs);
export const NODE26: Runtime = packaged("Node", "node26", "bin/node", asIs);
/** The Node that runs the tests themselves. */
export const NODE_HERE: Runtime = {
  name: `Node ${process.versions.node}`,
  program: process.execPath,
  source: "the toolchain",
  args: asIs,
};
export const BUN: Runtime = packaged("Bun", "@oven/bun-linux-x64", "bin/bun", (file) => ["run", file]);
export const DENO: Runtime = packaged("Deno", "@deno/linux-x64-glibc", "deno", (file) => [
  "run",
  "--allow-all",
  "--no-prompt",
  file,
]);
export const WORKERD: Runtime = packaged("workerd", "@cloudflare/workerd-linux-64", "bin/workerd", (file) => [
  "serve",
  file,
]);

/** Describes suites that need a runtime. Without it they are skipped, loudly; in CI they fail. */
export function withRuntime(runtime: Runtime, suites: () => void): void {
  if (runtime.program !== null || process.env["CI"] === "true") {
    describe(runtime.name, suites);
    return;
  }
  console.error(`NOT RUN: there is no ${runtime.name} here. It comes from ${runtime.source}.`);
  describe.skip(`${runtime.name} [not run: it is not here]`, suites);
}
