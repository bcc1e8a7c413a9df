import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Better from "better-sqlite3";
import { describe, test } from "vitest";
import type { SessionId } from "../../src/core/record.ts";
import { type SqliteDatabase, type SqliteDriverName, sqliteStore } from "../../src/stores/sqlite.ts";
import { type OpenedStore, storeContract, type StoreSubject } from "../../src/testing/index.ts";

function subjectOf(driver: SqliteDriverName, opener: "builtIn" | "better"): StoreSubject {
  return {
    name: `sqlite by ${driver}`,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-sqlite-"));
      const file = join(folder, "sessions.db");
      const first = await handleOf(file, driver);
      return {
        ...first,
        close: async () => {
          await first.close();
          await rm(folder, { recursive: true });
        },
        openAgain: () => handleOf(file, driver),
        worker: { module: new URL("./sqlite/opening.ts", import.meta.url), export: opener, location: file },
        damage: {
          "labels cut short": spoiled(file, driver, `labels = '["user:'`),
          "labels of another shape": spoiled(file, driver, "labels = '{}'"),
          "a version past all numbers": spoiled(file, driver, "version = 9223372036854775807"),
          "times past all numbers": spoiled(
            file,
            driver,
            "expires_at = 9007199254740993, created_at = -9223372036854775808",
          ),
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

async function handleOf(file: string, driver: SqliteDriverName): Promise<OpenedStore> {
  const store = sqliteStore(file, { driver });
  await store.setup({ signal: new AbortController().signal });
  return { store, close: () => store.close() };
}

/** By the same driver: two SQLite libraries in one process take each other's locks away. */
function openRaw(file: string, driver: SqliteDriverName): SqliteDatabase {
  return driver === "node:sqlite" ? new DatabaseSync(file) : new Better(file);
}

function spoiled(
  file: string,
  driver: SqliteDriverName,
  assignment: string,
): (id: SessionId) => Promise<void> {
  return async (id) => {
    const database = openRaw(file, driver);
    database.prepare(`UPDATE holdfast_sessions SET ${assignment} WHERE id = ?`).run(id);
    database.close();
  };
}

storeContract({ test, describe }, subjectOf("node:sqlite", "builtIn"));
storeContract({ test, describe }, subjectOf("better-sqlite3", "better"));
