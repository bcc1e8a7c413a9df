import { expect, test } from "vitest";
import { type Duration, milliseconds } from "../../src/core/duration.ts";
import { SessionError } from "../../src/index.ts";

test("a duration is milliseconds, or a number with a unit", () => {
  const spans: readonly [Duration, number][] = [
    [1, 1],
    [1500.9, 1500],
    ["250ms", 250],
    ["90s", 90_000],
    ["1.5m", 90_000],
    ["12h", 43_200_000],
    ["30d", 2_592_000_000],
    ["36500d", 3_153_600_000_000],
  ];
  for (const [text, ms] of spans) expect(milliseconds(text, "idle")).toBe(ms);
});

test("anything else is refused by an error that names the option and shows how, whatever it is", () => {
  const wrong: unknown[] = [
    0,
    0.5,
    -1,
    Number.NaN,
    Infinity,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
    "0s",
    "-5m",
    "5",
    "m",
  ];
  const more: unknown[] = [
    "5 m",
    "5M",
    "1e3s",
    "",
    "5m\n",
    "36501d",
    "9".repeat(400) + "d",
    null,
    true,
    {},
    [5],
    ["5m"],
  ];
  for (const value of [...wrong, ...more, undefined, 5n, Symbol("5m"), () => 5, Object.create(null)]) {
    let caught: unknown;
    try {
      milliseconds(value as Duration, "idle");
    } catch (error) {
      caught = error;
    }
    expect(SessionError.is(caught) && caught.code).toBe("ERR_SESSION_CONFIG");
    expect(String(caught)).toMatch(/idle is .*"30m"/);
    expect(String(caught).length).toBeLessThan(250);
  }
});
