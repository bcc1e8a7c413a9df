import type { Lifetime } from "./lifetime.ts";
import type { Pepper } from "./pepper.ts";
import type { SessionRecord } from "./record.ts";
import { asRotation, reservedValue, type Rotation, ROTATION } from "./reserved.ts";
import type { Token } from "./token.ts";

/** What a new secret changes in the record's own note of its rotations. */
export interface RotationFields {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

/**
 * The note that goes with a new secret. A periodic rotation keeps the hash of the secret before and the successor,
 * masked so that only that secret finds it. A privilege change keeps neither: the old secret is dead at once.
 */
export function rotationFields(
  lifetime: Lifetime,
  base: SessionRecord,
  now: number,
  periodic: { readonly token: Token; readonly next: Token } | null,
): RotationFields {
  if (periodic !== null) {
    const { token, next } = periodic;
    return noted({ at: now, previous: base.secretHash, mask: token.maskSuccessor(next) });
  }
  if (lifetime.rotateEveryMs !== null) return noted({ at: now });
  return { set: {}, remove: Object.hasOwn(base.fields, ROTATION) ? [ROTATION] : [] };
}

/** The note of a session that begins with a secret before its first: who holds that finds the first, until it is presented. */
export function heirFields(heirTo: Token, token: Token, pepper: Pepper, now: number): RotationFields["set"] {
  return noted({ at: now, previous: pepper.hash(heirTo), mask: heirTo.maskSuccessor(token) }).set;
}

/** Tells whether the secret is due for renewal. Never while an earlier rotation is unconfirmed or in its grace. */
export function isRotationDue(lifetime: Lifetime, record: SessionRecord, now: number): boolean {
  if (lifetime.rotateEveryMs === null) return false;
  const last = rotationOf(record);
  if (last?.previous !== undefined && isOpen(last, lifetime, now)) return false;
  return now - (last?.at ?? record.createdAt) >= lifetime.rotateEveryMs;
}

/** Tells whether the current secret is presented for the first time since it was made. */
export function isUnconfirmed(record: SessionRecord): boolean {
  const last = rotationOf(record);
  return last?.previous !== undefined && last.confirmedAt === undefined;
}

/** The note once the successor was presented: its mask is erased, the old hash stays to recognise theft. */
export function confirmed(value: unknown, at: number, now: number): unknown {
  const last = asRotation(value);
  // Another request confirmed it, or rotated again.
  if (last === null || last.at !== at || last.confirmedAt !== undefined || last.previous === undefined)
    return value;
  return { at: last.at, previous: last.previous, confirmedAt: now } satisfies Rotation;
}

export function rotationOf(record: SessionRecord): Rotation | null {
  return asRotation(reservedValue(record.fields, ROTATION));
}

/** The current token, for the holder of the one before it, while nobody presented the current one. */
export function successorOf(record: SessionRecord, token: Token, pepper: Pepper): Token | null {
  const last = rotationOf(record);
  if (last?.mask === undefined || last.confirmedAt !== undefined) return null;
  const successor = token.unmaskSuccessor(last.mask);
  return pepper.judge(successor, record.secretHash) === "match" ? successor : null;
}

function isOpen(last: Rotation, lifetime: Lifetime, now: number): boolean {
  return last.confirmedAt === undefined || now < last.confirmedAt + lifetime.rotationGraceMs;
}

function noted(rotation: Rotation): RotationFields {
  return { set: { [ROTATION]: JSON.stringify(rotation) }, remove: [] };
}
