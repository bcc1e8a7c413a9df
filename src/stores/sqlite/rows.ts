import { newerFormat, SessionError } from "../../core/errors.ts";
import { addField, FORMAT_FIELD, judgeRecord, RESERVED, type SessionRecord } from "../../core/record.ts";
import type { Names } from "./schema.ts";

/** Which fields a query brings along. */
export type FieldChoice = "all" | "reserved" | "format";

// SQLite compares texts by their bytes: what begins with the reserved character lies between it and its successor.
const AFTER_RESERVED = String.fromCharCode(RESERVED.charCodeAt(0) + 1);
const WHICH: Readonly<Record<FieldChoice, string>> = {
  all: "",
  reserved: `AND f.name >= '${RESERVED}' AND f.name < '${AFTER_RESERVED}'`,
  format: `AND f.name = '${FORMAT_FIELD}'`,
};

/** The start of a query over sessions `s` that yields one row a record, fields included, so that one statement sees it whole. */
export function selectRecords(names: Names, choice: FieldChoice): string {
  return `SELECT s.id, s.epoch, s.version, s.secret_hash, s.labels, s.created_at, s.accessed_at, s.expires_at, s.ends_at,
    (SELECT json_group_object(f.name, f.text) FROM ${names.fields} f WHERE f.session_id = s.id ${WHICH[choice]})
    FROM ${names.sessions} s`;
}

/**
 * A query for one record by its id, given twice, that yields its own row and then one row a field, in one statement, so that it is seen whole.
 * Long texts come as they are: within one JSON text each would be escaped by the engine and read again here.
 */
export function selectRecord(names: Names): string {
  return `SELECT id, epoch, version, secret_hash, labels, created_at, accessed_at, expires_at, ends_at FROM ${names.sessions} WHERE id = ?
    UNION ALL SELECT name, NULL, NULL, text, NULL, NULL, NULL, NULL, NULL FROM ${names.fields} WHERE session_id = ?`;
}

/** A row as a record, or why it is none. */
export type Judged =
  | { readonly verdict: "record"; readonly record: SessionRecord }
  | { readonly verdict: "corrupt" }
  | { readonly verdict: "newer" };

/** Makes a record of a row of {@link selectRecords}. Never throws, whatever the row holds. */
export function judgeRow(row: readonly unknown[]): Judged {
  return judged(row, parse(row[9]));
}

function judged(row: readonly unknown[], fields: unknown): Judged {
  const [id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt] = row;
  const value: unknown = {
    id,
    epoch: count(epoch),
    version: count(version),
    secretHash,
    labels: parse(labels),
    createdAt: count(createdAt),
    accessedAt: count(accessedAt),
    expiresAt: count(expiresAt),
    endsAt: count(endsAt),
    fields,
  };
  const verdict = judgeRecord(value);
  return verdict === "record" ? { verdict, record: value as SessionRecord } : { verdict };
}

/**
 * Makes a record of the rows of {@link selectRecord}, `null` of those without the record's own.
 * Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when it is none that is understood.
 */
export function recordOf(rows: readonly (readonly unknown[])[]): SessionRecord | null {
  const own = rows[0];
  // Fields without a session were left behind by a hand.
  if (own === undefined || own[VERSION] === null) return null;
  const found = judged(own, fieldsOf(rows));
  if (found.verdict === "record") return found.record;
  if (found.verdict === "newer") throw newerFormat();
  throw new SessionError("ERR_SESSION_CORRUPT", "A row of the sessions table is not a record.");
}

/** The column that every session has and no field. */
const VERSION = 2;

function fieldsOf(rows: readonly (readonly unknown[])[]): unknown {
  const fields: Record<string, unknown> = {};
  for (let index = 1; index < rows.length; index += 1) {
    const [name, , , text] = rows[index] ?? [];
    addField(fields, String(name), text);
  }
  return fields;
}

/** An integer past the safe ones becomes an unsafe number, which no record has. */
function count(value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}

function parse(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
