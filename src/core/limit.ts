import { SessionError } from "./errors.ts";

/** Below what 32 bits hold, which is all that some engines take. */
const LARGEST = 1_000_000_000;

/**
 * How many records a store is asked for, as a number that every engine takes.
 *
 * @throws `ERR_SESSION_USE` for less than one.
 */
export function checkedLimit(limit: number): number {
  if (limit >= 1) return Math.min(Math.floor(limit), LARGEST);
  throw new SessionError("ERR_SESSION_USE", `A limit is 1 or more, not ${limit}.`);
}
