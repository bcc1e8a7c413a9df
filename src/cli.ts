#!/usr/bin/env node
import { main } from "./cli/main.ts";
import { worldOf } from "./cli/world.ts";

process.exitCode = await main(process.argv.slice(2), worldOf(process));
