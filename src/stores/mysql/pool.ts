import { SessionError } from "../../core/errors.ts";
import { Unchanged } from "./unchanged.ts";

/** What the store binds. Texts that may hold anything but ASCII go as bytes: no charset of a connection changes them. */
export type MysqlValue = string | number | Buffer | null;

/** What is called of a connection, of `mysql2` or of `mariadb`. */
export interface MysqlConnection {
  query(options: { sql: string }): Promise<unknown>;
  execute(options: { sql: string }, values: MysqlValue[]): Promise<unknown>;
  release(): unknown;
  destroy(): void;
}

/** What is called of a pool with promises: of `mysql2/promise`, or of `mariadb`. */
export interface MysqlPool {
  getConnection(): Promise<MysqlConnection>;
}

/** A pool of `mysql2` with callbacks, which has one with promises inside. */
export interface MysqlCallbackPool {
  promise(): MysqlPool;
}

/** One row as it comes from a driver. */
export type Row = readonly unknown[];

/** What a statement gave: rows as arrays, and what the server counted. */
export interface Result {
  readonly rows: readonly Row[];
  readonly affected: number;
  /** What `LAST_INSERT_ID(…)` was given in the statement; 0 when no row got that far. */
  readonly insertId: number;
}

/** A statement and what is bound in it. */
export interface Prepared {
  readonly sql: string;
  readonly values: readonly MysqlValue[];
}

/** One connection with the differences between the drivers out of sight. */
export interface Link {
  /**
   * Whether no transaction is open and each statement commits by itself, as the server last told. False as well where somebody
   * else may have changed that since, and the driver does not show it.
   */
  readonly settled: boolean;
  /** By the binary protocol: nothing is ever escaped into the text of a statement. */
  execute(sql: string, values: readonly MysqlValue[]): Promise<Result>;
  /** For statements without values which cannot be prepared. */
  command(sql: string): Promise<void>;
  release(): void;
  destroy(): void;
  /** The same object for the same connection, each time that the pool gives it out. */
  readonly identity: object;
}

/** Gives out connections. */
export type Acquire = () => Promise<Link>;

/** Finds out which driver a pool is of. Throws `ERR_SESSION_CONFIG` when it is none that is known. */
export function linksOf(pool: unknown): Acquire {
  if (isPool(pool)) {
    if (has(pool, "promise")) return mysql2Links((pool as unknown as MysqlCallbackPool).promise());
    if (has(pool, "taskQueueSize") && pool.getConnection.length === 0) return mariadbLinks(pool);
    if (has(pool, "execute") && "pool" in pool) return mysql2Links(pool);
  }
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "mysqlStore needs a pool: createPool of mysql2/promise, of mysql2 or of mariadb. A single connection or mariadb/callback will not do.",
  );
}

function isPool(value: unknown): value is MysqlPool {
  return typeof value === "object" && value !== null && has(value, "getConnection");
}

function has(value: object, method: string): boolean {
  return typeof Reflect.get(value, method) === "function";
}

/** Each option stands for one that the application may have set for its own queries and that would change what we get. */
const MYSQL2_OPTIONS = { rowsAsArray: true, typeCast: true, namedPlaceholders: false, nestTables: false };
const MARIADB_OPTIONS = {
  rowsAsArray: true,
  typeCast: undefined,
  namedPlaceholders: false,
  nestTables: false,
  metaAsArray: false,
  logParam: false,
  checkNumberRange: false,
};

function mysql2Links(pool: MysqlPool): Acquire {
  const unchanged = new Unchanged();
  return async () => {
    const connection = await pool.getConnection();
    const inner: unknown = Reflect.get(connection, "connection");
    const identity = isObject(inner) ? inner : connection;
    let settled = unchanged.holds(identity);
    const noted = (given: unknown): Result => {
      // Rows come without a status; they change nothing in it.
      if (!Array.isArray(given)) settled = isSettled(Reflect.get(given as object, "serverStatus"));
      return resultOf(given);
    };
    return {
      get settled() {
        return settled;
      },
      async execute(sql, values) {
        const [given] = (await connection.execute({ sql, ...MYSQL2_OPTIONS }, [...values])) as [unknown];
        return noted(given);
      },
      async command(sql) {
        const [given] = (await connection.query({ sql })) as [unknown];
        noted(given);
      },
      release: () => {
        if (settled) unchanged.note(identity);
        else unchanged.forget(identity);
        connection.release();
      },
      destroy: () => {
        connection.destroy();
        // mysql2 only says goodbye, to which a server that is gone never answers.
        if (isObject(inner))
          (Reflect.get(inner, "stream") as { destroy?(): unknown } | undefined)?.destroy?.();
      },
      identity,
    };
  };
}

function mariadbLinks(pool: MysqlPool): Acquire {
  return async () => {
    // The pool hands a released connection to those who wait in the next tick; whoever asks before that gets it first, and
    // under load those who wait never get one.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    const connection = await pool.getConnection();
    const info: unknown = Reflect.get(connection, "info");
    return {
      get settled() {
        return isObject(info) && isSettled(Reflect.get(info, "status"));
      },
      execute: async (sql, values) =>
        resultOf(await connection.execute({ sql, ...MARIADB_OPTIONS }, [...values])),
      command: async (sql) => void (await connection.query({ sql })),
      // It resolves when the connection is clean; nobody has to wait for that, and a failure has closed it.
      release: () => void Promise.resolve(connection.release()).catch(() => undefined),
      destroy: () => {
        fail(info);
        connection.destroy();
      },
      identity: isObject(info) ? info : connection,
    };
  };
}

/**
 * Closes a connection of the mariadb driver as a failure of its socket does. Its `destroy` alone would have what runs there killed by a
 * connection of its own, by a number that may be another's by then or on another server, and where the server knows no such number the
 * process would end by an unhandled rejection (seen with 3.5.4). Earlier versions do not have it.
 */
function fail(info: unknown): void {
  const fatalError: unknown = isObject(info) ? Reflect.get(info, "fatalError") : undefined;
  if (typeof fatalError === "function")
    fatalError.call(info, new Error("The connection was given up: the server did not answer in time."), true);
}

/** Bits of the protocol, which come with an answer. */
const SERVER_STATUS_IN_TRANS = 1;
const SERVER_STATUS_AUTOCOMMIT = 2;

function isSettled(status: unknown): boolean {
  const bits = SERVER_STATUS_IN_TRANS | SERVER_STATUS_AUTOCOMMIT;
  return (Number(status) & bits) === SERVER_STATUS_AUTOCOMMIT;
}

function resultOf(given: unknown): Result {
  if (Array.isArray(given)) return { rows: given as unknown[][], affected: 0, insertId: 0 };
  const { affectedRows, insertId } = given as Readonly<Record<string, unknown>>;
  return { rows: [], affected: Number(affectedRows), insertId: Number(insertId) };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
