import type { Cache } from "./cache.ts";

/** All caches over one store in this process: a write through one of them is a change to each. */
export type Sharers = Set<Cache>;

/** Held by the stores themselves, which have to be the same object for it. */
const sharersOf = new WeakMap<object, Sharers>();

/** Adds a cache to those of its store. */
export function joined(store: object, cache: Cache): Sharers {
  const sharers = sharersOf.get(store) ?? new Set();
  sharersOf.set(store, sharers);
  sharers.add(cache);
  return sharers;
}
