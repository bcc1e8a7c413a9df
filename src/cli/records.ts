import { isMark } from "../core/mark-record.ts";
import { lastPlaceOf } from "../core/moves.ts";
import { isReserved, isSealed, type SessionRecord } from "../core/record.ts";
import { AUTH, userOf } from "../core/reserved.ts";
import { moment } from "./text.ts";

/** What the program tells of a session, as JSON. Times are ISO 8601 in UTC. */
export interface SessionLine {
  readonly id: string;
  /** `null` for a session of nobody, and where it cannot be read. */
  readonly user: string | null;
  readonly authenticated: boolean;
  readonly live: boolean;
  readonly createdAt: string;
  readonly accessedAt: string;
  readonly expiresAt: string;
  readonly endsAt: string;
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly labels: readonly string[];
  /** Whether what the library keeps with it is sealed, so that user, address and user agent are known by labels alone. */
  readonly sealed: boolean;
}

export { isMark };

export function isLive(record: SessionRecord, now: number): boolean {
  return !isMark(record) && record.expiresAt > now && record.endsAt > now;
}

export function lineOf(record: SessionRecord, now: number): SessionLine {
  const device = lastPlaceOf(record.fields);
  return {
    id: record.id,
    user: userOfRecord(record),
    authenticated: isAuthenticated(record),
    live: isLive(record, now),
    createdAt: moment(record.createdAt),
    accessedAt: moment(record.accessedAt),
    expiresAt: moment(Math.min(record.expiresAt, record.endsAt)),
    endsAt: moment(record.endsAt),
    address: device.address ?? null,
    userAgent: device.userAgent ?? null,
    labels: record.labels,
    sealed: isSealedRecord(record),
  };
}

export function isAuthenticated(record: SessionRecord): boolean {
  return Object.hasOwn(record.fields, AUTH) || userOfRecord(record) !== null;
}

/** The library's own fields are sealed wherever any are. */
export function isSealedRecord({ fields }: SessionRecord): boolean {
  return Object.entries(fields).some(([name, text]) => isReserved(name) && isSealed(text));
}

const USER = "user:";

/** By the label where the field is sealed: labels never are, for a store has to find sessions by them. */
export function userOfRecord(record: SessionRecord): string | null {
  const label = record.labels.find((one) => one.startsWith(USER));
  return userOf(record) ?? label?.slice(USER.length) ?? null;
}

/** Bytes of all names and texts of fields, as `maxRecordBytes` counts them. */
export function sizeOf({ fields }: SessionRecord): number {
  return Object.entries(fields).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text),
    0,
  );
}
