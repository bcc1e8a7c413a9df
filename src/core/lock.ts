import type { Clock } from "./clock.ts";
import type { Draft } from "./draft.ts";
import { idleLimit, type Lifetime } from "./lifetime.ts";
import { RESERVED, type SessionRecord } from "./record.ts";
import {
  asAuthentication,
  asLife,
  AUTH,
  CSRF,
  FORM_TOKENS,
  LIFE,
  reservedValue,
  SEEN,
  userOf,
} from "./reserved.ts";

type Fields = SessionRecord["fields"];

/**
 * What a locked session still shows: the guards of its forms, that to unlock it among them, and to the library where it was presented
 * from. All else is the user's.
 */
const SHOWN: readonly string[] = [CSRF, FORM_TOKENS, SEEN];
/** Extensions keep what they know of the client, locked or not, in fields that begin so. */
const EXTENSION = RESERVED + RESERVED;

/** When a record stops being of use without another request: it ends, or is locked. */
export function activeUntil(record: SessionRecord, lifetime: Lifetime): number {
  const end = Math.min(record.expiresAt, record.endsAt);
  if (lifetime.onIdle === "end") return end;
  const { fields, accessedAt } = record;
  return Math.min(
    end,
    accessedAt + (isOfUser(fields) ? lockAfter(fields, lifetime) : limitOf(fields, lifetime)),
  );
}

/** Tells whether a record that has not ended is locked: its user was idle for too long. */
export function isLocked(record: SessionRecord, lifetime: Lifetime, now: number): boolean {
  if (lifetime.onIdle === "end" || !isOfUser(record.fields)) return false;
  return activeUntil(record, lifetime) <= now;
}

/**
 * Tells whether a record has ended. Where the idle limit locks, a store keeps users' sessions for longer than that limit; one whose user
 * cannot be read is nobody's, could never be unlocked, and is ended by it all the same.
 */
export function hasEnded(record: SessionRecord, lifetime: Lifetime, now: number): boolean {
  if (record.expiresAt <= now || record.endsAt <= now) return true;
  return lifetime.onIdle === "lock" && !isOfUser(record.fields) && activeUntil(record, lifetime) <= now;
}

/** The same of the record of a session, now. Asks no clock where nothing is ever locked. */
export function isLockedNow(
  record: SessionRecord | null,
  { lifetime, clock }: { readonly lifetime: Lifetime; readonly clock: Clock },
): boolean {
  return record !== null && lifetime.onIdle === "lock" && isLocked(record, lifetime, clock.now());
}

/** How long the store is to keep a session without a request: for ever, up to its absolute limit, where the idle limit only locks it. */
export function keptFor(draft: Draft, lifetime: Lifetime): number {
  const isOfUser = lifetime.onIdle === "lock" && asAuthentication(draft.peek(AUTH)) !== null;
  return isOfUser ? Number.POSITIVE_INFINITY : idleLimit(lifetime, asLife(draft.peek(LIFE))?.rememberMs);
}

/** What a session shows of its record while it is locked. */
export function lockedView(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => SHOWN.includes(name) || name.startsWith(EXTENSION)),
  );
}

function isOfUser(fields: Fields): boolean {
  return userOf({ fields }) !== null;
}

/** A session that is remembered for longer than the idle limit has none, but with a strict preset. */
function lockAfter(fields: Fields, lifetime: Lifetime): number {
  const limit = limitOf(fields, lifetime);
  return limit === rememberedFor(fields) ? Number.POSITIVE_INFINITY : limit;
}

function limitOf(fields: Fields, lifetime: Lifetime): number {
  return idleLimit(lifetime, rememberedFor(fields));
}

function rememberedFor(fields: Fields): number | undefined {
  return asLife(reservedValue(fields, LIFE))?.rememberMs;
}
