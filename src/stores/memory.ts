import { throwIfAborted } from "../core/call.ts";
import { SessionError } from "../core/errors.ts";
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
  SessionChange,
  Setup,
  StoreTraits,
  Subscribable,
  Sweepable,
  SweepOutcome,
  UpdateOutcome,
} from "../core/store.ts";
import { type Bearing, LabelIndex as Index } from "./memory/label-index.ts";
import { createOrder, type Order } from "./memory/order.ts";
import { changed, frozen, withReservedOnly } from "./memory/records.ts";
import { type Joins, Roster, type Seated } from "./memory/roster.ts";
import { createSchedule } from "./memory/schedule.ts";

export interface MemoryStoreOptions {
  /**
   * How many records are kept, marks included; 100 000 unless said otherwise. Beyond that, each new record makes
   * room: an expired one goes first, then the least recently used session without a user, then one with a user, and
   * a mark only when nothing else is left.
   */
  readonly maxSessions?: number;
}

/** All that a memory store can do. */
export type MemoryStore = RecordStore &
  LabelIndex &
  IterableStore &
  Sweepable &
  Setup &
  Subscribable &
  DisposableStore;

const DEFAULT_MAX_SESSIONS = 100_000;
const USER_LABEL = "user:";
const TRAITS: StoreTraits = Object.freeze({
  durability: "none",
  shared: false,
  expires: false,
  resends: false,
});

/** A record and its places in the orders and indexes: one object, so that each operation costs what it touches. */
interface Entry extends Seated {
  record: SessionRecord;
  order: Order<Entry>;
  /** The first of its labels. */
  labels: Bearing<Entry> | undefined;
  older: Entry | undefined;
  newer: Entry | undefined;
  dueAt: number;
  dueIndex: number;
}

