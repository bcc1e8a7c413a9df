import { stat } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { type Engine, type OpenStore, QUIET } from "./engine.ts";
import { benchFolder, COUNTED_OF_PROCESS, ownInputAndOutput } from "./files.ts";

export async function startSqlite(): Promise<Engine> {
  const folder = await benchFolder();
  const file = join(folder.path, "sessions.db");
  return {
    ...QUIET,
    name: "sqlite",
    version: process.versions.sqlite ?? "unknown",
    settings: {
      client: "node:sqlite",
      durability: "process",
      journal_mode: "WAL",
      synchronous: "NORMAL",
      cache_size: "-2000 (2 MB, the default)",
    },
    counted: COUNTED_OF_PROCESS,
    location: { engine: "sqlite", at: file },
    open: () => openSqlite(file),
    counters: ownInputAndOutput,
    atRest: async () => ({ file: (await stat(file)).size }),
    settle: async () => checkpoint(file),
    stop: () => folder.remove(),
  };
}

export async function openSqlite(file: string): Promise<OpenStore> {
  const store = sqliteStore(file);
  return { store, close: () => store.close() };
}

function checkpoint(file: string): void {
  const database = new DatabaseSync(file);
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
}
