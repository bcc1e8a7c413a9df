/**
 * `npm run demo`: the shop in a browser. `npm run demo -- --check`: the same, walked through by a client. With
 * `--store redis://… | postgres://… | mysql://… | file:…` its sessions are there.
 */
import { build } from "./build.mjs";
import { prepare, run } from "./toolchain.mjs";

const environment = prepare();
const args = process.argv.slice(2).filter((arg) => arg !== "--check");
const script = process.argv.includes("--check") ? "check.ts" : "server.ts";
// The examples import the package as its users do, from what was built.
process.exitCode = build(environment) || run("node", [`examples/shop/${script}`, ...args], environment);
