/** `npm run check`: every gate but the tests, all of them, and at the end which failed. */
import { build } from "./build.mjs";
import { prepare, run, tool } from "./toolchain.mjs";

const environment = prepare();
const gates = [
  ["format", () => run(tool("oxfmt"), ["--check"], environment)],
  ["lint", () => run(tool("oxlint"), ["--type-aware", "--deny-warnings"], environment)],
  ["types", () => run(tool("tsc"), ["-p", "tsconfig.json"], environment)],
  ["build", () => build(environment)],
  ["publint", () => run(tool("publint"), ["--strict"], environment)],
  ["attw", () => run(tool("attw"), ["--pack", ".", "--profile", "esm-only", "--quiet"], environment)],
  ["knip", () => run(tool("knip"), [], environment)],
  ["layout", () => run("node", ["scripts/check-layout.mjs"], environment)],
];

const failed = gates.filter(([name, gate]) => {
  console.log(`\n== ${name}`);
  return gate() !== 0;
});
console.log(
  failed.length === 0
    ? "\nAll gates passed."
    : `\nFailed: ${failed.map(([name]) => String(name)).join(", ")}`,
);
process.exitCode = failed.length;
