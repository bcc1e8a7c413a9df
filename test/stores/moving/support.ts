import type { AnyStore } from "../../../src/core/store.ts";

/** A store whose records another makes. */
export function bornOld(store: AnyStore, maker: AnyStore): AnyStore {
  return { ...store, create: (record, call) => maker.create(record, call) };
}
