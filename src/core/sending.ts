import type { Staged } from "./draft.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Pepper } from "./pepper.ts";
import type { CreatePlan, UpdatePlan } from "./plan.ts";
import { randomText } from "./platform.ts";
import type { SessionRecord } from "./record.ts";
import { COMMITS } from "./reserved.ts";
import { heirFields, rotationFields } from "./rotation.ts";
import type { SessionChange } from "./store.ts";
import type { Token } from "./token.ts";

/** How many of the latest conditional commits a record remembers. */
export const REMEMBERED_COMMITS = 8;

/** An update on its way: the change as it is sent, and how it is recognised later. */
export interface Sending {
  readonly base: SessionRecord;
  readonly change: SessionChange;
  readonly commitId: string | null;
  readonly next: Token | null;
}

/** What an update goes by. */
export interface SendingRules {
  readonly lifetime: Lifetime;
  readonly atRest: { readonly pepper: Pepper };
}

/** Fields that are set and removed. */
type Fields = Pick<Staged, "set" | "remove">;

const NO_FIELDS: Fields = { set: {}, remove: [] };

/** The record that a create sends. What its token is heir to opens it too. */
export function newRecord(
  { token, heirTo }: { readonly token: Token; readonly heirTo: Token | null },
  pepper: Pepper,
  staged: Staged,
  plan: CreatePlan,
  now: number,
): SessionRecord {
  return {
    id: token.id,
    epoch: 1,
    version: 1,
    secretHash: pepper.hash(token),
    labels: plan.labels,
    createdAt: now,
    accessedAt: now,
    expiresAt: plan.expiresAt,
    endsAt: plan.endsAt,
    fields: heirTo === null ? staged.set : { ...staged.set, ...heirFields(heirTo, token, pepper, now) },
  };
}

/**
 * Makes the change that an update sends. A conditional one bears an id of its own, kept in the record beside those of the
 * seven before it, by which it is recognised when its answer is lost.
 */
export function sendingOf(
  base: SessionRecord,
  token: Token | null,
  plan: Omit<UpdatePlan, "kind" | "minor">,
  { lifetime, atRest: { pepper } }: SendingRules,
  now: number,
): Sending {
  const { staged, renewal, rotates } = plan;
  const renews = renewal !== null || rotates;
  const next = renews && token !== null ? token.withNewSecret() : null;
  const commitId = plan.conditional ? randomText(6) : null;
  const rotation =
    next === null || token === null
      ? NO_FIELDS
      : rotationFields(lifetime, base, now, rotates ? { token, next } : null);
  const { set: wanted, remove } = rotation === NO_FIELDS ? staged : joined(staged, rotation);
  const set = commitId === null ? wanted : { ...wanted, [COMMITS]: remembering(commitId, base) };
  const change: SessionChange = {
    now,
    epoch: base.epoch,
    ...(commitId !== null && { ifVersion: base.version }),
    ...(Object.keys(set).length > 0 && { set }),
    ...(remove.length > 0 && { remove }),
    ...(plan.accessedAt > 0 && { accessedAt: plan.accessedAt, expiresAt: plan.expiresAt }),
    ...(next !== null && {
      renew: {
        secretHash: pepper.hash(next),
        nextEpoch: renewal === null ? base.epoch : base.epoch + 1,
        ...(renewal?.labels !== undefined && { labels: renewal.labels }),
        ...(renewal?.endsAt !== undefined && { endsAt: renewal.endsAt }),
      },
    }),
  };
  return { base, change, commitId, next };
}

/** The record as an update left it, as far as its sender knows. */
export function afterUpdate(
  base: SessionRecord,
  change: Omit<SessionChange, "now" | "epoch">,
  version: number,
): SessionRecord {
  const fields: Record<string, string> = { ...base.fields };
  for (const name of change.remove ?? []) delete fields[name];
  Object.assign(fields, change.set);
  const renew = change.renew;
  const written = change.set !== undefined || change.remove !== undefined || renew !== undefined;
  return {
    ...base,
    // Where others wrote in between, their fields are not known here: the old version makes the next condition fail.
    version: version === base.version + (written ? 1 : 0) ? version : base.version,
    fields,
    accessedAt: Math.max(base.accessedAt, change.accessedAt ?? 0),
    expiresAt:
      renew === undefined
        ? Math.max(base.expiresAt, change.expiresAt ?? 0)
        : (change.expiresAt ?? base.expiresAt),
    ...(renew !== undefined && {
      secretHash: renew.secretHash,
      epoch: renew.nextEpoch,
      labels: renew.labels ?? base.labels,
      endsAt: renew.endsAt ?? base.endsAt,
    }),
  };
}

/** Tells whether a record has everything that a change writes. */
export function isApplied(change: SessionChange, found: SessionRecord): boolean {
  const set = Object.entries(change.set ?? {}).every(([name, text]) => found.fields[name] === text);
  return (
    set &&
    change.renew === undefined &&
    (change.remove ?? []).every((name) => !Object.hasOwn(found.fields, name))
  );
}

/** Tells whether a change is a privilege change, which no two writers can make of one epoch. */
export function renewsEpoch({ renew, epoch, ifVersion }: SessionChange): boolean {
  return renew !== undefined && renew.nextEpoch !== epoch && ifVersion === undefined;
}

function joined(staged: Fields, rotation: Fields): Fields {
  return {
    set: { ...without(staged.set, rotation.remove), ...rotation.set },
    remove: [...staged.remove, ...rotation.remove],
  };
}

/** Puts an id before those that a record remembers, of which the oldest goes. */
function remembering(commitId: string, base: SessionRecord): string {
  const before = base.fields[COMMITS] ?? "";
  let end = 0;
  for (let left = REMEMBERED_COMMITS - 1; left > 0 && end >= 0; left -= 1) end = before.indexOf(" ", end + 1);
  const kept = end < 0 ? before : before.slice(0, end);
  return kept === "" ? commitId : `${commitId} ${kept}`;
}

function without(fields: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));
}

/** The ids of the conditional commits that a record remembers, the latest first. */
export function commitsOf(record: SessionRecord): string[] {
  return (record.fields[COMMITS] ?? "").split(" ").filter((commit) => commit !== "");
}
