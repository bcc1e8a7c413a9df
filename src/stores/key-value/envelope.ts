import { newerFormat, SessionError } from "../../core/errors.ts";
import { judgeRecord, type SessionId, type SessionRecord } from "../../core/record.ts";
import type { Listed } from "./engine.ts";

/** A record, and which write put it there. */
export interface Envelope {
  readonly record: SessionRecord;
  readonly stamp: string;
}

/** The layout of the text. A later one is a newer version's. */
const LAYOUT = 1;

/** Writes a record as one text, so that no engine looks inside. */
export function sealEnvelope({ record, stamp }: Envelope): string {
  return JSON.stringify({ holdfast: LAYOUT, stamp, record });
}

/**
 * Reads such a text.
 *
 * @throws `ERR_SESSION_CORRUPT` for whatever is none, and `ERR_SESSION_FORMAT` for a newer layout. That the fields are a newer version's is the
 * core's to judge, as with every store.
 */
export function openEnvelope(text: unknown): Envelope {
  const envelope = parsed(text);
  const { holdfast, record, stamp } = envelope;
  if (typeof holdfast === "number" && holdfast > LAYOUT) throw newerFormat();
  if (judgeRecord(record) === "corrupt") throw corrupt();
  return { record: record as SessionRecord, stamp: String(stamp) };
}

/** What a listing makes of a text, whose id is known where the engine's key tells it; nothing for what is none of ours. */
export function listedIn(text: unknown, id: SessionId | null = null): Listed[] {
  try {
    const { record } = openEnvelope(text);
    return [{ id: id ?? record.id, labels: record.labels }];
  } catch {
    return id === null ? [] : [{ id, labels: null }];
  }
}

function parsed(text: unknown): Readonly<Record<string, unknown>> {
  if (typeof text !== "string") throw corrupt();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw corrupt();
}

/** What a store rejects with where something lies that is no record. */
export function corrupt(cause?: unknown): SessionError {
  return new SessionError("ERR_SESSION_CORRUPT", "What is stored under the id is not a record.", { cause });
}
