import { isReserved, type SessionRecord } from "../../core/record.ts";
import type { SessionChange, UpdateOutcome } from "../../core/store.ts";

/** Why a change is refused, or `undefined` when it may be made. */
export function refusal(record: SessionRecord, change: SessionChange): UpdateOutcome | undefined {
  if (record.expiresAt <= change.now) return { kind: "gone" };
  if (record.epoch !== change.epoch) return { kind: "stale" };
  if (change.ifVersion === undefined || change.ifVersion === record.version) return undefined;
  return { kind: "conflict", current: record };
}

/** The record that a change makes of another. */
export function changed(record: SessionRecord, change: SessionChange): SessionRecord {
  const { renew, set, remove } = change;
  const accessedAt = change.accessedAt ?? record.accessedAt;
  const expiresAt = change.expiresAt ?? record.expiresAt;
  const isTouch = set === undefined && remove === undefined && renew === undefined;
  const fields = Object.entries(record.fields).filter(([name]) => remove?.includes(name) !== true);
  const next = {
    ...record,
    version: isTouch ? record.version : record.version + 1,
    // A late touch must not shorten a session.
    accessedAt: Math.max(accessedAt, record.accessedAt),
    expiresAt: Math.max(expiresAt, record.expiresAt),
    fields: isTouch ? record.fields : { ...Object.fromEntries(fields), ...set },
  };
  if (renew === undefined) return next;
  return {
    ...next,
    epoch: renew.nextEpoch,
    secretHash: renew.secretHash,
    labels: renew.labels ?? record.labels,
    accessedAt,
    expiresAt,
    endsAt: renew.endsAt ?? record.endsAt,
  };
}

/** The record without the application's own fields, as listings show it. */
export function withReservedOnly(record: SessionRecord): SessionRecord {
  const kept = Object.entries(record.fields).filter(([name]) => isReserved(name));
  return { ...record, fields: Object.fromEntries(kept) };
}
