import type { Answer } from "../core/answer.ts";
import { throwIfAborted } from "../core/call.ts";
import { type Duration, milliseconds } from "../core/duration.ts";
import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type { AnyStore, Call } from "../core/store.ts";
import { Cache, type CacheFigures } from "./cached/cache.ts";
import type { Limits } from "./cached/entries.ts";
import { joined, type Sharers } from "./cached/sharing.ts";
import { steadyClock } from "./cached/steady.ts";

export type { CacheFigures } from "./cached/cache.ts";

export interface CachedOptions {
  /**
   * The longest that a record is answered with after it was read, counted from when the read was sent; default `"1s"`. So long at the most
   * another process's logout, revocation or change is not seen here, whatever the engine tells or fails to tell.
   */
  readonly staleness?: Duration;
  /** How many records are kept; default 10 000. The least recently used goes first. */
  readonly maxEntries?: number;
  /** About how many bytes of memory they may take; default 64 MiB. A larger record is not kept. */
  readonly maxBytes?: number;
  /** How many ids are kept of sessions that are not there; default 10 000, and 0 keeps none. */
  readonly ended?: number;
  /** Milliseconds that never go back, for tests; by default the runtime's and the system's, whichever goes further. */
  readonly now?: () => number;
}

/** A store with the abilities of the one beneath, and what its cache is good for. */
export type CachedStore<Store extends AnyStore> = Pick<Store, Extract<keyof Store, keyof AnyStore>> & {
  /** What is kept at the moment, and how often it was of use. */
  cacheFigures(): CacheFigures;
};

const NAMES = ["staleness", "maxEntries", "maxBytes", "ended", "now"];

/**
 * Keeps in this process what was read from a store that processes share, for a stated while, so that most requests ask the
 * store nothing. Writes go to the store, each with its conditions, and so do the reads that anything is decided by: only the first look of
 * a request at its session is answered by what is kept. Where the engine tells of changes, a change made elsewhere is seen at once; while it does
 * not, though it could, nothing is kept.
 *
 * @param store A store that processes share. It is closed with this one.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work, for a store in the memory of this process, and for one that keeps records already.
 */
export function cached<Store extends AnyStore>(
  store: Store,
  options: CachedOptions = {},
): CachedStore<Store> {
  checkOptionNames(options, NAMES, "cached");
  const limits = limitsOf(options);
  checkStore(store);
  const cache = new Cache(limits, store.track !== undefined, options.now ?? steadyClock());
  const covered = covering(store, new Keeper(store, cache), limits);
  return covered as CachedStore<Store>;
}

function limitsOf(options: CachedOptions): Limits {
  const { staleness = "1s", maxEntries = 10_000, maxBytes = 64 * 1024 * 1024, ended = 10_000 } = options;
  return {
    forMs: milliseconds(staleness, "staleness"),
    records: atLeast(1, maxEntries, "maxEntries"),
    bytes: atLeast(1, maxBytes, "maxBytes"),
    ended: atLeast(0, ended, "ended"),
  };
}

function atLeast(least: number, given: number, option: string): number {
  if (Number.isSafeInteger(given) && given >= least) return given;
  return refuseConfig(`cached: ${option} is a whole number of ${least} or more, not ${String(given)}.`);
}

function checkStore(store: AnyStore): void {
  if (typeof store?.read !== "function" || typeof store.traits !== "object")
    refuseConfig("cached takes a store, such as redisStore(client), as its first argument.");
  if (!store.traits.shared) {
    refuseConfig(
      "cached: this store keeps its sessions in the memory of this process, where a read costs nothing. Use it without cached.",
    );
  }
  if (store.traits.keptForMs !== undefined)
    refuseConfig("cached: this store keeps records already. Wrap it once.");
}

/** One store, and the cache before it. */
class Keeper {
  readonly #store: AnyStore;
  readonly cache: Cache;
  readonly #sharers: Sharers;
  #stop: (() => void) | null = null;
  #closed = false;

  constructor(store: AnyStore, cache: Cache) {
    this.#store = store;
    this.cache = cache;
    this.#sharers = joined(store, cache);
  }

  read(id: SessionId, call: Call): Answer<SessionRecord | null> {
    const isKept = call.kept === true && !this.#closed;
    const found = isKept ? this.#found(id) : undefined;
    if (found !== undefined) {
      throwIfAborted(call);
      return found;
    }
    return this.cache.reading(id, isKept, async () => await this.#store.read(id, call));
  }

  /** Does something that may change a record. Whatever it comes to, and if nobody knows, what was kept is of no use from then on. */
  async changing<T>(id: SessionId, work: () => Answer<T>): Promise<T> {
    try {
      return await work();
    } finally {
      for (const cache of this.#sharers) cache.changed(id);
    }
  }

  /** The same of all records that are meant. They are of no use while it is under way either: some may be gone already. */
  async changingWhere<T>(isMeant: (record: SessionRecord) => boolean, work: () => Promise<T>): Promise<T> {
    const drop = (): void => {
      for (const cache of this.#sharers) cache.changedWhere(isMeant);
    };
    drop();
    try {
      return await work();
    } finally {
      drop();
    }
  }

  /** Begins to hear of what others change. Once: a store is never asked to connect for it before it is of use. */
  watch(): void {
    if (this.#stop !== null || this.#closed) return;
    const { track, subscribe } = this.#store;
    if (track !== undefined) this.#stop = track.call(this.#store, this.cache);
    // What ends is told, if not what changes.
    else if (subscribe !== undefined)
      this.#stop = subscribe.call(this.#store, (id) => this.cache.changed(id));
    else this.#stop = () => {};
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop?.();
    this.#sharers.delete(this.cache);
    this.cache.clear();
    await this.#store.close?.();
  }

  #found(id: SessionId): SessionRecord | null | undefined {
    this.watch();
    return this.cache.find(id);
  }
}

function covering(
  store: AnyStore,
  keeper: Keeper,
  { forMs }: Limits,
): AnyStore & { cacheFigures(): CacheFigures } {
  const { listByLabel, deleteByLabel, all, sweep, setup, subscribe, track, close } = store;
  return {
    traits: Object.freeze({ ...store.traits, keptForMs: forMs }),
    create: (record, call) => keeper.changing(record.id, () => store.create(record, call)),
    read: (id, call) => keeper.read(id, call),
    update: (id, change, call) => keeper.changing(id, () => store.update(id, change, call)),
    delete: (id, when, call) => keeper.changing(id, () => store.delete(id, when, call)),
    cacheFigures: () => keeper.cache.figures,
    ...(listByLabel && { listByLabel: listByLabel.bind(store) }),
    ...(deleteByLabel && {
      deleteByLabel: (label, except, call) =>
        keeper.changingWhere(
          ({ labels }) => labels.includes(label),
          () => deleteByLabel.call(store, label, except, call),
        ),
    }),
    ...(all && { all: all.bind(store) }),
    ...(sweep && {
      sweep: (now, limit, call) =>
        keeper.changingWhere(
          ({ expiresAt }) => expiresAt <= now,
          () => sweep.call(store, now, limit, call),
        ),
    }),
    ...(setup && {
      setup: async (call) => {
        await setup.call(store, call);
        keeper.watch();
      },
    }),
    ...(subscribe && { subscribe: subscribe.bind(store) }),
    ...(track && { track: track.bind(store) }),
    ...(close && { close: () => keeper.close() }),
  };
}
