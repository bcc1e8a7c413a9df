import { SessionError } from "../../core/errors.ts";

/** The layout of the tables below. */
export const SCHEMA_VERSION = 1;

/** MySQL allows 64; the longest name that is derived adds `_labels_session`. */
const MOST_CHARACTERS = 49;

/** Names of the tables, for messages and look-ups as they are, and quoted for SQL. */
export interface Names {
  readonly database: string | undefined;
  readonly tables: Readonly<Record<"sessions" | "fields" | "labels" | "schema", string>>;
  readonly sessions: string;
  readonly fields: string;
  readonly labels: string;
  readonly schema: string;
  readonly constraints: Readonly<Record<"fields" | "labels", string>>;
}

/** Makes the names. Throws `ERR_SESSION_CONFIG` for what cannot be a name on these engines. */
export function namesFor(table: string, database: string | undefined): Names {
  checkName("table", table, MOST_CHARACTERS);
  if (database !== undefined) checkName("database", database, 64);
  const tables = {
    sessions: table,
    fields: `${table}_fields`,
    labels: `${table}_labels`,
    schema: `${table}_schema`,
  };
  const qualified = (name: string): string =>
    database === undefined ? quoted(name) : `${quoted(database)}.${quoted(name)}`;
  return {
    database,
    tables,
    sessions: qualified(tables.sessions),
    fields: qualified(tables.fields),
    labels: qualified(tables.labels),
    schema: qualified(tables.schema),
    constraints: { fields: quoted(`${table}_fields_session`), labels: quoted(`${table}_labels_session`) },
  };
}

function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function checkName(option: string, name: string, most: number): void {
  const fits = typeof name === "string" && name.length >= 1 && name.length <= most;
  // What lies past the basic plane, ends in a space or holds NUL, / or \ is refused or bent by one engine or another.
  if (fits && /^[\u0001-\ud7ff\ue000-\uffff]+$/.test(name) && !/[/\\.]|\s$/.test(name)) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${option} ${JSON.stringify(name)} cannot be a name here. Use 1 to ${most} characters without / \\ . and without a space at the end.`,
  );
}

/** The columns of each table. */
export const COLUMNS_OF: Readonly<Record<keyof Names["tables"], readonly string[]>> = {
  sessions: [
    "id",
    "epoch",
    "version",
    "secret_hash",
    "labels",
    "created_at",
    "accessed_at",
    "expires_at",
    "ends_at",
    "format",
  ],
  fields: ["session_id", "name", "text"],
  labels: ["label", "session_id"],
  schema: ["one", "version"],
};

/** The tables whose rows go with their session. */
export const CASCADES: readonly ("fields" | "labels")[] = ["fields", "labels"];

/** What has to be said where an update may have been hidden: under a trigger `LAST_INSERT_ID(…)` does not reach the answer. */
export const NO_TRIGGERS = "Drop the triggers on updates of the tables of sessions and fields.";

/** The statements that make the tables. Every one may be repeated, and by many at once. */
export function tableStatements(names: Names): readonly string[] {
  const id = "CHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL";
  const end = "ENGINE=InnoDB ROW_FORMAT=DYNAMIC";
  return [
    `CREATE TABLE IF NOT EXISTS ${names.sessions} (
      id ${id},
      epoch BIGINT NOT NULL,
      version BIGINT NOT NULL,
      secret_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      labels MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
      created_at BIGINT NOT NULL,
      accessed_at BIGINT NOT NULL,
      expires_at BIGINT NOT NULL,
      ends_at BIGINT NOT NULL,
      format BIGINT NOT NULL,
      PRIMARY KEY (id),
      KEY by_expiry (expires_at)
    ) ${end}`,
    `CREATE TABLE IF NOT EXISTS ${names.fields} (
      session_id ${id},
      name VARBINARY(512) NOT NULL,
      text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
      PRIMARY KEY (session_id, name),
      CONSTRAINT ${names.constraints.fields} FOREIGN KEY (session_id) REFERENCES ${names.sessions} (id) ON DELETE CASCADE
    ) ${end}`,
    `CREATE TABLE IF NOT EXISTS ${names.labels} (
      label BINARY(32) NOT NULL,
      session_id ${id},
      PRIMARY KEY (label, session_id),
      KEY by_session (session_id),
      CONSTRAINT ${names.constraints.labels} FOREIGN KEY (session_id) REFERENCES ${names.sessions} (id) ON DELETE CASCADE
    ) ${end}`,
    `CREATE TABLE IF NOT EXISTS ${names.schema} (
      one TINYINT NOT NULL,
      version BIGINT NOT NULL,
      PRIMARY KEY (one)
    ) ${end}`,
  ];
}
