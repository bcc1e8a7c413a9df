/**
 * `node bench/scale/main.ts <engine> …`: loads sessions into each engine, measures what is done to them at every size, and
 * writes the results beside the readable report of all of them. Without an engine it only makes the report anew.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requestOf } from "./options.ts";
import { tell } from "./progress.ts";
import { reportOn } from "./report.ts";
import type { ScaleResult } from "./result.ts";
import { run } from "./run.ts";

const { engines, effort, folder, command } = requestOf(process.argv.slice(2));
mkdirSync(folder, { recursive: true });
for (const engine of engines) {
  const result = await run(engine, effort(engine), command(engine));
  const file = join(folder, `scale-${engine}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  tell(`${engine}: written to ${file}`);
  if (!result.removal.books.balanced) {
    tell(`${engine}: THE BOOKS DO NOT BALANCE`);
    process.exitCode = 1;
  }
}
const results = readdirSync(folder)
  .filter((file) => /^scale-.*\.json$/.test(file))
  .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as ScaleResult);
writeFileSync(join(folder, "scale.md"), reportOn(results));
