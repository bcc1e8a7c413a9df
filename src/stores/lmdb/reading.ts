import { SessionError } from "../../core/errors.ts";
import { isReserved, type SessionId, type SessionRecord } from "../../core/record.ts";
import type { Page } from "../../core/store.ts";
import { type Head, headOf, judgeHead, partOf } from "./head.ts";
import {
  headKey,
  type KeyRange,
  labelledAfter,
  labelledId,
  parts,
  reservedParts,
  sessionOf,
  sessionsAfter,
} from "./keys.ts";
import type { View } from "./view.ts";

/** Bounds how long one page keeps the event loop: in records, and in characters of what is stored of them. */
const LARGEST_PAGE = 500;
const LONGEST_PAGE = 2 * 1024 * 1024;

/** Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` for what is no record that is understood. */
export function readRecord(view: View, id: SessionId): SessionRecord | null {
  const entry = view.get(headKey(id));
  if (entry === undefined) return null;
  const head = headOf(id, entry.value);
  return recordOf(head, head.apart ? textsOf(view, [parts(id)]) : []);
}

/** The records under a label, without fields that are not reserved. The head says whether a record bears it. */
export function listLabelled(view: View, label: string, after: string, limit: number): Page {
  const most = Math.min(limit, LARGEST_PAGE);
  const ids = view.keys(labelledAfter(label, after), most + 1).map(labelledId);
  const records: SessionRecord[] = [];
  for (const id of ids.slice(0, most)) {
    const record = readable(() => reservedRecord(view, id, label));
    if (record !== undefined) records.push(record);
  }
  return pageOf(records, ids.length > most ? ids[most - 1] : undefined);
}

function reservedRecord(view: View, id: string, label: string): SessionRecord | undefined {
  const head = headOf(id, view.get(headKey(id))?.value);
  if (!head.record.labels.includes(label)) return undefined;
  const inline = Object.entries(head.fields).filter(([name]) => isReserved(name));
  const apart = head.apart ? textsOf(view, reservedParts(id)).filter(([name]) => isReserved(name)) : [];
  return recordOf({ ...head, fields: Object.fromEntries(inline) }, apart);
}

/** The records after an id, with all their fields: one way through what is stored, in the order in which it is stored. */
export function listAll(view: View, after: string, limit: number): Page {
  const most = Math.min(limit, LARGEST_PAGE);
  const records: SessionRecord[] = [];
  let last: string | undefined;
  let seen = 0;
  let size = 0;
  let gathered: Gathered | undefined;
  for (const { key, value } of view.entries(sessionsAfter(after))) {
    const { id, isHead } = sessionOf(String(key));
    if (isHead) {
      complete(gathered, records);
      if (seen >= most || size >= LONGEST_PAGE) return pageOf(records, last);
      seen += 1;
      last = id;
      const judged = judgeHead(id, value);
      gathered = judged.verdict === "record" ? { head: judged.head, values: [] } : undefined;
    } else if (id === gathered?.head.record.id && !String(key).endsWith("<")) gathered.values.push(value);
    size += String(value).length;
  }
  complete(gathered, records);
  return pageOf(records, undefined);
}

interface Gathered {
  readonly head: Head;
  readonly values: unknown[];
}

function complete(gathered: Gathered | undefined, records: SessionRecord[]): void {
  if (gathered === undefined) return;
  const record = readable(() => recordOf(gathered.head, gathered.values.map(partOf)));
  if (record !== undefined) records.push(record);
}

function textsOf(view: View, ranges: readonly KeyRange[]): (readonly [string, string])[] {
  return ranges.flatMap((range) => Array.from(view.entries(range), ({ value }) => partOf(value)));
}

function recordOf({ record, fields }: Head, apart: readonly (readonly [string, string])[]): SessionRecord {
  if (apart.length === 0) return { ...record, fields };
  return { ...record, fields: Object.fromEntries([...Object.entries(fields), ...apart]) };
}

/** What is no record that is understood is skipped by listings. An engine that fails is another matter. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (SessionError.is(error)) return undefined;
    throw error;
  }
}

function pageOf(records: readonly SessionRecord[], next: string | undefined): Page {
  return next === undefined ? { records } : { records, next };
}
