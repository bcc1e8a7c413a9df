import { expect, test } from "vitest";
import { coloursFor } from "../../src/cli/colours.ts";
import { table } from "../../src/cli/table.ts";
import { bar, bytes, counted, json, printable, span } from "../../src/cli/text.ts";

test("what others named does nothing to a terminal", () => {
  expect(printable("a\u001b[2Jb\u009b3mc\nd\u202ee")).toBe("a\\u001b[2Jb\\u009b3mc\\u000ad\\u202ee");
  const text = json({ name: "\u009b2J\u2028", list: [1] }, 2);
  expect(text).toBe('{\n  "name": "\\u009b2J\\u2028",\n  "list": [\n    1\n  ]\n}');
  expect(JSON.parse(text)).toEqual({ name: "\u009b2J\u2028", list: [1] });
});

test("spans, sizes and numbers read as people say them", () => {
  expect([0, 59_999, 60_000, 3_661_000, 90_000_000, -5].map(span)).toEqual([
    "0s",
    "59s",
    "1m",
    "1h 1m",
    "1d 1h",
    "0s",
  ]);
  expect([12, 2048, 3 * 1024 ** 2, 5 * 1024 ** 3].map(bytes)).toEqual([
    "12 B",
    "2.0 KiB",
    "3.0 MiB",
    "5.0 GiB",
  ]);
  expect([counted(1, "session"), counted(12_000, "session")]).toEqual(["1 session", "12,000 sessions"]);
});

test("a bar shows what is there at all", () => {
  expect([bar(0, 9, 10), bar(1, 1000, 10), bar(9, 9, 10)]).toEqual(["", "█", "█".repeat(10)]);
});

test("a table stands under its names, coloured on a terminal alone", () => {
  const rows = [
    ["1", "two"],
    ["three", ""],
  ];
  expect(table(["A", "B"], rows, coloursFor({ coloured: false }))).toBe("A      B\n1      two\nthree\n");
  expect(table(["A", "B"], rows, coloursFor({ coloured: true }))).toContain("\u001b[1mA\u001b[22m");
});
