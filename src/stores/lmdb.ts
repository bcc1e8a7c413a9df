import { type Answer, atOnce } from "../core/answer.ts";
import { refuseConfig, SessionError } from "../core/errors.ts";
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
import { Batches } from "./lmdb/batches.ts";
import type { LmdbDatabase } from "./lmdb/driver.ts";
import { Engine } from "./lmdb/engine.ts";
import { dueUntil, labelledAfter, labelledId } from "./lmdb/keys.ts";
import {
  createRecord,
  deleteLabelled,
  deleteRecord,
  sweepDue,
  updateRecord,
  type Write,
} from "./lmdb/operations.ts";
import { listAll, listLabelled, readRecord } from "./lmdb/reading.ts";
import { dropOld } from "./lmdb/receipts.ts";
import { databaseSource, fileSource, type Source } from "./lmdb/source.ts";
import { retrying } from "./lmdb/waiting.ts";
import { type View, viewOf } from "./lmdb/view.ts";

export type { LmdbDatabase, LmdbTable, LmdbTableOptions } from "./lmdb/driver.ts";

export interface LmdbStoreOptions {
  /**
   * What an acknowledged write survives: `"power"` (default for a file) a power cut, `"process"` a killed process alone: nothing
   * is synced then, and a power cut or a crash of the system may leave a file that cannot be used. For a database that is
   * handed in it is what that database must promise, and nothing is changed on it.
   */
  readonly durability?: "process" | "power";
  /** The name of the database within the file, `holdfast` unless said otherwise. */
  readonly databaseName?: string;
}

/** All that an LMDB store can do. */
export type LmdbStore = Omit<SessionStore, "read"> &
  Pick<RecordStore, "read"> &
  LabelIndex &
  IterableStore &
  Sweepable &
  Setup &
  DisposableStore;

const DEFAULT_NAME = "holdfast";

/** Bounds how many sessions one step of a sweep or of a revocation takes. */
const AT_ONCE = 100;

/**
 * A store in one LMDB file, by the package `lmdb`, safe between processes on one machine. Reads come from memory that all
 * processes share. Writes of one turn of the event loop share a commit, which a thread of the driver does: the event loop never
 * waits for a lock or for the disk. A write that waits for others does so until the deadline of its call.
 *
 * @param fileOrDatabase Path of the file, which is created for its owner alone, in a folder that exists; or what `open` of
 *   `lmdb` gave, which stays the application's own: its settings are not changed, and `close` leaves it open.
 * @throws {SessionError} `ERR_SESSION_CONFIG` when `lmdb` is not installed, when the folder does not exist, and for options
 *   that cannot work. What is wrong with the file itself is learned by the first call, which rejects.
 */
export function lmdbStore(fileOrDatabase: string | LmdbDatabase, options: LmdbStoreOptions = {}): LmdbStore {
  checkOptionNames(options, ["durability", "databaseName"], "lmdbStore");
  const { durability, databaseName = DEFAULT_NAME } = options;
  if (durability !== undefined && durability !== "process" && durability !== "power") {
    refuseConfig('durability is "process" or "power".');
  }
  if (typeof databaseName !== "string" || !/^[\w.:-]{1,100}$/.test(databaseName)) {
    refuseConfig("databaseName is a name of letters, digits and _ . : -, at most 100.");
  }
  const source = sourceOf(fileOrDatabase, durability);
  return new Lmdb(new Engine(source, databaseName), source.traits);
}

function sourceOf(given: string | LmdbDatabase, durability: LmdbStoreOptions["durability"]): Source {
  if (typeof given === "string") return fileSource(given, durability ?? "power");
  if (isDatabase(given)) return databaseSource(given, durability);
  return refuseConfig(
    'lmdbStore needs the path of a file, such as "sessions.lmdb", or an open database of lmdb.',
  );
}

function isDatabase(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["openDB", "close"].every((name) => typeof Reflect.get(value, name) === "function");
}

class Lmdb implements LmdbStore {
  readonly traits: StoreTraits;
  readonly #engine: Engine;
  readonly #batches: Batches;
  #closing: Promise<void> | undefined;

  constructor(engine: Engine, traits: StoreTraits) {
    this.traits = traits;
    this.#engine = engine;
    this.#batches = new Batches(engine.table);
  }

  async create(record: SessionRecord, call: Call): Promise<boolean> {
    return this.#write(createRecord(record), call);
  }

  read(id: SessionId, call: Call): Answer<SessionRecord | null> {
    return atOnce(() => this.#read((view) => readRecord(view, id), call));
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    return this.#write(updateRecord(id, change), call);
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    return this.#write(deleteRecord(id, when), call);
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    const limit = checkedLimit(page.limit);
    return this.#read((view) => listLabelled(view, label, page.after ?? "", limit), call);
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    const kept = new Set<string>(except);
    let deleted = 0;
    for (let after = ""; ;) {
      const range = labelledAfter(label, after);
      const keys = await this.#read((view) => view.keys(range, AT_ONCE), call);
      const doomed = keys.filter((key) => !kept.has(labelledId(key)));
      const counts = await Promise.all(doomed.map((key) => this.#write(deleteLabelled(key, label), call)));
      deleted += sum(counts);
      const last = keys.at(-1);
      if (last === undefined || keys.length < AT_ONCE) return deleted;
      after = labelledId(last);
    }
  }

  async all(page: PageRequest, call: Call): Promise<Page> {
    const limit = checkedLimit(page.limit);
    return this.#read((view) => listAll(view, page.after ?? "", limit), call);
  }

  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    const most = checkedLimit(limit);
    // What dead processes were reading could not be written over as long as it counts as read.
    await this.#read(() => this.#engine.table().readerCheck(), call);
    await this.#read(() => dropOld(this.#engine.table()), call);
    let deleted = 0;
    while (deleted < most) {
      const wanted = Math.min(AT_ONCE, most - deleted);
      try {
        const keys = await this.#read((view) => view.keys(dueUntil(now), wanted), call);
        const steps = await Promise.allSettled(keys.map((key) => this.#write(sweepDue(key, now), call)));
        deleted += sum(steps.map((step) => (step.status === "fulfilled" ? step.value : 0)));
        for (const step of steps) if (step.status === "rejected") throw step.reason;
        if (keys.length < wanted) return { deleted, more: false };
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
    await this.#engine.setup(call);
  }

  /** Lets the writes that wait finish, then closes the file. A database that was handed in stays open. Later calls reject. */
  close(): Promise<void> {
    this.#closing ??= this.#batches.drained().then(() => this.#engine.close());
    return this.#closing;
  }

  #write<T>(write: Write<T>, call: Call): Promise<T> {
    this.#requireOpen();
    return this.#batches.write(write, call);
  }

  #read<T>(work: (view: View) => T, call: Call): Answer<T> {
    this.#requireOpen();
    return retrying(() => work(viewOf(this.#engine.table())), call);
  }

  #requireOpen(): void {
    if (this.#closing === undefined) return;
    throw new SessionError("ERR_SESSION_USE", "This LMDB store was closed.");
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
