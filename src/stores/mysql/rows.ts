import { newerFormat, SessionError } from "../../core/errors.ts";
import { judgeRecord, type SessionRecord } from "../../core/record.ts";
import type { Row } from "./pool.ts";

/**
 * The columns of a session `s` and one field `f` of it, in the order in which {@link judgeRows} takes them. Texts come as bytes: some charsets
 * that a connection may have been given have another sign in place of the backslash.
 */
export const COLUMNS = `CAST(s.id AS BINARY), s.epoch, s.version, CAST(s.secret_hash AS BINARY), CAST(s.labels AS BINARY), s.created_at, s.accessed_at, s.expires_at, s.ends_at, s.format,
  f.name, CAST(f.text AS BINARY)`;

const NAME = 10;
const TEXT = 11;

/** The highest record format that the statements which write take; the column tells it, so that no field need be looked at. */
export const FORMAT = 1;

/** Rows as a record, or why they are none. */
export type Judged =
  | { readonly verdict: "record"; readonly record: SessionRecord }
  | { readonly verdict: "corrupt" }
  | { readonly verdict: "newer" };

/** Makes a record of the rows of one session, one row a field. Never throws, whatever the rows hold. */
export function judgeRows(rows: readonly Row[]): Judged {
  const [id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt, format] =
    rows[0] ?? [];
  const value = {
    id: textOf(id),
    epoch: count(epoch),
    version: count(version),
    secretHash: textOf(secretHash),
    labels: parse(textOf(labels)),
    createdAt: count(createdAt),
    accessedAt: count(accessedAt),
    expiresAt: count(expiresAt),
    endsAt: count(endsAt),
    fields: fieldsOf(rows),
  };
  const verdict = judgeRecord(value);
  if (!(Number(format) <= FORMAT)) return { verdict: "newer" };
  // The statements that write take a version below 0 for garbage.
  if (verdict === "record" && Number(value.version) < 0) return { verdict: "corrupt" };
  return verdict === "record" ? { verdict, record: value as SessionRecord } : { verdict };
}

/** Makes a record of the rows of one session. Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when they are none that is understood. */
export function recordOf(rows: readonly Row[]): SessionRecord {
  const judged = judgeRows(rows);
  if (judged.verdict === "record") return judged.record;
  if (judged.verdict === "newer") throw newerFormat();
  throw new SessionError("ERR_SESSION_CORRUPT", "A row of the sessions table is not a record.");
}

/** The names of the fields that have a row, with a text or without. */
export function namesIn(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.flatMap((row) => (Buffer.isBuffer(row[NAME]) ? [row[NAME].toString()] : [])));
}

/** The rows of each session, by its id. */
export function rowsBySession(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  const sessions = new Map<string, Row[]>();
  for (const row of rows) {
    const id = String(row[0]);
    const those = sessions.get(id);
    if (those === undefined) sessions.set(id, [row]);
    else those.push(row);
  }
  return sessions;
}

/** The rows of each session, in the order of the ids. */
export function bySession(rows: readonly Row[]): (readonly Row[])[] {
  return [...rowsBySession(rows)].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, those]) => those);
}

function fieldsOf(rows: readonly Row[]): Record<string, string> {
  const fields: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const row of rows) {
    const [name, text] = [row[NAME], row[TEXT]];
    // No field at all, or one whose row waits for its first text.
    if (Buffer.isBuffer(name) && Buffer.isBuffer(text)) fields[name.toString()] = text.toString();
  }
  return fields;
}

function textOf(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString() : value;
}

/** Drivers give a BIGINT as a number, a bigint or a string, as they are set. One past the safe ones becomes an unsafe number, which no record has. */
function count(value: unknown): unknown {
  return typeof value === "bigint" || (typeof value === "string" && value !== "") ? Number(value) : value;
}

function parse(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
