/**
 * `npm run bench`: Holdfast beside its peers, in a quarter of an hour; `--quick` in a minute or two, on Express alone. `npm run bench -- growth` draws what grows
 * with what, `ways` does what makes it fast with it and without it, `profile` tells where the time of a request goes, `guard` compares a quick run with the last results, with `--counted` only what can be counted, `report` makes the pages anew. `--json` prints the result, `--only
 * <pattern>` takes a part by the names of framework, store, subject and work, `--rounds`, `--seconds` and `--connections` say how much.
 */
import { build } from "./build.mjs";
import { prepareProject } from "./projects.mjs";
import { prepareServers } from "./servers.mjs";
import { prepare, run, tool } from "./toolchain.mjs";

const args = process.argv.slice(2);
// What is printed there is the result alone.
if (args.includes("--json")) console.log = console.error;

const environment = prepare();
prepareServers(environment);
process.exitCode = build(environment) || (await bench());

async function bench() {
  // The peers, the frameworks and the load tool have an installation of their own; it gets the package as it was built just now.
  await prepareProject("bench/peers", environment);
  const types = run(tool("tsc"), ["-p", "bench/peers/tsconfig.json"], environment, {
    stdio: ["ignore", 2, "inherit"],
  });
  return types || run("node", ["bench/compare/main.ts", ...args], environment);
}
