import type { AnyStore, LabelIndex } from "../../core/store.ts";
import type { Records } from "./records.ts";

const PAGE = 100;

/**
 * Deletes by label in both stores: one by one what the old one lists, wherever it is by then, and at once what the new one has besides.
 */
export function revokedInBoth(
  from: LabelIndex,
  to: LabelIndex,
  records: Records,
): LabelIndex["deleteByLabel"] {
  return async (label, except, call) => {
    let count = 0;
    let after: string | undefined;
    do {
      const page = await from.listByLabel(
        label,
        after === undefined ? { limit: PAGE } : { limit: PAGE, after },
        call,
      );
      const meant = page.records.filter(({ id }) => !except.includes(id));
      const outcomes = await Promise.all(meant.map(({ id }) => records.delete(id, { label }, call)));
      count += outcomes.filter((outcome) => outcome === "done").length;
      after = page.next;
    } while (after !== undefined);
    return count + (await to.deleteByLabel(label, except, call));
  };
}

/** A store that can list and end by label, or `null`. */
export function labelled(store: AnyStore): (AnyStore & LabelIndex) | null {
  return store.listByLabel === undefined || store.deleteByLabel === undefined
    ? null
    : (store as AnyStore & LabelIndex);
}
