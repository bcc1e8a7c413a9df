/**
 * `npm run soak`: the storms of test/races and the faults of test/faults, ten times as long, or `HOLDFAST_SOAK` times, and all
 * shops in the browser.
 */
import { build } from "./build.mjs";
import { prepareBrowser, prepareServers } from "./servers.mjs";
import { prepare, run, tool } from "./toolchain.mjs";

const environment = { HOLDFAST_SOAK: "10", ...prepare() };
prepareServers(environment);
prepareBrowser(environment);
const args = [
  "run",
  "test/races",
  "test/faults",
  "test/browser",
  "--testTimeout=600000",
  ...process.argv.slice(2),
];
process.exitCode = build(environment) || run(tool("vitest"), args, environment);
