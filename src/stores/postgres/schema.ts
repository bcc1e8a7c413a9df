import { refuseConfig, SessionError } from "../../core/errors.ts";
import type { StoreTraits } from "../../core/store.ts";
import { digest, literal, type Names, quoted } from "./names.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";

/** The layout of the tables below. */
const SCHEMA_VERSION = 1;
const SIGNATURE = "Holdfast sessions, schema ";
const SIGNED = `${SIGNATURE}${SCHEMA_VERSION}`;

/**
 * Creates what is missing, as one message and so in one transaction. Whoever else sets up the same tables waits for the lock,
 * which ends with the transaction. Texts are compared by their bytes.
 */
export function setupScript(names: Names, missing: { readonly schema: boolean }): string {
  const { sessions, labels, texts, table } = names;
  const lock = BigInt.asIntN(64, BigInt(`0x${digest(`${sessions} setup`).slice(0, 16)}`));
  return `
    SELECT pg_catalog.pg_advisory_xact_lock(${lock});
    ${missing.schema ? `CREATE SCHEMA IF NOT EXISTS ${quoted(names.schema)};` : ""}
    CREATE TABLE IF NOT EXISTS ${sessions} (
      id text COLLATE "C" NOT NULL,
      epoch bigint NOT NULL,
      version bigint NOT NULL,
      created_at bigint NOT NULL,
      accessed_at bigint NOT NULL,
      expires_at bigint NOT NULL,
      ends_at bigint NOT NULL,
      due bigint NOT NULL,
      secret_hash text COLLATE "C" NOT NULL,
      labels text[] COLLATE "C" NOT NULL,
      fields jsonb NOT NULL,
      long boolean NOT NULL,
      CONSTRAINT ${quoted(`${table}_key`)} PRIMARY KEY (id)
    ) WITH (fillfactor = 80);
    CREATE INDEX IF NOT EXISTS ${quoted(names.dueIndex)} ON ${sessions} (due);
    CREATE TABLE IF NOT EXISTS ${labels} (
      label text COLLATE "C" NOT NULL,
      session_id text COLLATE "C" NOT NULL,
      CONSTRAINT ${quoted(`${table}_labels_key`)} PRIMARY KEY (label, session_id),
      CONSTRAINT ${quoted(`${table}_labels_session_fk`)} FOREIGN KEY (session_id) REFERENCES ${sessions} ON DELETE CASCADE
    );
    CREATE INDEX IF NOT EXISTS ${quoted(names.sessionIndex)} ON ${labels} (session_id);
    CREATE TABLE IF NOT EXISTS ${texts} (
      session_id text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      text text COLLATE "C" NOT NULL,
      CONSTRAINT ${quoted(`${table}_texts_key`)} PRIMARY KEY (session_id, name, key),
      CONSTRAINT ${quoted(`${table}_texts_session_fk`)} FOREIGN KEY (session_id) REFERENCES ${sessions} ON DELETE CASCADE
    );
    COMMENT ON TABLE ${sessions} IS ${literal(SIGNED)};
    COMMENT ON TABLE ${labels} IS ${literal(SIGNED)};
    COMMENT ON TABLE ${texts} IS ${literal(SIGNED)};
  `;
}

/** Parameters: none that matter. What the server promises; anybody may ask. */
export const SETTINGS: Statement = named(
  "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('fsync'), pg_catalog.current_setting('synchronous_commit') WHERE $1::text IS NOT NULL",
);

/** $1 schema, $2 names: what of these is there, one row each, after a row for the schema itself. */
export const RELATIONS: Statement = named(`
  SELECT '', '', '' FROM pg_catalog.pg_namespace n WHERE n.nspname = $1::text
  UNION ALL
  SELECT c.relname::text, coalesce(pg_catalog.obj_description(c.oid, 'pg_class'), ''), coalesce(t.relname::text, '')
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
  WHERE n.nspname = $1::text AND c.relname = ANY ($2::text[])`);

function named(text: string): Statement {
  return { name: `holdfast_${digest(text)}`, text };
}

/** Names of all that belongs to the store. */
export function relationsOf(names: Names): readonly string[] {
  return [...tablesOf(names), names.dueIndex, names.sessionIndex];
}

function tablesOf({ table, labelsTable, textsTable }: Names): readonly string[] {
  return [table, labelsTable, textsTable];
}

/** What the catalogue says: whether the schema and whatever belongs to the store are there. */
export interface Found {
  readonly schema: boolean;
  readonly complete: boolean;
}

/**
 * Judges the rows of {@link RELATIONS}. Throws `ERR_SESSION_CONFIG` when something of these names is somebody else's, and
 * `ERR_SESSION_FORMAT` when a newer version laid the tables out.
 */
export function judgeRelations(rows: readonly Row[], names: Names): Found {
  const found = new Map(rows.map(([name, comment, on]) => [name, { comment: comment ?? "", on }]));
  for (const table of tablesOf(names)) checkTable(names, table, found.get(table)?.comment);
  checkIndex(names.dueIndex, names.table, found.get(names.dueIndex)?.on);
  checkIndex(names.sessionIndex, names.labelsTable, found.get(names.sessionIndex)?.on);
  return { schema: found.has(""), complete: relationsOf(names).every((name) => found.has(name)) };
}

function checkTable(names: Names, table: string, comment: string | undefined): void {
  if (comment === undefined || comment === SIGNED) return;
  if (comment.startsWith(SIGNATURE)) {
    throw new SessionError(
      "ERR_SESSION_FORMAT",
      `The table ${names.schema}.${table} is marked "${comment}"; this version of Holdfast knows schema ${SCHEMA_VERSION}. Update it, or use another table.`,
    );
  }
  refuseConfig(
    `There is a ${names.schema}.${table} that Holdfast did not make. Use another table or schema. ` +
      `(A table of its own that a backup restored without comments wants COMMENT ON TABLE … IS '${SIGNED}'.)`,
  );
}

function checkIndex(index: string, table: string, on: Row[number] | undefined): void {
  if (on === undefined || on === table) return;
  refuseConfig(
    `There is an index or a table "${index}" that does not belong to ${table}. Use another table or schema.`,
  );
}

const DURABILITIES = ["none", "process", "power"] as const;

/** Judges the row of {@link SETTINGS}. Throws `ERR_SESSION_CONFIG` when the server promises less than is asked of it. */
export function judgeSettings([encoding, fsync, commit]: Row, wanted: StoreTraits["durability"]): void {
  if (encoding !== "UTF8") {
    refuseConfig(
      `The database is encoded in ${encoding}. Sessions need one in UTF8, which holds every text.`,
    );
  }
  const given = commit === "off" ? "none" : fsync === "on" ? "power" : "process";
  if (DURABILITIES.indexOf(given) >= DURABILITIES.indexOf(wanted)) return;
  refuseConfig(
    `durability "${wanted}" is more than this server promises: fsync is ${fsync} and synchronous_commit is ${commit}, ` +
      `which survives "${given}". Set both to on for the role of the store, or ask for durability "${given}".`,
  );
}
