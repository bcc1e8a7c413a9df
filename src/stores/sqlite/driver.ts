import { createRequire } from "node:module";
import { SessionError } from "../../core/errors.ts";

/** What the store binds. */
export type SqliteValue = string | number;

/** What is called of a prepared statement, of `node:sqlite`, `bun:sqlite` or `better-sqlite3`. */
export interface SqliteStatement {
  run(...values: SqliteValue[]): { readonly changes: number | bigint };
  all(...values: SqliteValue[]): unknown[];
  /** better-sqlite3: rows as arrays, integers as numbers or not. What bun:sqlite calls `raw` is another thing. */
  raw?(on: boolean): unknown;
  safeIntegers?(on: boolean): unknown;
  /** bun:sqlite: rows as arrays. */
  values?(...values: SqliteValue[]): unknown[];
  /** node:sqlite: the same. */
  setReturnArrays?(on: boolean): void;
  setReadBigInts?(on: boolean): void;
}

/** What is called of an open database: a `DatabaseSync` of `node:sqlite`, a `Database` of `bun:sqlite` or of `better-sqlite3` fits. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  close(): unknown;
  /** bun:sqlite and better-sqlite3. */
  readonly inTransaction?: boolean;
  /** node:sqlite, where the runtime is new enough. */
  readonly isTransaction?: boolean;
}

/** The drivers, in the order in which they are looked for. */
export const DRIVERS = ["bun:sqlite", "node:sqlite", "better-sqlite3"] as const;

export type SqliteDriverName = (typeof DRIVERS)[number];

/** Opens a database file. Throws what the driver throws. */
export type OpenDatabase = (file: string) => SqliteDatabase;

type DatabaseConstructor = new (
  file: string,
  options: { readonly timeout: number } | { readonly readwrite: true; readonly create: true },
) => SqliteDatabase;

/**
 * Finds a driver: what the runtime brings along, `bun:sqlite` or `node:sqlite`, `better-sqlite3` otherwise, or the one named.
 * Throws `ERR_SESSION_CONFIG`, saying what to do, when there is none.
 */
export function findDriver(wanted?: SqliteDriverName): OpenDatabase {
  for (const name of wanted === undefined ? DRIVERS : [wanted]) {
    const open = FINDERS[name]();
    if (open !== undefined) return open;
  }
  const [needed, instead] =
    wanted === "bun:sqlite" ? ["Bun", "leave"] : ["Node 22.13 or newer", `\`${installCommand()}\` and leave`];
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `This runtime has no ${String(wanted)}. Run ${needed}, or ${instead} \`driver\` out.`,
  );
}

const FINDERS: Readonly<Record<SqliteDriverName, () => OpenDatabase | undefined>> = {
  "bun:sqlite": () => {
    const Database = builtIn("bun:sqlite", "Database");
    return Database && ((file) => new Database(file, { readwrite: true, create: true }));
  },
  "node:sqlite": () => {
    const Database = builtIn("node:sqlite", "DatabaseSync");
    return Database && opener(Database);
  },
  "better-sqlite3": () => opener(betterSqlite3()),
};

function opener(Database: DatabaseConstructor): OpenDatabase {
  // SQLite's own wait for a lock stalls the event loop, so there is none: the store waits asynchronously.
  return (file) => new Database(file, { timeout: 0 });
}

function builtIn(module: string, name: string): DatabaseConstructor | undefined {
  const exports = process.getBuiltinModule(module) as unknown;
  return (exports as Readonly<Record<string, DatabaseConstructor>> | undefined)?.[name];
}

function betterSqlite3(): DatabaseConstructor {
  try {
    const require = createRequire(import.meta.url);
    checkEngine(require("better-sqlite3/package.json"));
    const Database = require("better-sqlite3") as DatabaseConstructor;
    // The native part is loaded by the first database, and its absence is to be learned now.
    new Database(":memory:", { timeout: 0 }).close();
    return Database;
  } catch (cause) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "No SQLite driver: this runtime has no node:sqlite, or better-sqlite3 was asked for, and better-sqlite3 cannot be loaded. " +
        `Run \`${installCommand()}\` (\`npm rebuild better-sqlite3\` after a change of the Node version).`,
      { cause },
    );
  }
}

