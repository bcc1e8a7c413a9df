import { newerFormat, SessionError } from "../../core/errors.ts";
import { judgeRecord, type SessionRecord } from "../../core/record.ts";
import type { Page } from "../../core/store.ts";
import type { Value } from "./values.ts";

/** One row of an answer: texts and nulls, whatever the types in the database. */
export type Row = readonly Value[];

/** Makes a record of a row. Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when it is none that is understood. */
export function recordOf(row: Row): SessionRecord {
  const value = valueOf(row);
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
  const values = rows.slice(0, limit).map(valueOf);
  const records = values.filter((value): value is SessionRecord => judgeRecord(value) === "record");
  // Taken from the last row seen, readable or not, so that a page of garbage does not end the walk.
  return rows.length > limit ? { records, next: String(rows[limit - 1]?.[0]) } : { records };
}

function valueOf(row: Row): unknown {
  const [id, secretHash, labels, epoch, version, createdAt, accessedAt, expiresAt, endsAt, fields, long] =
    row;
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
    fields: fieldsOf(parsed(fields), parsed(long)),
  };
}

/** Puts the long texts in for their keys. What refers to a text that is not there is left as it is, which no record has. */
function fieldsOf(column: unknown, long: unknown): unknown {
  if (typeof column !== "object" || column === null || Array.isArray(column) || !isObject(long))
    return column;
  const entries = Object.entries(column).map(([name, value]: [string, unknown]) => {
    const text = Array.isArray(value) ? long[String(value[0])] : undefined;
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
