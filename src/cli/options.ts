import { InvalidArgumentError } from "commander";
import { milliseconds } from "../core/duration.ts";
import type { Duration } from "../index.ts";

/** A whole number, 1 or more. */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= 1 && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError("Give a whole number, 1 or more.");
}

/** A span of time in milliseconds, of a text such as `30s`, `15m`, `12h`, `7d`. */
export function duration(text: string): number {
  try {
    return milliseconds(text as Duration, "It");
  } catch {
    throw new InvalidArgumentError("Give a number with a unit, such as 30s, 15m, 12h or 7d.");
  }
}
