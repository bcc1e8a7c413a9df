import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { onTestFinished } from "vitest";
import { type LmdbStore, lmdbStore, type LmdbStoreOptions } from "../../../src/stores/lmdb.ts";
import { startProgram } from "../programs.ts";
import { call } from "../records.ts";

export { message, turns, watch } from "../programs.ts";
export { call, idOf, NOW, recordOf } from "../records.ts";

/** A path in a folder that goes when the test is over. */
export function freshFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lmdb-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, "sessions.lmdb");
}

export async function storeOn(file: string, options?: LmdbStoreOptions): Promise<LmdbStore> {
  const store = lmdbStore(file, options);
  onTestFinished(() => store.close());
  await store.setup(call());
  return store;
}

/** What an application opens for itself. */
export function rootOn(file: string): RootDatabase {
  const root = open({ path: file, noSubdir: true, overlappingSync: false });
  onTestFinished(async () => root.close());
  return root;
}

/** The database of a store, as whoever knows its name can open it too. */
export function tableOf(root: RootDatabase, name = "holdfast"): Database<string, string> {
  return root.openDB<string, string>({ name, encoding: "string", useVersions: true });
}

/** Every key of it, in order. */
export function keysOf(table: Database<string, string>): readonly string[] {
  table.resetReadTxn();
  // Receipts are no session's.
  return [...table.getKeys()].filter((key) => !key.startsWith("r"));
}

/** Starts a program beside this file; it is killed when the test is over. */
export function start(program: string, ...args: string[]): ChildProcess {
  return startProgram(new URL(program, import.meta.url), ...args);
}
