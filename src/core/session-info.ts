import type { SessionId, SessionRecord } from "./record.ts";
import { asAuthentication, asDevice, AUTH, DEVICE, reservedValue } from "./reserved.ts";

/** What an operator or the user may know of a session. Opens nothing. */
export interface SessionInfo {
  readonly id: SessionId;
  readonly user: string | null;
  /** How the user authenticated. */
  readonly methods: readonly string[];
  /** Milliseconds since the epoch, as are all the times here. */
  readonly authenticatedAt: number | null;
  readonly createdAt: number;
  readonly accessedAt: number;
  readonly expiresAt: number;
  readonly endsAt: number;
  /** Where the session was created or logged in from, as far as it was known. */
  readonly address: string | null;
  readonly userAgent: string | null;
}

export function sessionInfo(record: SessionRecord): SessionInfo {
  const authentication = asAuthentication(reservedValue(record.fields, AUTH));
  const device = asDevice(reservedValue(record.fields, DEVICE));
  return {
    id: record.id,
    user: authentication?.user ?? null,
    methods: authentication?.methods ?? [],
    authenticatedAt: authentication?.at ?? null,
    createdAt: record.createdAt,
    accessedAt: record.accessedAt,
    expiresAt: record.expiresAt,
    endsAt: record.endsAt,
    address: device.address ?? null,
    userAgent: device.userAgent ?? null,
  };
}
