// Opens the store as a worker process does: on a file that is there, without setting it up.
import { type LmdbStore, lmdbStore } from "../../../src/stores/lmdb.ts";

export const synced = (file: string): LmdbStore => lmdbStore(file);
export const unsynced = (file: string): LmdbStore => lmdbStore(file, { durability: "process" });
