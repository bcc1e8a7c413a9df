import { SessionError } from "../../core/errors.ts";

/** Numbers of server errors, the same for MySQL and MariaDB. */
const DUPLICATE_KEY = 1062;
const NO_SUCH_TABLE = 1146;

/**
 * After these nothing of the statement or transaction took place, and another try may do better: lock wait timeout, deadlock, row
 * changed since the snapshot (MariaDB 11), table definition changed, statement to be prepared anew, and in a replication group another
 * member's transaction that was certified first. Galera calls that one a deadlock.
 */
const PASSING: ReadonlySet<number> = new Set([1205, 1213, 1020, 1412, 1615, 3101]);

/** The server does not know the prepared statement: the connection was reset, or a proxy gave us another. Nothing took place. */
const UNKNOWN_STATEMENT = 1243;

/**
 * Whoever had the connection before left it with LOCK TABLES in force, and ours are not among the tables or may only be read, or in a
 * distributed transaction that takes no more statements. Nothing took place.
 */
const LEFT_BEHIND: ReadonlySet<number> = new Set([1099, 1100, 1399]);

/** The connection was closed before the statement was sent: mysql2 says so in words, mariadb with a number. */
const CLOSED_BEFORE = /^Can't add new command when connection is in closed state/;
const CLOSED_BEFORE_NUMBERS: ReadonlySet<number> = new Set([45001, 45013]);

/** The connection went away, or the server that ends or has ended it said so. */
const LOST_CODES: ReadonlySet<unknown> = new Set(["PROTOCOL_CONNECTION_LOST", "ECONNRESET", "EPIPE"]);
const LOST_NUMBERS: ReadonlySet<number> = new Set([1053, 1927, 4031, 45009]);

export function isDuplicate(error: unknown): boolean {
  return numberOf(error) === DUPLICATE_KEY;
}

export function isMissingTable(error: unknown): boolean {
  return numberOf(error) === NO_SUCH_TABLE;
}

/** Whether nothing took place and the same may be tried again. */
export function isPassing(error: unknown): boolean {
  return PASSING.has(numberOf(error)) || wasNeverSent(error) || error instanceof LeftInTransaction;
}

/** Whether the connection is of no use, and nothing was done on it. */
export function wasNeverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const number = numberOf(error);
  return (
    number === UNKNOWN_STATEMENT ||
    LEFT_BEHIND.has(number) ||
    CLOSED_BEFORE_NUMBERS.has(number) ||
    CLOSED_BEFORE.test(error.message)
  );
}

/** Whether the connection was lost while an answer was awaited. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return LOST_CODES.has(Reflect.get(error, "code")) || LOST_NUMBERS.has(numberOf(error));
}

function numberOf(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  const number: unknown = Reflect.get(error, "errno");
  return typeof number === "number" ? number : 0;
}

/** A pooled connection came with a transaction open, or without autocommit, as somebody else left it; it was closed, which undid what was open. */
export class LeftInTransaction extends SessionError {
  constructor() {
    super(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "A connection came from the pool with a transaction left open or autocommit turned off. Commit or roll back, and leave autocommit on, before releasing one.",
    );
  }
}

/** The rejection of a call whose deadline came before anything was sent. */
export function tooLate(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The deadline of the call passed before the statement was sent; nothing was read or written.",
    { cause },
  );
}
