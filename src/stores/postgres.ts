import { newerFormat, refuseConfig, SessionError } from "../core/errors.ts";
import { checkedLimit } from "../core/limit.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type {
  Call,
  ChangeListener,
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
  Subscribable,
  Sweepable,
  SweepOutcome,
  Trackable,
  UpdateOutcome,
} from "../core/store.ts";
import type { PostgresClient } from "./postgres/clients.ts";
import { type Create, Creates } from "./postgres/creates.ts";
import { driverOf } from "./postgres/drivers.ts";
import { Gather } from "./postgres/gather.ts";
import { isStorable, type Names, namesFor } from "./postgres/names.ts";
import { Reads } from "./postgres/reads.ts";
import { pageOf, recordOf, type Row } from "./postgres/rows.ts";
import { Sender } from "./postgres/sender.ts";
import { setUp } from "./postgres/setup.ts";
import {
  AT_ONCE,
  LARGEST_PAGE,
  type Statement,
  type Statements,
  statementsFor,
  type Told,
} from "./postgres/statements.ts";
import { Subscribers } from "./postgres/subscribers.ts";
import { arrayOf, count, createValues, entryOf, updateValues, type Value } from "./postgres/values.ts";
import { touchOf, type Write, Writes } from "./postgres/writes.ts";

export type {
  PgClient,
  PgPool,
  PgPoolClient,
  PgQuery,
  PostgresClient,
  PostgresJsQuery,
  PostgresJsRows,
  PostgresJsSql,
} from "./postgres/clients.ts";

export interface PostgresStoreOptions {
  /** The schema in which the tables are, whatever `search_path` says; `"public"` unless said otherwise. `setup` makes it where it is missing. */
  readonly schema?: string;
  /** The table of the sessions; `"holdfast_sessions"` unless said otherwise. The names of the others begin with it. */
  readonly table?: string;
  /**
   * What an acknowledged write must survive: `"power"` (default) a power cut, `"process"` a killed server, `"none"` neither.
   * Nothing is changed on the server for it: `setup` rejects when the server's settings promise less.
   */
  readonly durability?: StoreTraits["durability"];
  /**
   * Whether deletions are told to other processes, which gives the store `subscribe`; off unless said otherwise, since
   * telling makes all transactions that do it wait for one another. `"changes"`: every change is told as well, but touches, which gives
   * it `track` for a cache. Needs connections that stay: not through a pooler of transactions.
   */
  readonly notify?: boolean | "changes";
  /** What to listen on in place of the first argument: a pool, a client or an instance of `postgres` that goes straight to the server. */
  readonly listenOn?: PostgresClient;
}

/** All that a PostgreSQL store can do; with `notify: true` also `subscribe`, with `notify: "changes"` also `subscribe` and `track`. */
export type PostgresStore = SessionStore & LabelIndex & IterableStore & Sweepable & Setup & DisposableStore;

/** A version that no record has, as a condition that cannot be met. */
const NO_VERSION = String(2n ** 63n - 1n);

/**
 * A store in a table of PostgreSQL 12 or newer, safe between processes and machines. Each call is one statement that stands by
 * itself, so it works behind a pooler of transactions, at any isolation level and whatever the connection is set to.
 *
 * @param client A `Pool` of `pg`, a connected `Client` of `pg`, or what `postgres()` of postgres.js returns. It stays the application's own:
 *   `close` leaves it open. A client by itself cannot connect again once its connection is lost; give a pool to a server that is to last.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work. What is wrong with the server is learned by the first call,
 *   which rejects.
 */
export function postgresStore(
  client: PostgresClient,
  options: PostgresStoreOptions & { readonly notify: "changes" },
): PostgresStore & Subscribable & Trackable;
export function postgresStore(
  client: PostgresClient,
  options: PostgresStoreOptions & { readonly notify: true },
): PostgresStore & Subscribable;
export function postgresStore(client: PostgresClient, options?: PostgresStoreOptions): PostgresStore;
export function postgresStore(client: PostgresClient, options: PostgresStoreOptions = {}): PostgresStore {
  checkOptionNames(options, ["schema", "table", "durability", "notify", "listenOn"], "postgresStore");
  checkOptions(options);
  const { schema = "public", table = "holdfast_sessions", notify = false, durability = "power" } = options;
  const names = namesFor(schema, table);
  const driver = driverOf(client, "The first argument of postgresStore");
  const traits = Object.freeze({ durability, shared: true, expires: false, resends: false });
  const parts = {
    names,
    traits,
    sender: new Sender(driver),
    statements: statementsFor(names, toldBy(notify)),
  };
  if (notify === false) return new Postgres(parts);
  const listener = options.listenOn === undefined ? driver : driverOf(options.listenOn, "listenOn");
  const subscribers = new Subscribers(listener, names.channel);
  return notify === true ? new TellingPostgres(parts, subscribers) : new TrackedPostgres(parts, subscribers);
}

function toldBy(notify: boolean | "changes"): Told {
  if (notify === "changes") return notify;
  return notify ? "deletions" : "nothing";
}

function checkOptions({ durability, notify, listenOn }: PostgresStoreOptions): void {
  if (durability !== undefined && !["none", "process", "power"].includes(durability)) {
    refuseConfig('durability is "power", "process" or "none".');
  }
  if (notify !== undefined && typeof notify !== "boolean" && notify !== "changes")
    refuseConfig('notify is true, false or "changes".');
  if (listenOn !== undefined && (notify ?? false) === false) {
    refuseConfig("listenOn is for a store that tells deletions. Add notify: true, or leave it out.");
  }
}

