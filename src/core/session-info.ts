import type { Lifetime, Preset } from "./lifetime.ts";
import { isLocked } from "./lock.ts";
import { lastPlaceOf } from "./moves.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { asAuthentication, asDevice, AUTH, DEVICE, reservedValue } from "./reserved.ts";

/** What an operator or the user may know of a session. Opens nothing. */
export interface SessionInfo {
  readonly id: SessionId;
  readonly user: string | null;
  /** `locked` when its user was idle for too long, where the idle limit locks instead of ending. */
  readonly state: "active" | "locked";
  /** How the user authenticated. */
  readonly methods: readonly string[];
  /** The assurance level of the last authentication, where one was given. */
  readonly level: Preset | null;
  /** Milliseconds since the epoch, as are all the times here. */
  readonly authenticatedAt: number | null;
  readonly createdAt: number;
  readonly accessedAt: number;
  readonly expiresAt: number;
  readonly endsAt: number;
  /** Where the session was last presented from, as far as it is known and as exact as the access time, with the option `moves`. */
  readonly address: string | null;
  readonly userAgent: string | null;
  /** Where it was created or logged in from. */
  readonly startedFrom: { readonly address: string | null; readonly userAgent: string | null };
}

export function sessionInfo(record: SessionRecord, lifetime: Lifetime, now: number): SessionInfo {
  const authentication = asAuthentication(reservedValue(record.fields, AUTH));
  const device = asDevice(reservedValue(record.fields, DEVICE));
  const last = lastPlaceOf(record.fields);
  return {
    id: record.id,
    user: authentication?.user ?? null,
    state: isLocked(record, lifetime, now) ? "locked" : "active",
    methods: authentication?.methods ?? [],
    level: authentication?.level ?? null,
    authenticatedAt: authentication?.at ?? null,
    createdAt: record.createdAt,
    accessedAt: record.accessedAt,
    expiresAt: record.expiresAt,
    endsAt: record.endsAt,
    address: last.address ?? null,
    userAgent: last.userAgent ?? null,
    startedFrom: { address: device.address ?? null, userAgent: device.userAgent ?? null },
  };
}
