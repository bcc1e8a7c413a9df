import { type Answer, atOnce } from "../core/answer.ts";
import { SessionError } from "../core/errors.ts";
import { checkedLimit } from "../core/limit.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type {
  Call,
  DeleteCondition,
  DeleteOutcome,
  DisposableStore,
  IterableStore,
  LabelIndex,
  Page,
  PageRequest,
  RecordStore,
  SessionStore,
  SessionChange,
  Setup,
  StoreTraits,
  Sweepable,
  SweepOutcome,
  UpdateOutcome,
} from "../core/store.ts";
import { DRIVERS, type SqliteDatabase, type SqliteDriverName } from "./sqlite/driver.ts";
import { Engine } from "./sqlite/engine.ts";
import {
  createRecord,
  deleteExpired,
  deleteLabelled,
  deleteRecord,
  labelKey,
  type Statements,
  updateRecord,
  type Write,
} from "./sqlite/operations.ts";
import { WriteQueue } from "./sqlite/queue.ts";
import { giveWay, retrying } from "./sqlite/retry.ts";
import { judgeRow, recordOf } from "./sqlite/rows.ts";
import { namesFor } from "./sqlite/schema.ts";
import { databaseSource, fileSource } from "./sqlite/source.ts";

export type { SqliteDatabase, SqliteDriverName, SqliteStatement, SqliteValue } from "./sqlite/driver.ts";

export interface SqliteStoreOptions {
  /**
   * What an acknowledged write survives: `"process"` (default for a file) a killed process, `"power"` also a power
   * cut, at the price of one disk sync a commit. For a database that is handed in it is what that database must
   * promise, and nothing is changed on it.
   */
  readonly durability?: "process" | "power";
  /** How the names of the tables begin; `holdfast_` unless said otherwise. */
  readonly tablePrefix?: string;
  /** The driver that opens the file: unless said otherwise `bun:sqlite` or `node:sqlite` where the runtime has it, else `better-sqlite3`. */
  readonly driver?: SqliteDriverName;
}

/** All that a SQLite store can do. */
export type SqliteStore = Omit<SessionStore, "read"> &
  Pick<RecordStore, "read"> &
  LabelIndex &
  IterableStore &
  Sweepable &
  Setup &
  DisposableStore;

const DEFAULT_PREFIX = "holdfast_";

/** Bounds how long one transaction of a sweep keeps the event loop and the other processes waiting. */
const SWEPT_AT_ONCE = 100;

/**
 * A store in one SQLite file, safe between processes on one machine. The writes of one turn of the event loop share a
 * transaction; a lock held by somebody else is waited for without blocking, until the deadline of the call.
 *
 * @param fileOrDatabase Path of the file, which is created for its owner alone, in a folder that exists; `":memory:"`;
 *   or an open `DatabaseSync` of `node:sqlite` or `Database` of `bun:sqlite` or `better-sqlite3`, which stays the application's own:
 *   its settings are not changed, and `close` leaves it open.
 * @throws {SessionError} `ERR_SESSION_CONFIG` when there is no driver, when the folder does not exist, and for options
 *   that cannot work. What is wrong with the file itself is learned by the first call, which rejects.
 */
export function sqliteStore(
  fileOrDatabase: string | SqliteDatabase,
  options: SqliteStoreOptions = {},
): SqliteStore {
  checkOptionNames(options, ["durability", "tablePrefix", "driver"], "sqliteStore");
  const { durability, tablePrefix = DEFAULT_PREFIX, driver } = options;
  checkOptions(options);
  const names = namesFor(tablePrefix);
  if (typeof fileOrDatabase === "string") {
    const source = fileSource(fileOrDatabase, durability ?? "process", driver);
    return new Sqlite(new Engine(source, names), source.traits);
  }
  if (driver !== undefined) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "driver is for a file; a database that is handed in brings its own. Leave it out.",
    );
  }
  if (!isDatabase(fileOrDatabase)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      'sqliteStore needs the path of a file, such as "sessions.db", or an open database of node:sqlite, bun:sqlite or better-sqlite3.',
    );
  }
  const source = databaseSource(fileOrDatabase, durability);
  return new Sqlite(new Engine(source, names), source.traits);
}

