// Opens the store as a worker process does: on a file that is there, without creating tables.
import { type SqliteDriverName, type SqliteStore, sqliteStore } from "../../../src/stores/sqlite.ts";

export const builtIn = (file: string): SqliteStore => open(file, "node:sqlite");
export const better = (file: string): SqliteStore => open(file, "better-sqlite3");

function open(file: string, driver: SqliteDriverName): SqliteStore {
  return sqliteStore(file, { driver });
}
