import { closeSync, existsSync, fchmodSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SessionError } from "../../core/errors.ts";
import type { StoreTraits } from "../../core/store.ts";
import {
  borrowedConnection,
  type Connection,
  findDriver,
  ownConnection,
  type SqliteDatabase,
  type SqliteDriverName,
} from "./driver.ts";

type Durability = Exclude<StoreTraits["durability"], "none">;

/** Where connections come from, and what they promise. */
export interface Source {
  /** Whether the connection is the store's to set up, to close and to open again. */
  readonly own: boolean;
  readonly traits: StoreTraits;
  open(): Connection;
  /** Brings a new file into WAL mode; does nothing to what is not ours. */
  prepare(connection: Connection): void;
}

const IN_MEMORY = ":memory:";

/** A WAL file that grew in a busy hour is cut back to this size, in bytes, at the next checkpoint that can. */
const WAL_KEPT = 16 * 1024 * 1024;

/** A database file that the store opens by itself. Throws `ERR_SESSION_CONFIG` for a path that cannot work. */
export function fileSource(
  path: string,
  durability: Durability,
  driver: SqliteDriverName | undefined,
): Source {
  const file = checkedPath(path);
  const openDatabase = findDriver(driver);
  const inMemory = file === IN_MEMORY;
  return {
    own: true,
    traits: traitsOf(inMemory ? "none" : durability, !inMemory),
    open() {
      if (!inMemory) createPrivately(file);
      const connection = ownConnection(openDatabase(file));
      try {
        connection.exec("PRAGMA busy_timeout = 0");
        connection.exec(`PRAGMA journal_size_limit = ${WAL_KEPT}`);
        // FULL syncs the log at every commit, NORMAL only before a checkpoint. macOS has a sync of its own that is real.
        connection.exec(durability === "power" ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
        if (durability === "power") connection.exec("PRAGMA fullfsync = ON");
      } catch (error) {
        connection.close();
        throw error;
      }
      return connection;
    },
    prepare(connection) {
      const mode = connection.reader("PRAGMA journal_mode = WAL")()[0]?.[0];
      if (inMemory || mode === "wal") return;
      throw new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        `The file system of ${dirname(file)} cannot hold a database in WAL mode (SQLite answered ${String(mode)}). Use a local disk.`,
      );
    },
  };
}

/**
 * A database that the application opened. Nothing of it is changed, so `durability` can only be checked.
 * Throws `ERR_SESSION_CONFIG` when the database is closed or promises less than is asked for.
 */
export function databaseSource(database: SqliteDatabase, wanted: Durability | undefined): Source {
  const connection = borrowedConnection(database);
  const durability = durabilityOf(connection);
  if (wanted !== undefined && wanted !== durability && durability !== "power") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `durability "${wanted}" is more than the database that was handed in promises ("${durability}"). ` +
        "Run `PRAGMA journal_mode = WAL` and `PRAGMA synchronous = FULL` on it, or leave `durability` out.",
    );
  }
  const file = connection.reader("SELECT file FROM pragma_database_list WHERE name = 'main'")()[0]?.[0];
  return {
    own: false,
    traits: traitsOf(durability, typeof file === "string" && file !== ""),
    open: () => connection,
    prepare: () => undefined,
  };
}

function durabilityOf(connection: Connection): StoreTraits["durability"] {
  const setting = (name: string): unknown => connection.reader(`PRAGMA ${name}`)()[0]?.[0];
  const mode = setting("journal_mode");
  if (mode === "memory" || mode === "off") return "none";
  // 2 is FULL, 3 is EXTRA. Below, a commit is in the hands of the operating system, which outlives the process.
  return Number(setting("synchronous")) >= 2 ? "power" : "process";
}

function traitsOf(durability: StoreTraits["durability"], shared: boolean): StoreTraits {
  return Object.freeze({ durability, shared, expires: false, resends: false });
}

function checkedPath(path: string): string {
  if (path === IN_MEMORY) return path;
  // An empty name is a database that vanishes, a URI may carry options that undo ours, and one driver trims the name.
  if (path.trim() === "" || path.trim() !== path || path.startsWith("file:")) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `${JSON.stringify(path)} is not the path of a database file. Give a plain path, or ":memory:".`,
    );
  }
  const file = resolve(path);
  if (existsSync(dirname(file))) return file;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `The folder ${dirname(file)} does not exist. Create it first, readable by the server alone: mkdir -p -m 700 ${dirname(file)}`,
  );
}

/** Makes the file if there is none, for its owner alone, whatever the umask. SQLite gives -wal and -shm the same mode. */
function createPrivately(file: string): void {
  let handle: number;
  try {
    handle = openSync(file, "wx", 0o600);
  } catch (error) {
    // A file that is there is never opened here: closing it would drop the locks that SQLite holds on it.
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw error;
  }
  try {
    fchmodSync(handle, 0o600);
  } finally {
    closeSync(handle);
  }
}
