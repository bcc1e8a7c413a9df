import { DatabaseSync } from "node:sqlite";
import Better from "better-sqlite3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type SqliteDriverName, sqliteStore } from "../../../src/stores/sqlite.ts";
import { call, DRIVERS, freshFile, idOf, recordOf } from "./support.ts";

const LEVELS = [
  { durability: "power", synchronous: 2, fullfsync: 1 },
  { durability: "process", synchronous: 1, fullfsync: 0 },
  { durability: undefined, synchronous: 1, fullfsync: 0 },
] as const;

/** The databases that statements are executed on from here on: the only way to the connection of a store. */
function databasesOf(driver: SqliteDriverName): () => readonly (DatabaseSync | Better.Database)[] {
  const prototype: DatabaseSync | Better.Database =
    driver === "node:sqlite" ? DatabaseSync.prototype : Better.prototype;
  const spy = vi.spyOn(prototype, "exec");
  onTestFinished(() => spy.mockRestore());
  return () => [...new Set(spy.mock.contexts as (DatabaseSync | Better.Database)[])];
}

describe.each(DRIVERS)("a file of sqlite by %s", (driver) => {
  test.each(LEVELS)(
    "with durability $durability has its own connection at synchronous $synchronous",
    async ({ durability, synchronous, fullfsync }) => {
      const databases = databasesOf(driver);
      const store = sqliteStore(freshFile(), durability === undefined ? { driver } : { driver, durability });
      onTestFinished(() => store.close());
      await store.setup(call());
      await store.create(recordOf("a"), call());
      await store.delete(idOf("a"), {}, call());
      expect(databases()).toHaveLength(1);
      for (const database of databases()) {
        expect(database.prepare("PRAGMA synchronous").get()).toEqual({ synchronous });
        expect(database.prepare("PRAGMA fullfsync").get()).toEqual({ fullfsync });
      }
    },
  );
});
