import { newerFormat, SessionError } from "../../core/errors.ts";
import { judgeRecord, type SessionRecord } from "../../core/record.ts";
import type { Page } from "../../core/store.ts";
import type { Value } from "./values.ts";

/** One row of an answer: texts and nulls, whatever the types in the database. */
export type Row = readonly Value[];

/** Where the rows of a read have the key of a long text, and the text; the row of the record has no key. */
const KEY = 10;
const TEXT = 11;

/**
 * Makes a record of the rows that a read answers for one id: its own and those of its long texts. Throws `ERR_SESSION_CORRUPT` or
 * `ERR_SESSION_FORMAT` when it is none that is understood.
 */
export function recordOf(rows: readonly Row[]): SessionRecord {
  const value = valueOf(rows.find((row) => row[KEY] === null) ?? [], textsOf(rows));
  switch (judgeRecord(value)) {
    case "record":
      return value as SessionRecord;
    case "newer":
      throw newerFormat();
    case "corrupt":
      throw new SessionError("ERR_SESSION_CORRUPT", "A row of the sessions table is not a record.");
  }
}

/** Makes a page of up to one row more than its limit. Rows that are no records are passed over. */
export function pageOf(rows: readonly Row[], limit: number): Page {
  const values = rows.slice(0, limit).map((row) => valueOf(row, textsIn(row[LONG])));
  const records = values.filter((value): value is SessionRecord => judgeRecord(value) === "record");
  // Taken from the last row seen, readable or not, so that a page of garbage does not end the walk.
  return rows.length > limit ? { records, next: String(rows[limit - 1]?.[0]) } : { records };
}

/** Where the rows of a listing have an object of the long texts that it shows. */
const LONG = 10;

/** Long texts by their keys; `null` where there are none. */
type Texts = ReadonlyMap<string, unknown> | null;

function textsOf(rows: readonly Row[]): Texts {
  return rows.length < 2 ? null : new Map(rows.map((row) => [row[KEY] ?? "", row[TEXT]]));
}

function textsIn(long: Value | undefined): Texts {
  const texts = parsed(long);
  return isObject(texts) ? new Map(Object.entries(texts)) : null;
}

function valueOf(row: Row, texts: Texts): unknown {
  const [id, secretHash, labels, epoch, version, createdAt, accessedAt, expiresAt, endsAt, fields] = row;
  return {
    id,
    epoch: count(epoch),
    version: count(version),
    secretHash,
    labels: parsed(labels),
    createdAt: count(createdAt),
    accessedAt: count(accessedAt),
    expiresAt: count(expiresAt),
    endsAt: count(endsAt),
    fields: fieldsOf(parsed(fields), texts),
  };
}

/** Puts the long texts in for their keys. What refers to a text that is not there is left as it is, which no record has. */
function fieldsOf(column: unknown, texts: Texts): unknown {
  if (!isObject(column) || Array.isArray(column) || texts === null) return column;
  const entries = Object.entries(column).map(([name, value]: [string, unknown]) => {
    const text = Array.isArray(value) ? texts.get(String(value[0])) : undefined;
    return [name, text ?? value];
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** An integer past the safe ones becomes an unsafe number, which no record has. */
function count(text: Value | undefined): unknown {
  return typeof text === "string" ? Number(text) : undefined;
}

function parsed(text: Value | undefined): unknown {
  if (typeof text !== "string") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
