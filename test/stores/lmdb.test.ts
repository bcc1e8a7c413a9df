import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, type RootDatabase } from "lmdb";
import { describe, test } from "vitest";
import type { SessionId } from "../../src/core/record.ts";
import { type LmdbStore, lmdbStore } from "../../src/stores/lmdb.ts";
import { type OpenedStore, storeContract, type StoreSubject } from "../../src/testing/index.ts";
import { headKey } from "../../src/stores/lmdb/keys.ts";
import { tableOf } from "./lmdb/support.ts";

type Opener = (file: string) => LmdbStore;

function subjectOf(
  name: string,
  effort: number,
  open: Opener,
  exported: "synced" | "unsynced",
): StoreSubject {
  async function handleOf(file: string): Promise<OpenedStore> {
    const store = open(file);
    await store.setup({ signal: new AbortController().signal });
    return { store, close: () => store.close() };
  }
  return {
    name,
    effort,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-lmdb-"));
      const file = join(folder, "sessions.lmdb");
      const first = await handleOf(file);
      return {
        ...first,
        close: async () => {
          await first.close();
          await rm(folder, { recursive: true });
        },
        openAgain: () => handleOf(file),
        worker: { module: new URL("./lmdb/opening.ts", import.meta.url), export: exported, location: file },
        damage: {
          emptied: spoiled(file, () => ""),
          "cut short": spoiled(file, (text) => text.slice(0, 20)),
          "without its fields": spoiled(file, (text) => text.slice(0, text.indexOf("\n"))),
          "of another shape": spoiled(file, () => "{}\n[]"),
          "with a version past all numbers": spoiled(file, (text) => text.replace("[1,1,", "[1,1e99,")),
          "with labels of another shape": spoiled(file, (text) => text.replace('["user:1"]', "{}")),
        },
      };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: true,
      setup: true,
      subscribe: "a file tells nobody",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: true,
    },
  };
}

/** Writes something else under the key of a session. */
function spoiled(file: string, change: (text: string) => string): (id: SessionId) => Promise<void> {
  return async (id) => {
    const root: RootDatabase = open({ path: file, noSubdir: true, overlappingSync: false });
    const table = tableOf(root);
    await table.put(headKey(id), change(String(table.get(headKey(id)))), 1);
    await root.close();
  };
}

const unsynced: Opener = (file) => lmdbStore(file, { durability: "process" });

storeContract({ test, describe }, subjectOf("lmdb", 1, unsynced, "unsynced"));
// The same but for what the driver does after a commit, which is to wait for the disk.
storeContract(
  { test, describe },
  subjectOf("lmdb, synced", 0.1, (file) => lmdbStore(file), "synced"),
);
