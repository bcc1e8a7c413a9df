// Tries the embedded stores on the runtime that runs this.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AnyStore } from "../../../src/index.ts";
import { directoryStore } from "../../../src/stores/directory.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type SqliteDatabase, sqliteStore } from "../../../src/stores/sqlite.ts";
import type { OpenedStore, StoreSubject } from "../../../src/testing/index.ts";
import { memorySubject } from "../../testing/memory-subject.ts";
import { tryStores } from "./support/trial.ts";

type Open = (location: string) => AnyStore;

/** How this program and the workers of the contract, which import it, open stores. */
export const openDirectory: Open = (folder) => directoryStore(folder);
export const openNodeSqlite: Open = (file) => sqliteStore(file, { driver: "node:sqlite" });
export const openBunSqlite: Open = (file) => sqliteStore(file, { driver: "bun:sqlite" });
export const openBetterSqlite: Open = (file) => sqliteStore(file, { driver: "better-sqlite3" });

export const openLmdb: Open = (file) => lmdbStore(file, { durability: "process" });

/** An application's own database of Bun's, handed in. */
export const openBunDatabase: Open = (file) => {
  const { Database } = process.getBuiltinModule("bun:sqlite" as "sqlite") as unknown as {
    readonly Database: new (file: string) => SqliteDatabase;
  };
  const database = new Database(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 20");
  const store = sqliteStore(database);
  const close = store.close.bind(store);
  let closing: Promise<void> | undefined;
  store.close = () => (closing ??= close().then(() => void database.close()));
  return store;
};

/** A store on one file or folder, shared by the processes of this machine. */
function onDisk(name: string, open: Open, exported: string, effort: number): StoreSubject {
  async function handle(location: string): Promise<OpenedStore> {
    const store = open(location);
    await store.setup?.({ signal: new AbortController().signal });
    return { store, close: async () => store.close?.() };
  }
  return {
    name,
    effort,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-runtime-"));
      const location = join(folder, "sessions");
      const first = await handle(location);
      return {
        store: first.store,
        async close() {
          await first.close();
          await rm(folder, { recursive: true, force: true });
        },
        openAgain: () => handle(location),
        worker: { module: new URL(import.meta.url), export: exported, location },
      };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: true,
      setup: true,
      subscribe: "files tell nobody",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: "what is spoilt behind the store's back is tried on the Node of the tools",
    },
  };
}

await tryStores({
  memory: () =>
    memorySubject(async () => {
      const store = memoryStore();
      return { store, close: () => store.close() };
    }),
  directory: () => onDisk("directory", openDirectory, "openDirectory", 0.02),
  "node:sqlite": () => onDisk("node:sqlite", openNodeSqlite, "openNodeSqlite", 0.05),
  "bun:sqlite": () => onDisk("bun:sqlite", openBunSqlite, "openBunSqlite", 0.05),
  "better-sqlite3": () => onDisk("better-sqlite3", openBetterSqlite, "openBetterSqlite", 0.05),
  lmdb: () => onDisk("lmdb", openLmdb, "openLmdb", 0.05),
  "a database of bun:sqlite": () =>
    onDisk("a database of bun:sqlite", openBunDatabase, "openBunDatabase", 0.05),
});
