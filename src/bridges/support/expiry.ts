import { isRecord } from "../../core/reserved.ts";
import type { ForeignSession } from "./members.ts";

/**
 * When a session is over by its cookie part.
 *
 * @param fallbackMs how long one lives from `now` on whose cookie names no time.
 */
export function expiryOf(session: ForeignSession, now: number, fallbackMs: number): number {
  const cookie = session["cookie"];
  const expires =
    typeof cookie === "object" && cookie !== null && "expires" in cookie ? cookie.expires : null;
  const at = expires instanceof Date ? expires.getTime() : timeOf(expires);
  return Number.isFinite(at) ? Math.round(at) : now + fallbackMs;
}

function timeOf(expires: unknown): number {
  return typeof expires === "string" || typeof expires === "number"
    ? new Date(expires).getTime()
    : Number.NaN;
}

/** How long a session lives unused, as far as its cookie part says. */
export function maxAgeOf(session: ForeignSession, fallbackMs: number): number {
  const cookie = session["cookie"];
  const given = isRecord(cookie) ? cookie["originalMaxAge"] : undefined;
  return typeof given === "number" && given > 0 ? given : fallbackMs;
}
