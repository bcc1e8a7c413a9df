import { abortReason } from "../../core/call.ts";
import type { AnyStore, Sweepable } from "../../core/store.ts";

/** Sweeps the old store, then the new one, within one limit. */
export function sweptBoth(from: AnyStore, to: AnyStore): Sweepable["sweep"] {
  return async (now, limit, call) => {
    const old = (await from.sweep?.(now, limit, call)) ?? NOTHING;
    const left = limit - old.deleted;
    // Only where the first had nothing may the second fail the whole: what was deleted by then is to be told.
    const isOver = old.deleted > 0 && abortReason(call) !== null;
    if (left <= 0 || isOver) return { deleted: old.deleted, more: true };
    const fresh = (await to.sweep?.(now, left, call)) ?? NOTHING;
    return { deleted: old.deleted + fresh.deleted, more: old.more || fresh.more };
  };
}

const NOTHING = { deleted: 0, more: false };
