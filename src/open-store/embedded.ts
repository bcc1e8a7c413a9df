import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SessionError } from "../core/errors.ts";
import type { AnyStore, DisposableStore } from "../core/store.ts";
import { directoryStore } from "../stores/directory.ts";
import { lmdbStore } from "../stores/lmdb.ts";
import { memoryStore } from "../stores/memory.ts";
import { sqliteStore } from "../stores/sqlite.ts";
import type { StoreAddress } from "./address.ts";

export async function openMemory(): Promise<AnyStore & DisposableStore> {
  return memoryStore();
}

/** A file is SQLite's; a folder, or a path that ends like one, is the directory store's. */
export async function openFile({ rest }: StoreAddress): Promise<AnyStore & DisposableStore> {
  const path = pathOf(rest);
  return isFolder(path) ? directoryStore(path) : sqliteStore(path);
}

export async function openLmdb({ rest }: StoreAddress): Promise<AnyStore & DisposableStore> {
  return lmdbStore(pathOf(rest));
}

export function isFolder(path: string): boolean {
  return /[/\\]$/.test(path) || (existsSync(path) && statSync(path).isDirectory());
}

/** The path of a file or folder that a URL names. */
export function pathOf(rest: string): string {
  return rest.startsWith("//") ? absolutePath(rest) : rest;
}

function absolutePath(rest: string): string {
  try {
    return fileURLToPath(`file:${rest}`);
  } catch (cause) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "A file's URL is a path after `file:` or `lmdb:`, or an absolute one after `file://` or `lmdb://`.",
      { cause },
    );
  }
}
