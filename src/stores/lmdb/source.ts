import { closeSync, existsSync, fchmodSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { refuseConfig } from "../../core/errors.ts";
import type { StoreTraits } from "../../core/store.ts";
import { findDriver, type LmdbDatabase } from "./driver.ts";
import { checkOpenable } from "./header.ts";

type Durability = Exclude<StoreTraits["durability"], "none">;

/** Where the database comes from, and what it promises. */
export interface Source {
  readonly traits: StoreTraits;
  open(): LmdbDatabase;
  /** Closes it, if it was opened here. */
  close(database: LmdbDatabase): Promise<void>;
}

/** How many processes and threads may have the file open. The one that opens it first decides. */
const MOST_READERS = 1024;

const BYTES_OF_READER = 64;

const PRIVATE = 0o600;

/** A file that the store opens by itself. Throws `ERR_SESSION_CONFIG` for a path that cannot work. */
export function fileSource(path: string, durability: Durability): Source {
  const file = checkedPath(path);
  const openDatabase = findDriver();
  return {
    traits: traitsOf(durability, true),
    open() {
      createPrivately(file, Buffer.alloc(0));
      // Written out, since a part of it that has no room on the disk would end the process that touches it.
      createPrivately(`${file}-lock`, Buffer.alloc(MOST_READERS * BYTES_OF_READER));
      checkOpenable(file);
      return openDatabase({
        path: file,
        noSubdir: true,
        // LMDB's own order of writing: what a commit needs is on the disk before the page that makes it the last one.
        overlappingSync: false,
        noSync: durability === "process",
        maxReaders: MOST_READERS,
        permissionsMode: PRIVATE,
      });
    },
    async close(database) {
      await database.close();
    },
  };
}

/**
 * A database that the application opened. Nothing of it is changed, so `durability` can only be checked.
 * Throws `ERR_SESSION_CONFIG` when it may only be read, or promises less than is asked for.
 */
export function databaseSource(database: LmdbDatabase, wanted: Durability | undefined): Source {
  if (isOn(database, "readOnly")) {
    refuseConfig("The database that was handed in was opened with `readOnly`. Open it without.");
  }
  const durability = durabilityOf(database);
  if (wanted !== undefined && wanted !== durability && durability !== "power") {
    refuseConfig(
      `durability "${wanted}" is more than the database that was handed in promises ("${durability}"). ` +
        "Open it without `noSync`, `noMetaSync` and `mapAsync`, or leave `durability` out.",
    );
  }
  return {
    traits: traitsOf(durability, durability !== "none"),
    open: () => database,
    close: () => Promise.resolve(),
  };
}

/** The driver keeps the options as properties of what it opened with them. */
function durabilityOf(database: LmdbDatabase): StoreTraits["durability"] {
  if (isOn(database, "deleteOnClose")) return "none";
  const isLax = ["noSync", "noMetaSync", "mapAsync"].some((option) => isOn(database, option));
  return isLax ? "process" : "power";
}

function isOn(database: LmdbDatabase, option: string): boolean {
  return Boolean(Reflect.get(database, option));
}

function traitsOf(durability: StoreTraits["durability"], shared: boolean): StoreTraits {
  return Object.freeze({ durability, shared, expires: false, resends: false });
}

function checkedPath(path: string): string {
  if (path.trim() === "" || path.trim() !== path || path === ":memory:") {
    refuseConfig(`${JSON.stringify(path)} is not the path of a file. Give one, such as "sessions.lmdb".`);
  }
  const file = resolve(path);
  if (existsSync(dirname(file))) return file;
  return refuseConfig(
    `The folder ${dirname(file)} does not exist. Create it first, readable by the server alone: mkdir -p -m 700 ${dirname(file)}`,
  );
}

/** Makes the file if there is none, for its owner alone, whatever the umask. LMDB takes one without content for a new one. */
function createPrivately(file: string, content: Buffer): void {
  let handle: number;
  try {
    handle = openSync(file, "wx", PRIVATE);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw error;
  }
  try {
    fchmodSync(handle, PRIVATE);
    writeFileSync(handle, content);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}
