import { isReserved, type SessionRecord } from "../../core/record.ts";
import type { SessionChange } from "../../core/store.ts";

type Fields = Readonly<Record<string, string>>;

/** Shared by all that bear none. */
const NO_LABELS: readonly string[] = Object.freeze([]);

/** A copy that nobody can change, so that it can be handed out without copying it again. */
export function frozen(record: SessionRecord): SessionRecord {
  return Object.freeze({
    id: record.id,
    epoch: record.epoch,
    version: record.version,
    secretHash: record.secretHash,
    labels: record.labels.length === 0 ? NO_LABELS : Object.freeze(record.labels.slice()),
    createdAt: record.createdAt,
    accessedAt: record.accessedAt,
    expiresAt: record.expiresAt,
    endsAt: record.endsAt,
    fields: Object.freeze({ ...record.fields }),
  });
}

/** The frozen record that a change makes of a frozen record. Labels and fields that do not change are shared between the two. */
export function changed(before: SessionRecord, change: SessionChange): SessionRecord {
  const { renew, accessedAt = before.accessedAt, expiresAt = before.expiresAt } = change;
  const isTouch = change.set === undefined && change.remove === undefined && renew === undefined;
  return Object.freeze({
    id: before.id,
    epoch: renew?.nextEpoch ?? before.epoch,
    version: isTouch ? before.version : before.version + 1,
    secretHash: renew?.secretHash ?? before.secretHash,
    labels: renew?.labels === undefined ? before.labels : Object.freeze(renew.labels.slice()),
    createdAt: before.createdAt,
    accessedAt: renew ? accessedAt : Math.max(accessedAt, before.accessedAt),
    expiresAt: renew ? expiresAt : Math.max(expiresAt, before.expiresAt),
    endsAt: renew?.endsAt ?? before.endsAt,
    fields: changedFields(before.fields, change),
  });
}

function changedFields(before: Fields, { set, remove }: SessionChange): Fields {
  if (set === undefined && remove === undefined) return before;
  if (remove === undefined) return Object.freeze({ ...before, ...set });
  const fields: Record<string, string> = { ...before };
  for (const name of remove) delete fields[name];
  return Object.freeze({ ...fields, ...set });
}

/** What a listing by label shows: the library's own fields stay, the application's are left out. */
export function withReservedOnly(record: SessionRecord): SessionRecord {
  const names = Object.keys(record.fields);
  if (names.every(isReserved)) return record;
  const kept = names.filter(isReserved).map((name) => [name, record.fields[name] ?? ""] as const);
  return Object.freeze({ ...record, fields: Object.freeze(Object.fromEntries(kept)) });
}
