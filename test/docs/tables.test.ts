import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SessionError, type SessionErrorCode, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { storeRules } from "../../src/testing/index.ts";
import { ROOT, tableUnder } from "./pages.ts";

/** The names that a type of the core spells out: types are gone when a test runs, so its source is read. */
function spelledIn(file: string, pattern: RegExp): string[] {
  const text = readFileSync(join(ROOT, "src/core", file), "utf8");
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "").sort();
}

function firstCells(page: string, heading: string): string[] {
  return tableUnder(page, heading)
    .map(([cell = ""]) => cell.replaceAll("`", ""))
    .sort();
}

/** The names that the manager lists when it refuses an unknown option. */
function namedOptions(given: object): string[] {
  try {
    const manager = new SessionManager(given as { readonly store: ReturnType<typeof memoryStore> });
    return expect.unreachable(`${String(manager)} took an unknown option`);
  } catch (error) {
    const [, list = ""] = /The options are (.+)\.$/.exec(String((error as Error).message)) ?? [];
    return list.split(", ").sort();
  }
}

test("the guide names every error code, with its status", () => {
  expect(firstCells("docs/guide.md", "Error codes")).toEqual(spelledIn("errors.ts", /^ {2}\| "(\w+)"/gm));
  for (const [code = "", status] of tableUnder("docs/guide.md", "Error codes")) {
    const error = new SessionError(code.replaceAll("`", "") as SessionErrorCode, "");
    expect([code, String(error.status)]).toEqual([code, status]);
  }
});

test("the guide names every event", () => {
  expect(firstCells("docs/guide.md", "Events")).toEqual(
    spelledIn("events.ts", /^ {2}(\w+): (?:RequestOrigin & )?\{/gm),
  );
});

test("the guide names every option of the manager", () => {
  const options = namedOptions({ store: memoryStore(), unknown: true });
  expect(firstCells("docs/guide.md", "Options")).toEqual(options);
});

test("the guide names every option of the cookie", () => {
  const options = namedOptions({ store: memoryStore(), cookie: { unknown: true } });
  expect(firstCells("docs/guide.md", "The cookie")).toEqual(options);
});

test("the page on testing names every fault, and every ability that a rule needs", () => {
  const faults = readFileSync(join(ROOT, "src/testing/faults.ts"), "utf8").matchAll(
    /^export function (\w+)\(.*\): Fault \{/gm,
  );
  const told = tableUnder("docs/testing.md", "Faults")
    .flatMap(([cell = ""]) => [...cell.matchAll(/`(\w+)\(/g)])
    .map((match) => match[1]);
  expect(new Set(told)).toEqual(new Set([...faults].map((match) => match[1])));
  const abilities = new Set(firstCells("docs/testing.md", "A store of your own"));
  for (const { needs } of storeRules) for (const need of needs) expect(abilities).toContain(need);
});
