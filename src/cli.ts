#!/usr/bin/env node
import { main } from "./cli/main.ts";
import { worldOf } from "./cli/world.ts";

process.exitCode = await main(process.argv.slice(2), worldOf(process));
// Everything was closed, and what a dead network keeps open after that is of no use to anybody.
process.stdout.write("", () => setTimeout(() => process.exit(), 2000).unref());