function isDatabase(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["prepare", "exec", "close"].every((name) => typeof Reflect.get(value, name) === "function");
}

function checkOptions({ durability, driver }: SqliteStoreOptions): void {
  if (durability !== undefined && durability !== "process" && durability !== "power") {
    throw new SessionError("ERR_SESSION_CONFIG", 'durability is "process" or "power".');
  }
  if (driver !== undefined && !DRIVERS.includes(driver)) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `driver is one of ${DRIVERS.map((name) => `"${name}"`).join(", ")}.`,
    );
  }
}

class Sqlite implements SqliteStore {
  readonly traits: StoreTraits;
  readonly #engine: Engine;
  readonly #queue: WriteQueue<Statements>;
  #closing: Promise<void> | undefined;

  constructor(engine: Engine, traits: StoreTraits) {
    this.traits = traits;
    this.#engine = engine;
    this.#queue = new WriteQueue((run) => engine.transact(run));
  }

  async create(record: SessionRecord, call: Call): Promise<boolean> {
    return this.#write(createRecord(record), call);
  }

  read(id: SessionId, call: Call): Answer<SessionRecord | null> {
    return atOnce(() => this.#read((statements) => recordOf(statements.record(id, id)), call));
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    return this.#write(updateRecord(id, change), call);
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    return this.#write(deleteRecord(id, when), call);
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    const limit = checkedLimit(page.limit);
    const key = labelKey(label);
    return pageOf(await this.#read((statements) => statements.listed(key, after, limit + 1), call), limit);
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    return this.#write(deleteLabelled(label, except), call);
  }

  async all(page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    const limit = checkedLimit(page.limit);
    return pageOf(await this.#read((statements) => statements.walked(after, limit + 1), call), limit);
  }

  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    const most = checkedLimit(limit);
    let deleted = 0;
    while (deleted < most) {
      const wanted = Math.min(SWEPT_AT_ONCE, most - deleted);
      try {
        const started = Date.now();
        const found = await this.#write(deleteExpired(now, wanted), call);
        deleted += found;
        if (found < wanted) return { deleted, more: false };
        await giveWay(Date.now() - started, call.signal);
      } catch (error) {
        // At the deadline, what is deleted already is worth telling; the rest is for the next sweep.
        if (deleted > 0 && call.signal.aborted) break;
        throw error;
      }
    }
    return { deleted, more: true };
  }

  async setup(call: Call): Promise<void> {
    this.#requireOpen();
    await retrying(() => this.#engine.setup(), call);
  }

  /** Lets the writes that wait finish, then closes the file. A database that was handed in stays open. Later calls reject. */
  close(): Promise<void> {
    this.#closing ??= this.#queue.drained().then(() => this.#engine.close());
    return this.#closing;
  }

  #write<T>(write: Write<T>, call: Call): Promise<T> {
    this.#requireOpen();
    return this.#queue.write(write, call);
  }

  #read<T>(work: (statements: Statements) => T, call: Call): Answer<T> {
    this.#requireOpen();
    return retrying(() => this.#engine.read(work), call);
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new SessionError("ERR_SESSION_USE", "This SQLite store was closed.");
  }
}

function pageOf(rows: readonly (readonly unknown[])[], limit: number): Page {
  const records: SessionRecord[] = [];
  for (const row of rows.slice(0, limit)) {
    const judged = judgeRow(row);
    if (judged.verdict === "record") records.push(judged.record);
  }
  // Taken from the last row seen, readable or not, so that a page of garbage does not end the walk.
  return rows.length > limit ? { records, next: String(rows[limit - 1]?.[0]) } : { records };
}
