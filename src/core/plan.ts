import type { Staged } from "./draft.ts";
import type { Lifetime } from "./lifetime.ts";
import type { SessionRecord } from "./record.ts";

/** A privilege change that a request staged: the secret is renewed at once and the epoch goes up. */
export interface Renewal {
  /** What the user did, for the events. */
  readonly verb: "login" | "reauthenticate" | "unlock" | "rotate";
  /** Replaces the labels, at login. */
  readonly labels?: readonly string[];
  /** Moves the absolute limit, at login and re-authentication. */
  readonly endsAt?: number;
  /** At login: who, and when in the order of this manager's logins and revocations. */
  readonly login?: LoginNote;
}

export interface LoginNote {
  readonly user: string;
  readonly methods: readonly string[];
  readonly labels: readonly string[];
  readonly at: number;
  readonly sequence: number;
  /** When an identity provider says that the user authenticated there: a revocation from after it came too early for this login. */
  readonly authenticatedAt?: number;
}

export interface CommitInput {
  /** The live record, or `null` for a session that is not stored. */
  readonly record: SessionRecord | null;
  /** A record that this request ended: logged out, or left behind by the login of another user. */
  readonly ended: SessionRecord | null;
  readonly staged: Staged;
  /** Whether the session, as it will be, has anything worth keeping. */
  readonly hasInfo: boolean;
  readonly renewal: Renewal | null;
  /** Whether the secret is due for its periodic renewal, and may be renewed now. */
  readonly rotationDue: boolean;
  /** Something of the record is under old keys: it is touched, whenever it was last used, for a touch renews it. */
  readonly stale: boolean;
  /** How long the store is to keep the session without a request; infinite for one that the idle limit only locks. */
  readonly idleMs: number;
  /** The session is locked, and what this request does is no activity of its user. */
  readonly locked: boolean;
}

/** What one commit does. */
export type Plan =
  | { readonly kind: "nothing" }
  | { readonly kind: "touch"; readonly accessedAt: number; readonly expiresAt: number }
  | CreatePlan
  | UpdatePlan
  /** Deletes the ended record and, where `create` is given, creates another. */
  | { readonly kind: "end"; readonly record: SessionRecord; readonly create: CreatePlan | null }
  /** Deletes a record that lost all its information, provided that nobody gave it new one. */
  | { readonly kind: "empty"; readonly record: SessionRecord };

export interface CreatePlan {
  readonly kind: "create";
  readonly staged: Staged;
  readonly labels: readonly string[];
  readonly expiresAt: number;
  readonly endsAt: number;
}

export interface UpdatePlan {
  readonly kind: "update";
  readonly staged: Staged;
  /** Carries the version it was read at. */
  readonly conditional: boolean;
  readonly renewal: Renewal | null;
  readonly rotates: boolean;
  /** Losing it harms nobody: it neither holds the response nor fails it. */
  readonly minor: boolean;
  readonly accessedAt: number;
  readonly expiresAt: number;
}

/** Decides what a commit does to the store. Pure: no clock, no I/O, no cookies, no randomness. */
export function planCommit(input: CommitInput, lifetime: Lifetime, now: number): Plan {
  const { record, ended, hasInfo } = input;
  if (ended !== null)
    return { kind: "end", record: ended, create: hasInfo ? planCreate(input, lifetime, now) : null };
  if (record === null) return hasInfo ? planCreate(input, lifetime, now) : NOTHING_TO_DO;
  // What a locked session hides is information.
  if (!hasInfo && !input.locked) return { kind: "empty", record };
  return planUpdate(input, record, lifetime, now);
}

function planCreate({ staged, renewal, idleMs }: CommitInput, lifetime: Lifetime, now: number): CreatePlan {
  const endsAt = renewal?.endsAt ?? now + lifetime.absoluteMs;
  const expiresAt = Math.min(now + idleMs, endsAt);
  return { kind: "create", staged, labels: renewal?.labels ?? [], expiresAt, endsAt };
}

const NOTHING_TO_DO: Plan = { kind: "nothing" };

function isTouchDue(input: CommitInput, record: SessionRecord, lifetime: Lifetime, now: number): boolean {
  if (input.locked) return false;
  return input.stale || now - record.accessedAt > lifetime.accessTimeResolutionMs;
}

function planUpdate(input: CommitInput, record: SessionRecord, lifetime: Lifetime, now: number): Plan {
  const { staged, renewal } = input;
  const rotates = input.rotationDue && renewal === null;
  const isTouch = !isChanged(staged) && renewal === null && !rotates;
  if (isTouch && !isTouchDue(input, record, lifetime, now)) return NOTHING_TO_DO;
  const times = input.locked
    ? { accessedAt: record.accessedAt, expiresAt: record.expiresAt }
    : { accessedAt: now, expiresAt: Math.min(now + input.idleMs, renewal?.endsAt ?? record.endsAt) };
  if (isTouch) return { kind: "touch", ...times };
  return {
    kind: "update",
    staged,
    conditional: staged.dependent || rotates,
    renewal,
    rotates,
    minor: staged.minor && renewal === null,
    ...times,
  };
}

/** The same of a session that lived elsewhere: its user may have authenticated before any revocation that is remembered. */
export function asOfOld(renewal: Renewal | null): Renewal | null {
  if (renewal?.login === undefined) return renewal;
  return { ...renewal, login: { authenticatedAt: 0, ...renewal.login } };
}

/** Tells whether anything is to be written. */
export function isChanged(staged: Staged): boolean {
  if (staged.remove.length > 0) return true;
  for (const name in staged.set) if (Object.hasOwn(staged.set, name)) return true;
  return false;
}

/** Tells whether a commit can be written together with others: it changes fields, and nothing else of the session. */
export function isFoldable(plan: Plan): plan is UpdatePlan {
  return plan.kind === "update" && plan.renewal === null && !plan.rotates;
}
