import { SessionError } from "../../core/errors.ts";

/** Numbers of server errors, the same for MySQL and MariaDB. */
const DUPLICATE_KEY = 1062;
const NO_SUCH_TABLE = 1146;

/**
 * After these nothing of the statement or transaction took place, and another try may do better: lock wait timeout,
 * deadlock, row changed since the snapshot (MariaDB 11), definition changed, statement to be prepared anew.
 */
const PASSING: ReadonlySet<number> = new Set([1205, 1213, 1020, 1412, 1615]);

/** The connection was closed before the statement was sent: said by mysql2 in words, by mariadb with a number. */
const CLOSED_BEFORE = /^Can't add new command when connection is in closed state/;
const CLOSED_BEFORE_NUMBERS: ReadonlySet<number> = new Set([45001, 45013]);

export function isDuplicate(error: unknown): boolean {
  return numberOf(error) === DUPLICATE_KEY;
}

export function isMissingTable(error: unknown): boolean {
  return numberOf(error) === NO_SUCH_TABLE;
}

/** Whether nothing took place and the same may be tried again. */
export function isPassing(error: unknown): boolean {
  const number = numberOf(error);
  return PASSING.has(number) || wasNeverSent(error);
}

export function wasNeverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return CLOSED_BEFORE_NUMBERS.has(numberOf(error)) || CLOSED_BEFORE.test(error.message);
}

function numberOf(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  const number: unknown = Reflect.get(error, "errno");
  return typeof number === "number" ? number : 0;
}

/** The rejection of a call whose deadline came before anything was sent. */
export function tooLate(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The deadline of the call passed before a connection was free; nothing was read or written.",
    { cause },
  );
}
