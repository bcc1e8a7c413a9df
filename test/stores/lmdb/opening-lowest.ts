// Opens the store on a database of the lowest version of the driver.
import { open } from "lmdb30";
import { type LmdbStore, lmdbStore } from "../../../src/stores/lmdb.ts";

export function lowest(path: string): LmdbStore {
  const root = open({ path, noSync: true });
  const store = lmdbStore(root, { databaseName: "sessions" });
  const close = store.close.bind(store);
  let closing: Promise<void> | undefined;
  store.close = () => (closing ??= close().then(() => root.close()));
  return store;
}
