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
  SessionChange,
  SessionStore,
  Setup,
  StoreTraits,
  Sweepable,
  SweepOutcome,
  UpdateOutcome,
} from "../core/store.ts";
import { Caller } from "./mysql/calls.ts";
import { createRecord } from "./mysql/create.ts";
import { deleteBearers, deleteExpired, deleteRecord } from "./mysql/delete.ts";
import { type Engine, rowsOf } from "./mysql/engine.ts";
import type { Gathering } from "./mysql/gathering.ts";
import { linksOf, type MysqlCallbackPool, type MysqlPool, type Row } from "./mysql/pool.ts";
import { readsOf } from "./mysql/read.ts";
import { bySession, judgeRows } from "./mysql/rows.ts";
import { type Names, namesFor } from "./mysql/schema.ts";
import { prepareTables } from "./mysql/setup.ts";
import { sqlFor } from "./mysql/sql.ts";
import { type Touch, touchesOf, touchOf } from "./mysql/touch.ts";
import { updateRecord } from "./mysql/update.ts";
import { isId, labelKey } from "./mysql/values.ts";

export type { MysqlCallbackPool, MysqlConnection, MysqlPool, MysqlValue } from "./mysql/pool.ts";

export interface MysqlStoreOptions {
  /** Name of the table of sessions; those of the other three begin with it. `holdfast_sessions` unless said otherwise. */
  readonly table?: string;
  /** The database that the tables are in; unless said otherwise the one that the pool's connections use. */
  readonly database?: string;
  /**
   * What an acknowledged write survives: `"process"` (default) a killed server, `"power"` also a power cut, `"none"` neither.
   * `setup` rejects when the server is set to promise less.
   */
  readonly durability?: StoreTraits["durability"];
}

/** All that a MySQL store can do. */
export type MysqlStore = SessionStore & LabelIndex & IterableStore & Sweepable & Setup & DisposableStore;

const DEFAULT_TABLE = "holdfast_sessions";

/** Sessions that one statement of a sweep or of a revocation deletes, so that none holds locks for long. */
const DELETED_AT_ONCE = 100;

/**
 * A store in a MySQL or MariaDB database, shared by every process that reaches it.
 *
 * @param pool A pool of `mysql2`, of `mysql2/promise` or of `mariadb`, which stays the application's own: `close` leaves it open.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for what is no such pool and for options that cannot work.
 */
export function mysqlStore(pool: MysqlPool | MysqlCallbackPool, options: MysqlStoreOptions = {}): MysqlStore {
  checkOptionNames(options, ["table", "database", "durability"], "mysqlStore");
  const { table = DEFAULT_TABLE, database, durability = "process" } = options;
  if (!["none", "process", "power"].includes(durability)) {
    throw new SessionError("ERR_SESSION_CONFIG", 'durability is "none", "process" or "power".');
  }
  const names = namesFor(table, database);
  return new Mysql(new Caller(linksOf(pool)), names, durability);
}

class Mysql implements MysqlStore {
  readonly traits: StoreTraits;
  readonly #engine: Engine;
  readonly #names: Names;
  readonly #reads: Gathering<SessionId, SessionRecord | null>;
  readonly #touches: Gathering<Touch, UpdateOutcome>;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(caller: Caller, names: Names, durability: StoreTraits["durability"]) {
    this.traits = Object.freeze({ durability, shared: true, expires: false, resends: false });
    this.#engine = { caller, sql: sqlFor(names) };
    this.#names = names;
    this.#reads = readsOf(this.#engine);
    this.#touches = touchesOf(this.#engine);
  }

  create(record: SessionRecord, call: Call): Promise<boolean> {
    return this.#counted(() => createRecord(this.#engine, record, call));
  }

  read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    return this.#counted(async () => (isId(id) ? this.#reads.ask(id, call) : null));
  }

  update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    return this.#counted(() => {
      const touch = touchOf(id, change);
      return touch === undefined
        ? updateRecord(this.#engine, id, change, call)
        : this.#touches.ask(touch, call);
    });
  }

  delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    return this.#counted(() => deleteRecord(this.#engine, id, when, call));
  }

  listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    return this.#counted(async () => {
      const limit = checkedLimit(page.limit);
      const rows = await rowsOf(
        this.#engine,
        this.#engine.sql.listed,
        [labelKey(label), after, String(limit + 1)],
        call,
      );
      return pageOf(rows, limit);
    });
  }

  deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    const kept = new Set<unknown>(except);
    return this.#counted(() => this.#revoke(labelKey(label), kept, call));
  }

  all(page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    return this.#counted(async () => {
      const limit = checkedLimit(page.limit);
      return pageOf(
        await rowsOf(this.#engine, this.#engine.sql.walked, [after, String(limit + 1)], call),
        limit,
      );
    });
  }

  sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    return this.#counted(() => this.#swept(now, checkedLimit(limit), call));
  }

  setup(call: Call): Promise<void> {
    return this.#counted(() =>
      this.#engine.caller.read(
        (statements) => prepareTables(statements, this.#names, this.traits.durability),
        call,
      ),
    );
  }

  /** Lets the calls that are under way finish. The pool stays open. Later calls reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
  }

  async #revoke(label: Buffer, kept: ReadonlySet<unknown>, call: Call): Promise<number> {
    let deleted = 0;
    for (let after = ""; ;) {
      const rows = await rowsOf(
        this.#engine,
        this.#engine.sql.labelled,
        [label, after, String(DELETED_AT_ONCE)],
        call,
      );
      const ids = rows.map(([id]) => String(id));
      const doomed = ids.filter((id) => !kept.has(id));
      deleted += await deleteBearers(this.#engine, label, doomed, call);
      if (ids.length < DELETED_AT_ONCE) return deleted;
      after = ids.at(-1) ?? "";
    }
  }

  async #swept(now: number, most: number, call: Call): Promise<SweepOutcome> {
    let deleted = 0;
    while (deleted < most) {
      const wanted = Math.min(DELETED_AT_ONCE, most - deleted);
      try {
        const rows = await rowsOf(this.#engine, this.#engine.sql.expired, [now, String(wanted)], call);
        deleted += await deleteExpired(
          this.#engine,
          now,
          rows.map(([id]) => String(id)),
          call,
        );
        if (rows.length < wanted) return { deleted, more: false };
      } catch (error) {
        // At the deadline, what is deleted already is worth telling; the rest is for the next sweep.
        if (deleted > 0 && call.signal.aborted) break;
        throw error;
      }
    }
    return { deleted, more: true };
  }

  /** Starts a call unless the store was closed, so that closing can wait for it. */
  async #counted<T>(start: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new SessionError("ERR_SESSION_USE", "This MySQL store was closed.");
    const work = start();
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }
}

function pageOf(rows: readonly Row[], limit: number): Page {
  const sessions = bySession(rows);
  const records: SessionRecord[] = [];
  for (const session of sessions.slice(0, limit)) {
    const judged = judgeRows(session);
    if (judged.verdict === "record") records.push(judged.record);
  }
  // Taken from the last session seen, readable or not, so that a page of garbage does not end the walk.
  return sessions.length > limit ? { records, next: String(sessions[limit - 1]?.[0]?.[0]) } : { records };
}
