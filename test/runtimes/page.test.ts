import { expect, test } from "vitest";
import { tableUnder } from "../docs/pages.ts";
import { JOINED, PIPELINED } from "./support/quirks.ts";

test("the page about runtimes names every rule that a runtime breaks, and no other", () => {
  const told = tableUnder("docs/runtimes.md", "Rules that a runtime breaks").map(([rule]) => rule);
  const broken = Object.keys({ ...PIPELINED, ...JOINED }).map((rule) => rule.replace(/^[^:]*: /, ""));
  expect(new Set(told)).toEqual(new Set(broken));
});
