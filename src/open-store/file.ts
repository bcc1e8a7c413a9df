import type { AnyStore, DisposableStore } from "../core/store.ts";
import { directoryStore } from "../stores/directory.ts";
import { sqliteStore } from "../stores/sqlite.ts";
import type { StoreAddress } from "./address.ts";
import { isFolder, pathOf } from "./path.ts";

/** A file is SQLite's; a folder, or a path that ends like one, is the directory store's. */
export async function openFile({ rest }: StoreAddress): Promise<AnyStore & DisposableStore> {
  const path = pathOf(rest);
  return isFolder(path) ? directoryStore(path) : sqliteStore(path);
}
