/** What a terminal could take for orders, and what turns the direction of a text around. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text of somebody else's, such as the name of a browser, so that it does nothing to a terminal. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => escaped(character));
}

/** JSON that does nothing to a terminal either. Those characters stand in its texts alone, where they may be escaped. */
export function json(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE, (character) =>
    character === "\n" ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** A span of time by its two largest units: `3d 4h`, `12m`, `0s`. */
export function span(ms: number): string {
  const whole = Math.max(0, ms);
  const first = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[first] ?? (["s", 1000] as const);
  const count = Math.floor(whole / size);
  const [lesser, lesserSize] = UNITS[first + 1] ?? ["", 0];
  const rest = lesserSize === 0 || first < 0 ? 0 : Math.floor((whole - count * size) / lesserSize);
  return rest === 0 ? `${count}${unit}` : `${count}${unit} ${rest}${lesser}`;
}

/** A number of bytes as people say it. */
export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  const [size, unit] =
    count < 1024 ** 2 ? [1024, "KiB"] : count < 1024 ** 3 ? [1024 ** 2, "MiB"] : [1024 ** 3, "GiB"];
  return `${(count / size).toFixed(1)} ${unit}`;
}

/** A number with its noun: `1 session`, `3 sessions`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-GB")} ${noun}${count === 1 ? "" : "s"}`;
}

export function moment(ms: number): string {
  return new Date(ms).toISOString();
}

/** A bar of at most `width` characters for a part of the largest. What is there at all shows. */
export function bar(part: number, largest: number, width: number): string {
  if (part === 0 || largest === 0) return "";
  return "█".repeat(Math.max(1, Math.round((part / largest) * width)));
}
