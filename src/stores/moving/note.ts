import { RESERVED, type SessionRecord } from "../../core/record.ts";
import { reservedValue } from "../../core/reserved.ts";

/** The field that only records under way bear. No application and no other part of the library sees it. */
export const MOVING: string = `${RESERVED}moving`;

/** The epoch of a record that has left for the other store: no writer has it, so that every write to it is refused as stale. */
export const LEFT_EPOCH: number = Number.MAX_SAFE_INTEGER;

/** What a record under way keeps of itself: what opens it, which writers it has, and when it expires. */
type Kept = Pick<SessionRecord, "secretHash" | "epoch" | "version" | "accessedAt" | "expiresAt" | "endsAt">;

/**
 * So much longer does a record stay that is under way. No sweep finds it meanwhile, so that none ends a session half-way.
 */
const OUTLIVES_MS = 86_400_000;

/** Tells whether a record is under way: one that has left the old store, or one that has not quite arrived in the new. */
export function isUnderWay(record: SessionRecord): boolean {
  return Object.hasOwn(record.fields, MOVING);
}

/** What a record is to remember when it leaves, as the text of a field. */
export function leavingNote(record: SessionRecord): string {
  const { secretHash, epoch, version, accessedAt, expiresAt, endsAt } = record;
  return JSON.stringify([secretHash, epoch, version, accessedAt, expiresAt, endsAt]);
}

/** When a record expires that is under way. */
export function lastingTimes({
  expiresAt,
  endsAt,
}: SessionRecord): Pick<SessionRecord, "expiresAt" | "endsAt"> {
  const until = Math.min(Math.max(expiresAt, endsAt) + OUTLIVES_MS, Number.MAX_SAFE_INTEGER);
  return { expiresAt: until, endsAt: until };
}

/** The record as it was, and is to be on arrival, out of one that is under way. `null` for what bears a note that is none. */
export function arrived(left: SessionRecord): SessionRecord | null {
  const kept = keptOf(reservedValue(left.fields, MOVING));
  if (kept === null) return null;
  const { [MOVING]: _, ...fields } = left.fields;
  return { ...left, ...kept, fields };
}

function keptOf(note: unknown): Kept | null {
  if (!Array.isArray(note) || typeof note[0] !== "string") return null;
  const [secretHash, ...numbers] = note as [string, ...unknown[]];
  if (numbers.length !== 5 || !numbers.every(Number.isSafeInteger)) return null;
  const [epoch, version, accessedAt, expiresAt, endsAt] = numbers as [number, number, number, number, number];
  return { secretHash, epoch, version, accessedAt, expiresAt, endsAt };
}
