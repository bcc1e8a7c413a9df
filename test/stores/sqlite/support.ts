import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Better from "better-sqlite3";
import { onTestFinished } from "vitest";
import { type SqliteDriverName, type SqliteStore, sqliteStore } from "../../../src/stores/sqlite.ts";
import { startProgram } from "../programs.ts";
import { call } from "../records.ts";

export { message, turns, watch } from "../programs.ts";
export { call, idOf, NOW, recordOf } from "../records.ts";

export const DRIVERS: readonly SqliteDriverName[] = ["node:sqlite", "better-sqlite3"];

/** What tests do with a database of either kind behind the store's back. */
export interface RawDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): {
    get(...values: (string | number)[]): unknown;
    run(...values: (string | number)[]): unknown;
  };
  close(): unknown;
}

/** A path in a folder that goes when the test is over. */
export function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "sessions.db");
}

export async function storeOn(file: string, driver: SqliteDriverName): Promise<SqliteStore> {
  const store = sqliteStore(file, { driver });
  onTestFinished(() => store.close());
  await store.setup(call());
  return store;
}

/** By the driver under test: two SQLite libraries in one process take each other's locks away. */
export function rawOn(file: string, driver: "node:sqlite"): DatabaseSync;
export function rawOn(file: string, driver: SqliteDriverName): RawDatabase & (DatabaseSync | Better.Database);
export function rawOn(file: string, driver: SqliteDriverName): DatabaseSync | Better.Database {
  const database = driver === "node:sqlite" ? new DatabaseSync(file) : new Better(file);
  onTestFinished(() => {
    if (database instanceof DatabaseSync ? database.isOpen : database.open) database.close();
  });
  return database;
}

/** Starts a program beside this file; it is killed when the test is over. */
export function start(program: string, ...args: string[]): ChildProcess {
  return startProgram(new URL(program, import.meta.url), ...args);
}
