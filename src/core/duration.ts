import { SessionError } from "./errors.ts";

/** A span of time: milliseconds as a number, or a number with a unit, such as `"90s"`, `"30m"`, `"12h"`, `"30d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A hundred years: any time plus this is still a time. */
const LONGEST_MS = 36_500 * 86_400_000;

/**
 * Turns a duration into whole milliseconds, at least 1 and at most a hundred years.
 *
 * @throws `code`, naming `option`, for anything else.
 */
export function milliseconds(
  duration: Duration,
  option: string,
  code: "ERR_SESSION_CONFIG" | "ERR_SESSION_USE" = "ERR_SESSION_CONFIG",
): number {
  const found = typeof duration === "number" ? duration : fromText(duration);
  if (Number.isFinite(found) && found >= 1 && found <= LONGEST_MS) return Math.floor(found);
  throw new SessionError(
    code,
    `${option} is ${shown(duration)}. Give milliseconds from 1 to a hundred years, or a text such as "30m" or "12h".`,
  );
}

function shown(duration: unknown): string {
  return typeof duration === "string"
    ? JSON.stringify(duration.slice(0, 40))
    : typeof duration === "number"
      ? String(duration)
      : `of type ${typeof duration}`;
}

function fromText(text: unknown): number {
  if (typeof text !== "string") return Number.NaN;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * (UNITS[match[2] ?? ""] ?? Number.NaN);
}
