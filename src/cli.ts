#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { main } from "./cli/main.ts";
import { worldOf } from "./cli/world.ts";

/** It lies one folder above both the source and what is built of it. */
const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
const { version } = JSON.parse(manifest) as { readonly version: string };

process.exitCode = await main(process.argv.slice(2), worldOf(process, version));
// Everything was closed, and what a dead network keeps open after that is of no use to anybody.
process.stdout.write("", () => setTimeout(() => process.exit(), 2000).unref());
