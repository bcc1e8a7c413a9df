/** `node draw.ts <charts.json> <folder>`, forked: draws charts of Vega-Lite into SVG files. Tells how many. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

interface Chart {
  readonly name: string;
  readonly spec: TopLevelSpec;
}

const [file = "", folder = ""] = process.argv.slice(2);
const charts = JSON.parse(readFileSync(file, "utf8")) as readonly Chart[];
for (const { name, spec } of charts) {
  const view = new View(parse(compile(spec).spec), { renderer: "none" });
  writeFileSync(join(folder, `${name}.svg`), `${await view.toSVG()}\n`);
}
process.send?.(charts.length);