/** What a store is made of. */
interface Parts {
  readonly names: Names;
  readonly traits: StoreTraits;
  readonly sender: Sender;
  readonly statements: Statements;
}

class Postgres implements PostgresStore {
  readonly traits: StoreTraits;
  readonly #names: Names;
  readonly #sender: Sender;
  readonly #statements: Statements;
  readonly #creates: Gather<Create, boolean>;
  readonly #reads: Gather<SessionId, readonly Row[]>;
  readonly #writes: Gather<Write, Row>;
  #closed = false;

  constructor({ names, traits, sender, statements }: Parts) {
    this.traits = traits;
    this.#names = names;
    this.#sender = sender;
    this.#statements = statements;
    this.#creates = new Gather(new Creates(sender, statements));
    this.#reads = new Gather(new Reads(sender, statements));
    this.#writes = new Gather(new Writes(sender, statements));
  }

  async create(record: SessionRecord, call: Call): Promise<boolean> {
    this.#requireOpen();
    return await this.#creates.ask({ id: record.id, values: createValues(record) }, call);
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    this.#requireOpen();
    const rows = await this.#reads.ask(id, call);
    return rows.length === 0 ? null : recordOf(rows);
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    this.#requireOpen();
    const { kind, values } = updateValues(id, change);
    const [outcome, version] = await (kind === "touch" || kind === "change"
      ? this.#writes.ask({ id, kind, values, touch: kind === "touch" ? touchOf(change) : null }, call)
      : this.#judged(this.#statements[kind], values, call));
    switch (outcome) {
      case "applied":
        return { kind: "done", version: Number(version) };
      case "stale":
      case "conflict":
        return { kind: outcome };
      case "newer":
        throw newerFormat();
      default:
        return { kind: "gone" };
    }
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    const { ifVersion, label = null } = when;
    // A label that cannot be stored is borne by nobody.
    const possible = label === null || isStorable(label);
    const values = possible ? [id, count(ifVersion), label] : [id, NO_VERSION, null];
    const [outcome] = await this.#judged(this.#statements.delete, values, call);
    if (outcome === "applied") return "done";
    return outcome === "conflict" ? "conflict" : "gone";
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    const limit = Math.min(checkedLimit(page.limit), LARGEST_PAGE);
    const asked = isStorable(label) ? [entryOf(label), label] : [null, null];
    const values = [...asked, after, String(limit + 1)];
    return pageOf(await this.#send(this.#statements.list, values, call), limit);
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    const asked = isStorable(label) ? [entryOf(label), label] : [null, null];
    const kept = arrayOf(except.filter(isStorable));
    let deleted = 0;
    let after: Value = "";
    for (;;) {
      const values: Value[] = [...asked, after, kept];
      const [row] = await this.#send(this.#statements.revoke, values, call);
      deleted += Number(row?.[0]);
      if (Number(row?.[1]) < AT_ONCE) return deleted;
      after = row?.[2] ?? "";
    }
  }

  async all(page: PageRequest, call: Call): Promise<Page> {
    const { after = "" } = page;
    const limit = Math.min(checkedLimit(page.limit), LARGEST_PAGE);
    return pageOf(await this.#send(this.#statements.all, [after, String(limit + 1)], call), limit);
  }

  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    const most = checkedLimit(limit);
    let deleted = 0;
    while (deleted < most) {
      const wanted = Math.min(AT_ONCE, most - deleted);
      try {
        const values = [String(now), String(wanted)];
        const [row] = await this.#send(this.#statements.sweep, values, call);
        deleted += Number(row?.[0]);
        if (Number(row?.[1]) < wanted && deleted < most) return { deleted, more: false };
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
    await setUp(this.#sender, this.#names, this.traits.durability, call);
  }

  /** Lets the calls under way finish, those that wait for others to travel with among them; later ones reject. The pool, client or instance that was handed in stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([this.#creates.drained(), this.#reads.drained(), this.#writes.drained()]);
    await this.#sender.drained();
  }

  #judged(statement: Statement, values: readonly Value[], call: Call): Promise<Row> {
    this.#requireOpen();
    return this.#sender.judged(statement, values, call);
  }

  #send(statement: Statement, values: readonly Value[], call: Call): Promise<readonly Row[]> {
    this.#requireOpen();
    return this.#sender.send(statement, values, call);
  }

  #requireOpen(): void {
    if (this.#closed) throw new SessionError("ERR_SESSION_USE", "This PostgreSQL store was closed.");
  }
}

/** A store whose deletions are told, to itself as well. */
class TellingPostgres extends Postgres implements Subscribable {
  readonly #subscribers: Subscribers;

  constructor(parts: Parts, subscribers: Subscribers) {
    super(parts);
    this.#subscribers = subscribers;
  }

  /** Listens from here on, so that a subscriber of later hears from its first moment. */
  override async setup(call: Call): Promise<void> {
    await super.setup(call);
    await this.#subscribers.start(call);
  }

  /** A deletion while the connection is being made anew, after it was lost, is not heard of. */
  subscribe(listener: (id: SessionId) => void): () => void {
    return this.#subscribers.add(listener);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#subscribers.close();
  }
}

/** A store whose changes are told too. */
class TrackedPostgres extends TellingPostgres implements Trackable {
  readonly #trackers: Subscribers;

  constructor(parts: Parts, subscribers: Subscribers) {
    super(parts, subscribers);
    this.#trackers = subscribers;
  }

  /** Touches are not told: they move nothing but times, and those forward. */
  track(listener: ChangeListener): () => void {
    return this.#trackers.track(listener);
  }
}
