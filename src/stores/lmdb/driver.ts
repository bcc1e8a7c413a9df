import { createRequire } from "node:module";
import { SessionError } from "../../core/errors.ts";

/** What a range is asked for by: from `start` up to but without `end`. */
export interface LmdbRange {
  readonly start: string;
  readonly end: string;
  readonly limit?: number;
}

/** What is called of a named database of `lmdb`. */
export interface LmdbTable {
  get(key: string): unknown;
  getEntry(key: string): { readonly value: unknown; readonly version?: number } | undefined;
  getRange(range: LmdbRange): Iterable<{ readonly key: unknown; readonly value: unknown }>;
  getKeys(range: LmdbRange): Iterable<unknown>;
  put(key: string, value: string, version: number): unknown;
  remove(key: string): unknown;
  ifVersion(key: string, version: number, work: () => void): PromiseLike<boolean>;
  ifNoExists(key: string, work: () => void): PromiseLike<boolean>;
  /** Makes the next read see what is stored by then. */
  resetReadTxn(): void;
  /** Lets go of what processes that are dead still hold. */
  readerCheck(): number;
  /** Settles when the writes before are committed. */
  readonly committed: PromiseLike<unknown>;
}

/** How a named database is opened. */
export interface LmdbTableOptions {
  readonly name: string;
  readonly encoding: "string";
  readonly keyEncoding: "ordered-binary";
  readonly useVersions: true;
  readonly cache: false;
  readonly compression: false;
}

/** What is called of an open database: what `open` of `lmdb` gives fits. */
export interface LmdbDatabase {
  openDB(options: LmdbTableOptions): unknown;
  close(): PromiseLike<unknown>;
}

/** How a file is opened. What the types of the driver do not know it takes all the same. */
export interface LmdbFileOptions {
  readonly path: string;
  readonly noSubdir: true;
  readonly overlappingSync: false;
  readonly noSync: boolean;
  readonly maxReaders: number;
  readonly permissionsMode: number;
}

/** Opens a file. Throws what the driver throws. */
export type OpenDatabase = (options: LmdbFileOptions) => LmdbDatabase;

/** Finds the driver. Throws `ERR_SESSION_CONFIG`, naming the command that installs it, when there is none. */
export function findDriver(): OpenDatabase {
  try {
    const require = createRequire(import.meta.url);
    return (require("lmdb") as { readonly open: OpenDatabase }).open;
  } catch (cause) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "The driver lmdb cannot be loaded. Run `npm install lmdb` (`npm rebuild lmdb` after a change of the platform).",
      { cause },
    );
  }
}

/**
 * Tells whether the application has a transaction of its own open on the database that it handed in: reads would show what it
 * did not commit yet, and writes would become part of it.
 */
export function isInTransaction(table: LmdbTable): boolean {
  const environment: unknown = Reflect.get(table, "env");
  if (typeof environment !== "object" || environment === null) return false;
  return Boolean(Reflect.get(environment, "writeTxn"));
}
