import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

/** The lessons of others' advisories, by the number that the tests of this folder name. */
const ROWS: Readonly<Record<number, string>> = {
  1: "a concurrent request restores a deleted session",
  2: "a save recreates a deleted session",
  3: "a logout is undone",
  4: "what the store holds is accepted as a cookie",
  5: "secrets are compared in a time that tells of them",
  6: "a weaker decoder is asked where one refused",
  7: "a destroyed session is played back",
  8: "a shared cache serves one client's page to another",
  9: "a cookie on a response that caches keep",
  10: "a traversal in an id, and objects made of a file",
  11: "a traversal in a cookie makes files",
  12: "a line in an id is a command to the store",
  13: "objects of classes and prototypes out of stored bytes",
  14: "secrets that are default, derived or weak",
  15: "tokens in logs",
  16: "a listener stops an end",
  17: "a login that keeps the planted id",
  18: "a handle out of an address",
  19: "another subject, the same session",
  20: "used twice; forgotten by a restart",
  21: "a folder that others can make; attributes lost on the way",
  22: "a new session takes another's id",
  23: "a clean-up deletes what lives",
  24: "the next request sees the state before",
  25: "parallel renewals invalidate each other",
  26: "a racing write drops what safety depends on",
  27: "the answer to a logout hangs the browser",
  28: "a cookie is revoked with other attributes",
  29: "a logout of the browser alone",
  30: "a check extends",
};

test("every row has a test that attacks it", () => {
  const folder = new URL("./", import.meta.url);
  const covered = new Set<number>();
  for (const name of readdirSync(folder)) {
    if (!name.endsWith(".test.ts") || name === "rows.test.ts") continue;
    const titles = readFileSync(new URL(name, folder), "utf8").matchAll(
      /(?:test|describe)\(\s*["'`]rows? ([\d, ]+):/g,
    );
    for (const [, rows = ""] of titles) for (const row of rows.split(",")) covered.add(Number(row));
  }
  const missing = Object.entries(ROWS).filter(([row]) => !covered.has(Number(row)));
  expect(Object.keys(ROWS)).toHaveLength(30);
  expect(missing).toEqual([]);
});
