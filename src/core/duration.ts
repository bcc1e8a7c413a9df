import { SessionError } from "./errors.ts";

/** A span of time: milliseconds as a number, or a number with a unit, such as `"90s"`, `"30m"`, `"12h"`, `"30d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Turns a duration into whole milliseconds, at least 1.
 *
 * @throws `ERR_SESSION_CONFIG`, naming `option`, for anything else.
 */
export function milliseconds(duration: Duration, option: string): number {
  const found = typeof duration === "number" ? duration : fromText(duration);
  if (Number.isFinite(found) && found >= 1 && found <= Number.MAX_SAFE_INTEGER) return Math.floor(found);
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${option} is ${JSON.stringify(duration)}. Give milliseconds of 1 or more, or a text such as "30m" or "12h".`,
  );
}

function fromText(text: unknown): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(String(text));
  return match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ""] ?? Number.NaN);
}
