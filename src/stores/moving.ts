import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type {
  AnyStore,
  DisposableStore,
  IterableStore,
  LabelIndex,
  SessionStore,
  Setup,
  StoreTraits,
  Subscribable,
  Sweepable,
} from "../core/store.ts";
import { Listings } from "./moving/listing.ts";
import { MovingRecords } from "./moving/moving-records.ts";
import { PreparedRecords } from "./moving/prepared-records.ts";
import { labelled, revokedInBoth } from "./moving/revoking.ts";
import type { Records } from "./moving/records.ts";
import { heard } from "./moving/signals.ts";
import { sweptBoth } from "./moving/sweeping.ts";

export interface MovingStoreOptions {
  /** The store that sessions are to leave. It must know `all`, as every store does that has a walk. */
  readonly from: AnyStore;
  /** The store that they go to: empty when the move begins. */
  readonly to: AnyStore;
  /**
   * `"move"` (default): new sessions are created in the new store, and one that is written to moves there. `"prepare"`: new sessions are
   * created in the old store and nothing moves, but those that moved are found. Where several processes serve, deploy `"prepare"` to all
   * of them first: a process that knows the old store alone finds none of what has moved.
   */
  readonly stage?: "prepare" | "move";
}

/** A store over two: the old one and the new one, with the abilities that both have. */
export type MovingStore = SessionStore &
  Setup &
  DisposableStore &
  Partial<LabelIndex & IterableStore & Sweepable & Subscribable>;

const DURABILITIES: readonly StoreTraits["durability"][] = ["none", "process", "power"];

/**
 * A store for the time of a move from one store to another with requests running: it finds sessions in both, moves each when it is first
 * written to, and ends them in both. `migrate()` of `holdfast/migration` moves the rest meanwhile. At no time is one session
 * writable in two places; every change that was acknowledged is in whichever place it is, and what was ended stays so, wherever a process
 * dies. Any number of processes may do so at the same time.
 *
 * @param options Both stores; they are set up and closed with this one.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for what is no store, the same store twice, or one that keeps records (`cached`): put that before this one.
 */
export function movingStore(options: MovingStoreOptions): MovingStore {
  checkOptionNames(options, ["from", "to", "stage"], "movingStore");
  const { from, to, stage = "move" } = options;
  checkStores(from, to);
  if (stage !== "move" && stage !== "prepare")
    refuseConfig('movingStore: stage must be "move" or "prepare".');
  const records: Records = stage === "move" ? new MovingRecords(from, to) : new PreparedRecords(from, to);
  return {
    traits: traitsOf(from.traits, to.traits),
    // What is given is sent later than at once, and is the caller's to change by then.
    create: (record, call) => records.create(structuredClone(record), call),
    read: (id, call) => records.read(id, call),
    update: (id, change, call) => records.update(id, structuredClone(change), call),
    delete: (id, when, call) => records.delete(id, when, call),
    async setup(call) {
      await from.setup?.(call);
      await to.setup?.(call);
    },
    async close() {
      await Promise.all([from.close?.(), to.close?.()]);
    },
    ...abilitiesOf(from, to, records),
  };
}

function checkStores(from: AnyStore, to: AnyStore): void {
  for (const store of [from, to]) {
    if (typeof store?.read !== "function" || typeof store.traits !== "object")
      refuseConfig("movingStore needs two stores: { from: sqliteStore(file), to: redisStore(client) }.");
    if (store.traits.keptForMs !== undefined)
      refuseConfig(
        "movingStore: one of the stores keeps records. Wrap this one instead: cached(movingStore(…)).",
      );
  }
  if (from === to)
    refuseConfig("movingStore: from and to are the same store. Give it the old and the new one.");
}

function traitsOf(from: StoreTraits, to: StoreTraits): StoreTraits {
  const weaker = Math.min(DURABILITIES.indexOf(from.durability), DURABILITIES.indexOf(to.durability));
  return Object.freeze({
    durability: DURABILITIES[weaker] ?? "none",
    shared: from.shared && to.shared,
    expires: from.expires && to.expires,
    resends: from.resends || to.resends,
  });
}

function abilitiesOf(
  from: AnyStore,
  to: AnyStore,
  records: Records,
): Partial<LabelIndex & IterableStore & Sweepable & Subscribable> {
  const listings = new Listings();
  const [old, fresh] = [labelled(from), labelled(to)];
  const { all: allOld } = from;
  const { all: allNew } = to;
  return {
    ...(old !== null &&
      fresh !== null && {
        listByLabel: (label, page, call) =>
          listings.page(
            (some) => old.listByLabel(label, some, call),
            (some) => fresh.listByLabel(label, some, call),
            page,
          ),
        deleteByLabel: revokedInBoth(old, fresh, records),
      }),
    ...(allOld !== undefined &&
      allNew !== undefined && {
        all: (page, call) =>
          listings.page(
            (some) => allOld.call(from, some, call),
            (some) => allNew.call(to, some, call),
            page,
          ),
      }),
    ...((from.sweep !== undefined || to.sweep !== undefined) && { sweep: sweptBoth(from, to) }),
    ...(from.subscribe !== undefined && to.subscribe !== undefined && { subscribe: heard(from, to) }),
  };
}
