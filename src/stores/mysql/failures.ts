import { SessionError } from "../../core/errors.ts";

/** Numbers of server errors, the same for MySQL and MariaDB. */
const DUPLICATE_KEY = 1062;
const NO_SUCH_TABLE = 1146;

/** `sql_safe_updates` is on, and the statement reads a table that has no key; to MariaDB a derived one is such. */
const SAFE_UPDATES = 1175;

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

/** Servers number their errors from 1000 on, clients theirs in the two thousands and from 45000 on, those of the system are below 0. */
const OF_SERVERS = [1000, 2000, 3000, 45_000] as const;

/** A commit that failed, and what the server says as it takes the connection away. */
const LEAVES_OPEN: ReadonlySet<number> = new Set([1180, ...LOST_NUMBERS]);

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

/**
 * Whether the server said of a statement which commits by itself that it refused it, or it was not sent. An error while it was made durable, or one of a
 * connection, leaves that open.
 */
export function tookNoPlace(error: unknown): boolean {
  if (isPassing(error) || error instanceof TooLate) return true;
  const number = numberOf(error);
  const [first, clients, second, drivers] = OF_SERVERS;
  const told = (number >= first && number < clients) || (number >= second && number < drivers);
  return told && !LEAVES_OPEN.has(number);
}

/** Whether a setting of the connection forbids the kind of statement, whatever it says. */
export function isForbidden(error: unknown): boolean {
  return numberOf(error) === SAFE_UPDATES;
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
  return new TooLate(cause);
}

class TooLate extends SessionError {
  constructor(cause: unknown) {
    super(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The deadline of the call passed before the statement was sent; nothing was read or written.",
      { cause },
    );
  }
}
