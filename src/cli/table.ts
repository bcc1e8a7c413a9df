import Table from "cli-table3";
import type { Colours } from "./colours.ts";

const NONE = Object.fromEntries(
  [
    ["top", "top-mid", "top-left", "top-right"],
    ["bottom", "bottom-mid", "bottom-left", "bottom-right"],
    ["left", "left-mid", "mid", "mid-mid", "right", "right-mid"],
  ]
    .flat()
    .map((name) => [name, ""]),
);

/** Columns under their names. Cells are what may be printed: see `printable`. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  colours: Colours,
): string {
  const drawn = new Table({
    head: heads.map((head) => colours.bold(head)),
    chars: { ...NONE, middle: "  " },
    // Its own colours come from another package, and know nothing of NO_COLOR.
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) drawn.push([...row]);
  return `${drawn
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")}\n`;
}
