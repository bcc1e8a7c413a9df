/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map(() => "---|").join("")}`, ...rows.map(line)].join("\n");
}

/** Grouped by thousands, as large numbers are read. */
export function grouped(value: number): string {
  return value.toLocaleString("en").replaceAll(",", " ");
}

/** As many digits as say something. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value >= 1000) return grouped(Math.round(value));
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(value < 1 ? 2 : 3)));
}

export function bytes(value: number): string {
  if (value >= 10_000_000) return `${shown(value / 1_000_000)} MB`;
  return value >= 10_000 ? `${shown(value / 1000)} kB` : `${shown(value)} B`;
}
