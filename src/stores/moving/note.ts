import { RESERVED, type SessionRecord } from "../../core/record.ts";

/** The field that only records under way bear. No application and no other part of the library sees it. */
export const MOVING: string = `${RESERVED}moving`;

/** The epoch of a record that has left for the other store: no writer has it, so that every write to it is refused as stale. */
export const LEFT_EPOCH: number = Number.MAX_SAFE_INTEGER;

/** What a record under way keeps of itself: what opens it, and which writers it has. */
interface Kept {
  readonly secretHash: string;
  readonly epoch: number;
  readonly version: number;
}

/** Tells whether a record is under way: one that has left, one that has not quite arrived, or the claim of a name. */
export function isUnderWay(record: SessionRecord): boolean {
  return Object.hasOwn(record.fields, MOVING);
}

/** Tells whether it is only the claim of an id, so that no process which creates in the store gets it. */
export function isClaim(record: SessionRecord): boolean {
  return isUnderWay(record) && keptOf(record) === null;
}

/** Tells whether it is the whole of a record that has left, and may not have arrived. */
export function hasLeft(record: SessionRecord | null): record is SessionRecord {
  return record !== null && isUnderWay(record) && keptOf(record) !== null;
}

/** What a record is to remember when it leaves, as the text of a field. */
export function leavingNote({ secretHash, epoch, version }: SessionRecord): string {
  return JSON.stringify([secretHash, epoch, version]);
}

export const CLAIM_NOTE = "[]";

/** The record as it will be on arrival, out of one that has left. */
export function arrived(left: SessionRecord): SessionRecord {
  const kept = keptOf(left);
  if (kept === null) return left;
  const { [MOVING]: _, ...fields } = left.fields;
  return { ...left, ...kept, fields };
}

/** What opens a record under way, and which writers it has. `null` for a claim. */
export function keptOf(record: SessionRecord): Kept | null {
  const note: unknown = JSON.parse(record.fields[MOVING] ?? CLAIM_NOTE);
  if (!Array.isArray(note)) return null;
  const [secretHash, epoch, version] = note as unknown[];
  if (typeof secretHash !== "string" || typeof epoch !== "number" || typeof version !== "number") return null;
  return { secretHash, epoch, version };
}