/** Loaded by a Node that is older than it wants, the native part of better-sqlite3 13 ends the process instead of throwing. */
export function checkEngine(manifest: { readonly engines?: { readonly node?: string } }): void {
  const wanted = manifest.engines?.node ?? "";
  const least = /^>=\s*(\d+)/.exec(wanted)?.[1];
  if (least === undefined || nodeMajor() >= Number(least)) return;
  throw new Error(`This better-sqlite3 wants Node ${wanted}; this is ${process.versions.node}.`);
}

function installCommand(): string {
  return nodeMajor() < 22 ? "npm install better-sqlite3@12" : "npm install better-sqlite3";
}

function nodeMajor(): number {
  return Number.parseInt(process.versions.node, 10);
}

/** Runs one statement and returns how many rows it changed. */
export type Writer = (...values: SqliteValue[]) => number;
/** Runs one query and returns its rows as arrays; integers are bigints, since a stored one may exceed a number. */
export type Reader = (...values: SqliteValue[]) => readonly (readonly unknown[])[];

/** One connection with the differences between the drivers out of sight. */
export interface Connection {
  readonly writer: (sql: string) => Writer;
  readonly reader: (sql: string) => Reader;
  exec(sql: string): void;
  inTransaction(): boolean;
  /** Runs `work` with SQLite's blocking wait for locks switched off. */
  unblocked<T>(work: () => T): T;
  close(): void;
}

/** A connection that the store opened itself, without a busy timeout. */
export function ownConnection(database: SqliteDatabase): Connection {
  return { ...adapt(database), unblocked: (work) => work(), close: () => void database.close() };
}

/**
 * A connection that belongs to the application. Its busy timeout is 0 while the store's own synchronous work runs and
 * is put back before anything else can run; nothing else of it is changed. It is never closed.
 */
export function borrowedConnection(database: SqliteDatabase): Connection {
  const base = adapt(database);
  const timeout = base.reader("PRAGMA busy_timeout");
  function unblocked<T>(work: () => T): T {
    const before = Number(timeout()[0]?.[0]);
    if (before === 0) return work();
    database.exec("PRAGMA busy_timeout = 0");
    try {
      return work();
    } finally {
      database.exec(`PRAGMA busy_timeout = ${before}`);
    }
  }
  return { ...base, unblocked, close: () => undefined };
}

function adapt(database: SqliteDatabase): Omit<Connection, "unblocked" | "close"> {
  return {
    writer(sql) {
      const statement = database.prepare(sql);
      return (...values) => Number(statement.run(...values).changes);
    },
    reader: (sql) => readerOf(database.prepare(sql)),
    exec: (sql) => void database.exec(sql),
    inTransaction: () => database.inTransaction ?? database.isTransaction ?? probeTransaction(database),
  };
}

function readerOf(statement: SqliteStatement): Reader {
  statement.safeIntegers?.(true);
  statement.setReadBigInts?.(true);
  const { values: arrays } = statement;
  if (arrays !== undefined) return (...values) => arrays.apply(statement, values) as unknown[][];
  if (statement.raw !== undefined) statement.raw(true);
  else if (statement.setReturnArrays !== undefined) statement.setReturnArrays(true);
  else return (...values) => statement.all(...values).map((row) => Object.values(row as object));
  return (...values) => statement.all(...values) as unknown[][];
}

/** For a runtime whose databases do not tell: a transaction inside another is refused, whatever else is. */
function probeTransaction(database: SqliteDatabase): boolean {
  try {
    database.exec("BEGIN");
  } catch {
    return true;
  }
  database.exec("ROLLBACK");
  return false;
}