/**
 * A store in the memory of this process, for tests, development and sites that may forget their sessions at a restart.
 * It has every ability. What it hands out is frozen and never changes, so that reading copies nothing. Sweeping,
 * listing and revoking cost what they touch, not what is stored.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` when `maxSessions` is not a whole number of 1 or more.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  checkOptionNames(options, ["maxSessions"], "memoryStore");
  return new Memory(checkedMax(options.maxSessions ?? DEFAULT_MAX_SESSIONS));
}

class Memory implements MemoryStore {
  readonly traits: StoreTraits = TRAITS;
  readonly #max: number;
  readonly #entries = new Map<SessionId, Entry>();
  readonly #joins: Joins = { last: 0 };
  readonly #walk = new Roster<Entry>(this.#joins);
  readonly #labels = new Index<Entry>(this.#joins);
  readonly #schedule = createSchedule<Entry>((entry) => entry.record.expiresAt);
  readonly #listeners = new Set<(id: SessionId) => void>();
  // In the order in which they are taken when room is needed.
  readonly #anonymous = createOrder<Entry>();
  readonly #users = createOrder<Entry>();
  readonly #marks = createOrder<Entry>();

  constructor(max: number) {
    this.#max = max;
  }

  create(record: SessionRecord, call: Call): boolean {
    throwIfAborted(call);
    if (this.#entries.has(record.id)) return false;
    if (this.#entries.size >= this.#max) this.#makeRoom(record.accessedAt);
    this.#insert(frozen(record));
    return true;
  }

  read(id: SessionId, call: Call): SessionRecord | null {
    throwIfAborted(call);
    const entry = this.#entries.get(id);
    if (entry === undefined) return null;
    entry.order.use(entry);
    return entry.record;
  }

  update(id: SessionId, change: SessionChange, call: Call): UpdateOutcome {
    throwIfAborted(call);
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.record.expiresAt <= change.now) return { kind: "gone" };
    const before = entry.record;
    if (before.epoch !== change.epoch) return { kind: "stale" };
    if (change.ifVersion !== undefined && before.version !== change.ifVersion) {
      return { kind: "conflict", current: before };
    }

    entry.record = changed(before, change);
    if (entry.record.labels !== before.labels) this.#relabel(entry);
    if (entry.record.expiresAt < before.expiresAt) this.#schedule.advance(entry);
    entry.order.use(entry);
    return { kind: "done", version: entry.record.version };
  }

  delete(id: SessionId, when: DeleteCondition, call: Call): DeleteOutcome {
    throwIfAborted(call);
    const entry = this.#entries.get(id);
    if (entry === undefined) return "gone";
    if (when.ifVersion !== undefined && entry.record.version !== when.ifVersion) return "conflict";
    if (when.label !== undefined && !bears(entry, when.label)) return "conflict";
    this.#remove(entry);
    return "done";
  }

  async listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    throwIfAborted(call);
    const { items, next } = this.#labels.page(label, page);
    const records = items.map((entry) => withReservedOnly(entry.record));
    return next === undefined ? { records } : { records, next };
  }

  async deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    throwIfAborted(call);
    const kept = new Set(except);
    const doomed = this.#labels.items(label).filter((entry) => !kept.has(entry.record.id));
    for (const entry of doomed) this.#remove(entry);
    return doomed.length;
  }

  async all(page: PageRequest, call: Call): Promise<Page> {
    throwIfAborted(call);
    const { items, next } = this.#walk.page(page);
    const records = items.map((entry) => entry.record);
    return next === undefined ? { records } : { records, next };
  }

  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    throwIfAborted(call);
    let deleted = 0;
    while (deleted < limit) {
      const entry = this.#schedule.due(now);
      if (entry === undefined) return { deleted, more: false };
      this.#remove(entry);
      deleted += 1;
    }
    return { deleted, more: true };
  }

  async setup(call: Call): Promise<void> {
    throwIfAborted(call);
  }

  subscribe(listener: (id: SessionId) => void): () => void {
    // A wrapper of its own, so that one function subscribed twice is stopped once at a time.
    const own = (id: SessionId): void => listener(id);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  #insert(record: SessionRecord): void {
    const entry: Entry = {
      record,
      order: this.#orderOf(record),
      labels: undefined,
      place: 0,
      joined: 0,
      older: undefined,
      newer: undefined,
      dueAt: record.expiresAt,
      dueIndex: -1,
    };
    this.#walk.add(entry);
    this.#entries.set(record.id, entry);
    this.#schedule.add(entry);
    entry.order.add(entry);
    this.#label(entry);
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.record.id);
    this.#walk.remove(entry);
    this.#schedule.remove(entry);
    entry.order.remove(entry);
    for (let one = entry.labels; one !== undefined; one = one.next) this.#labels.remove(one);
    this.#tell(entry.record.id);
  }

  /** Adds to the index what the record bears and the entry does not yet. */
  #label(entry: Entry): void {
    for (const label of entry.record.labels) {
      if (!bears(entry, label)) entry.labels = this.#labels.add(entry, label, entry.labels);
    }
  }

  /** Brings the index in line with the record. A label that stays keeps its place, so that a listing under way stays right. */
  #relabel(entry: Entry): void {
    let kept: Bearing<Entry> | undefined;
    for (let one = entry.labels, next = one?.next; one !== undefined; one = next, next = one?.next) {
      if (entry.record.labels.includes(one.label)) {
        one.next = kept;
        kept = one;
      } else this.#labels.remove(one);
    }
    entry.labels = kept;
    this.#label(entry);
    const order = this.#orderOf(entry.record);
    if (order === entry.order) return;
    entry.order.remove(entry);
    entry.order = order;
    order.add(entry);
  }

  #orderOf(record: SessionRecord): Order<Entry> {
    if (record.secretHash === "") return this.#marks;
    for (const label of record.labels) if (label.startsWith(USER_LABEL)) return this.#users;
    return this.#anonymous;
  }

  #makeRoom(now: number): void {
    const entry =
      this.#schedule.due(now) ?? this.#anonymous.oldest() ?? this.#users.oldest() ?? this.#marks.oldest();
    if (entry !== undefined) this.#remove(entry);
  }

  #tell(id: SessionId): void {
    for (const listener of this.#listeners) {
      try {
        listener(id);
      } catch {
        // The record is gone already: a listener's failure is not the deletion's. The core's own listener reports its errors.
      }
    }
  }
}

function bears(entry: Entry, label: string): boolean {
  for (let one = entry.labels; one !== undefined; one = one.next) if (one.label === label) return true;
  return false;
}

function checkedMax(max: number): number {
  if (Number.isSafeInteger(max) && max >= 1) return max;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `memoryStore: maxSessions must be a whole number of 1 or more, got ${String(max)}. Leave it out for ${DEFAULT_MAX_SESSIONS}.`,
  );
}
