import { SessionError } from "./errors.ts";

/** The sum of what a field holds and what is to be added; an absent field counts as 0. @throws `ERR_SESSION_USE` for what is no number. */
export function added(name: string, value: unknown, by: number): number {
  if (!Number.isFinite(by))
    throw new SessionError("ERR_SESSION_USE", "increment takes a finite number to add, such as 1.");
  if (value === undefined) return by;
  if (typeof value === "number") return value + by;
  throw new SessionError(
    "ERR_SESSION_USE",
    `The session field "${name}" does not hold a number, so it cannot be incremented. Set it to one first.`,
  );
}
