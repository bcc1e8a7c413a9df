import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../package/package-json.ts";

/** The rows of all tables of the page: id, what is done, and the suite. */
function rows(): { id: string; text: string; suite: string | null }[] {
  const page = readFileSync(join(ROOT, "docs/security.md"), "utf8");
  return [...page.matchAll(/^\| ([0-9]+\.[0-9.]+|[SCNKHF][0-9]+) \| (.+?) \| (.*?) ?\|$/gm)].map(
    ([, id = "", text = "", cell = ""]) => ({ id, text, suite: /^`(.+)`$/.exec(cell)?.[1] ?? null }),
  );
}

const range = (letter: string, last: number): string[] =>
  Array.from({ length: last }, (_, index) => `${letter}${index + 1}`);

test("the page has a row for every requirement of the checklist", () => {
  const ids = rows().map(({ id }) => id);
  const asvs =
    "7.1.1 7.1.2 7.1.3 7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.5.3 7.6.1 7.6.2".split(
      " ",
    );
  const rest =
    "3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 3.5.1 3.5.2 3.5.3 3.5.8 14.2.1 14.2.2 14.2.5 14.3.1 14.3.2 16.2.5 9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4 10.5.5".split(
      " ",
    );
  for (const id of [
    ...asvs,
    ...rest,
    ...range("S", 18),
    ...range("C", 5),
    ...range("N", 11),
    ...range("K", 10),
    ...range("H", 2),
    ...range("F", 2),
  ])
    expect(ids).toContain(id);
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(rows())("$id has a test that bears its name, or is somebody else's job", ({ id, text, suite }) => {
  if (suite === null) return void expect(text).toMatch(/^yours: /);
  expect(existsSync(join(ROOT, suite)), suite).toBe(true);
  const source = readFileSync(join(ROOT, suite), "utf8");
  const names = [
    ...source.matchAll(/(?:test|describe|rule|it)(?:\.each\([\s\S]*?\))?\(\s*["'`]([^"'`]*)/g),
  ].map(([, name = ""]) => name);
  const bears = new RegExp(`(^|[ ,])${id.replaceAll(".", "\\.")}([,:]|$)`);
  expect(
    names.filter((name) => bears.test(name)),
    `${suite} has no test named ${id}`,
  ).not.toEqual([]);
});
