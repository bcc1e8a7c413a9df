import type { SessionRecord } from "../../core/record.ts";
import type { SessionChange } from "../../core/store.ts";

export type Judgement =
  | { readonly kind: "gone" }
  | { readonly kind: "stale" }
  | { readonly kind: "conflict" }
  /** Nothing moves: the touch is older than what is stored. */
  | { readonly kind: "same" }
  /** Only the two times move. */
  | { readonly kind: "touch"; readonly record: SessionRecord }
  | { readonly kind: "write"; readonly record: SessionRecord };

/** Decides what a change does to a record. Pure. */
export function judgeChange(record: SessionRecord, change: SessionChange): Judgement {
  if (record.expiresAt <= change.now) return { kind: "gone" };
  if (record.epoch !== change.epoch) return { kind: "stale" };
  if (change.ifVersion !== undefined && record.version !== change.ifVersion) return { kind: "conflict" };

  const { set, remove, renew } = change;
  const times = renew ? timesAsGiven(record, change) : timesGrown(record, change);
  if (set === undefined && remove === undefined && renew === undefined) {
    const moved = times.accessedAt !== record.accessedAt || times.expiresAt !== record.expiresAt;
    return moved ? { kind: "touch", record: { ...record, ...times } } : { kind: "same" };
  }
  const version = record.version + 1;
  const fields = changeFields(record.fields, set ?? {}, remove ?? []);
  return { kind: "write", record: { ...record, ...times, ...renewed(record, renew), version, fields } };
}

type Times = Pick<SessionRecord, "accessedAt" | "expiresAt">;

function timesAsGiven(record: SessionRecord, change: SessionChange): Times {
  return {
    accessedAt: change.accessedAt ?? record.accessedAt,
    expiresAt: change.expiresAt ?? record.expiresAt,
  };
}

/** A late touch must not shorten a session. */
function timesGrown(record: SessionRecord, change: SessionChange): Times {
  return {
    accessedAt: Math.max(record.accessedAt, change.accessedAt ?? record.accessedAt),
    expiresAt: Math.max(record.expiresAt, change.expiresAt ?? record.expiresAt),
  };
}

function renewed(record: SessionRecord, renew: SessionChange["renew"]): Partial<SessionRecord> {
  if (renew === undefined) return {};
  return {
    secretHash: renew.secretHash,
    epoch: renew.nextEpoch,
    labels: renew.labels ?? record.labels,
    endsAt: renew.endsAt ?? record.endsAt,
  };
}

/** Through entries, since assigning to a field named `__proto__` would not make a field. */
function changeFields(
  fields: SessionRecord["fields"],
  set: Readonly<Record<string, string>>,
  remove: readonly string[],
): SessionRecord["fields"] {
  const removed = new Set(remove);
  const kept = Object.entries(fields).filter(([name]) => !removed.has(name));
  return Object.fromEntries([...kept, ...Object.entries(set)]);
}
