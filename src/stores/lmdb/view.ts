import type { LmdbTable } from "./driver.ts";
import type { KeyRange } from "./keys.ts";

/** What is stored under a key, and the number that tells one writing of it from every other. */
export interface Entry {
  readonly value: unknown;
  readonly version: number;
}

/** Everything as of one moment, as long as whoever looks does not wait in between. */
export interface View {
  get(key: string): Entry | undefined;
  /** In order of the keys. */
  entries(range: KeyRange): Iterable<{ readonly key: unknown; readonly value: unknown }>;
  keys(range: KeyRange, limit?: number): readonly string[];
}

/** What is stored now. */
export function viewOf(table: LmdbTable): View {
  table.resetReadTxn();
  return {
    get(key) {
      const entry = table.getEntry(key);
      return entry && { value: entry.value, version: entry.version ?? 0 };
    },
    entries: (range) => table.getRange(range),
    keys: (range, limit) => [...table.getKeys(limit === undefined ? range : { ...range, limit })].map(String),
  };
}

/** What was written: a text for a key, or `null` where it was removed. */
export type Writes = ReadonlyMap<string, string | null>;

/** Writes that are on their way, by key. */
export type Overlay = Map<string, Entry | null>;

/** The view as it will be once the writes on their way are done. Only keys are seen through in ranges. */
export function overlaid(view: View, overlay: Overlay): View {
  return {
    get(key) {
      const entry = overlay.get(key);
      return entry === undefined ? view.get(key) : (entry ?? undefined);
    },
    entries: view.entries,
    keys(range, limit) {
      const keys = new Set(view.keys(range, limit));
      for (const [key, entry] of overlay) {
        if (entry !== null && key >= range.start && key < range.end) keys.add(key);
      }
      return [...keys];
    },
  };
}
