import type { AnyStore, DisposableStore } from "../core/store.ts";
import { lmdbStore } from "../stores/lmdb.ts";
import type { StoreAddress } from "./address.ts";
import { pathOf } from "./path.ts";

export async function openLmdb({ rest }: StoreAddress): Promise<AnyStore & DisposableStore> {
  return lmdbStore(pathOf(rest));
}
