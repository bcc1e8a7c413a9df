import { SessionError } from "../../core/errors.ts";
import type { Connection, Reader } from "./driver.ts";

/** The layout of the tables below. */
const SCHEMA_VERSION = 1;

const PREFIX = /^[A-Za-z_][A-Za-z0-9_]{0,40}$/;

/** Names of the tables and indexes, quoted where they stand for themselves in SQL. */
export interface Names {
  readonly prefix: string;
  readonly sessions: string;
  readonly fields: string;
  readonly labels: string;
  readonly schema: string;
}

/** Makes the names from a prefix. Throws `ERR_SESSION_CONFIG` for one that is not a plain SQL name. */
export function namesFor(prefix: string): Names {
  if (!PREFIX.test(prefix) || /^sqlite_/i.test(prefix)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `tablePrefix ${JSON.stringify(prefix)} cannot begin a table name. Use letters, digits and _, at most 41, not beginning with a digit or "sqlite_".`,
    );
  }
  return {
    prefix,
    sessions: `"${prefix}sessions"`,
    fields: `"${prefix}fields"`,
    labels: `"${prefix}labels"`,
    schema: `"${prefix}schema"`,
  };
}

function versionTable(names: Names): string {
  return `
    CREATE TABLE IF NOT EXISTS ${names.schema} (version INTEGER NOT NULL) STRICT;
    INSERT INTO ${names.schema} SELECT ${SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM ${names.schema});
  `;
}

/**
 * Every step may be repeated. The tables are STRICT, so a value of a wrong type is refused by the engine whoever
 * writes it. Field texts may be long, which is what rowid tables are for; sessions and labels are short.
 */
function recordTables(names: Names): string {
  return `
    CREATE TABLE IF NOT EXISTS ${names.sessions} (
      id TEXT NOT NULL PRIMARY KEY,
      epoch INTEGER NOT NULL,
      version INTEGER NOT NULL,
      secret_hash TEXT NOT NULL,
      labels TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      accessed_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      ends_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS "${names.prefix}sessions_by_expiry" ON ${names.sessions} (expires_at);
    CREATE TABLE IF NOT EXISTS ${names.fields} (
      session_id TEXT NOT NULL,
      name TEXT NOT NULL,
      text TEXT NOT NULL,
      PRIMARY KEY (session_id, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS ${names.labels} (
      label TEXT NOT NULL,
      session_id TEXT NOT NULL,
      PRIMARY KEY (label, session_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS "${names.prefix}labels_by_session" ON ${names.labels} (session_id);
  `;
}

/** Creates what is missing, in the transaction that is open. Changes nothing that is there. Throws as `checkTables`. */
export function createTables(connection: Connection, names: Names): void {
  connection.exec(versionTable(names));
  checkVersion(names, versionReader(connection, names));
  connection.exec(recordTables(names));
  checkTables(connection, names);
}

/** Tells whether every table and index is there. Only reads. */
export function isComplete(connection: Connection, names: Names): boolean {
  const wanted = ["sessions", "fields", "labels", "schema", "sessions_by_expiry", "labels_by_session"];
  const found = connection.reader(
    "SELECT count(*) FROM sqlite_schema WHERE name IN (SELECT value FROM json_each(?))",
  );
  const count = found(JSON.stringify(wanted.map((name) => names.prefix + name)))[0]?.[0];
  return count === BigInt(wanted.length) && versionReader(connection, names)().length > 0;
}

/** Prepares the query that {@link checkVersion} needs. */
export function versionReader(connection: Connection, names: Names): Reader {
  return connection.reader(`SELECT version FROM ${names.schema} LIMIT 2`);
}

/** Throws `ERR_SESSION_FORMAT` when another version of Holdfast laid out the tables. */
export function checkVersion(names: Names, read: Reader): void {
  const versions = read().map(([version]) => version);
  if (versions.length === 1 && versions[0] === BigInt(SCHEMA_VERSION)) return;
  throw new SessionError(
    "ERR_SESSION_FORMAT",
    `The tables ${names.prefix}* have schema ${versions.join(", ") || "unknown"}; this version of Holdfast knows schema ${SCHEMA_VERSION}. Update it, or use another tablePrefix.`,
  );
}

/** Throws as {@link checkVersion}, and `ERR_SESSION_CONFIG` when tables of these names are somebody else's. */
export function checkTables(connection: Connection, names: Names): void {
  checkVersion(names, versionReader(connection, names));
  const tables = connection.reader("SELECT name FROM pragma_table_list WHERE strict = 1 AND schema = 'main'");
  const strict = new Set(tables().map(([name]) => name));
  const foreign = ["sessions", "fields", "labels"]
    .map((name) => names.prefix + name)
    .find((name) => !strict.has(name));
  if (foreign === undefined) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `The table ${foreign} was not made by Holdfast: it is not STRICT. Use another tablePrefix.`,
  );
}
