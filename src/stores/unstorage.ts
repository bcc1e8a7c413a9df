import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId } from "../core/record.ts";
import type {
  Call,
  IterableStore,
  LabelIndex,
  SessionStore,
  Sweepable,
  SweepOutcome,
} from "../core/store.ts";
import type { KeyValueEngine, Listed } from "./key-value/engine.ts";
import { listedIn } from "./key-value/envelope.ts";
import { idOfKey, keyOf } from "./key-value/keys.ts";
import { UnconditionalStore } from "./key-value/store.ts";
import { type DeclaredTraits, declaredTraits } from "./key-value/traits.ts";

/** What is called of unstorage's `Storage`. */
export interface UnstorageLike {
  getItem(key: string): Promise<unknown>;
  setItem(
    key: string,
    value: { readonly holdfast: string },
    options: { readonly ttl: number },
  ): Promise<void>;
  removeItem(key: string): Promise<void>;
  getKeys(base: string): Promise<string[]>;
  getItems(keys: string[]): Promise<{ readonly key: string; readonly value: unknown }[]>;
}

export interface UnstorageStoreOptions extends DeclaredTraits {
  /** What the keys begin with; default `"holdfast"`. */
  readonly prefix?: string;
}

/** All that a store upon unstorage can do. */
export type UnstorageStore = SessionStore & IterableStore & LabelIndex & Sweepable;

/** How many are read at a time in a listing. */
const BATCH = 500;

/**
 * Keeps sessions in whatever unstorage reaches. Within one process it keeps every rule of the contract; between processes it cannot, for
 * unstorage has no conditions: see `traits.conditions`. A call costs one read before each write, and a create another after it.
 *
 * @param storage What `createStorage` gave. It stays the application's: nothing disposes of it.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no storage.
 */
export function unstorageStore(storage: UnstorageLike, options: UnstorageStoreOptions = {}): UnstorageStore {
  checkOptionNames(options, ["durability", "shared", "prefix"], "unstorageStore");
  if (typeof storage?.getItem !== "function" || typeof storage.getKeys !== "function")
    refuseConfig("unstorageStore takes a storage of unstorage, such as createStorage({ driver }).");
  const { prefix = "holdfast" } = options;
  if (!/^[\w-]+(:[\w-]+)*$/.test(prefix))
    refuseConfig("unstorageStore: prefix is words of letters, digits, - and _, with colons between.");
  return new Unstorage(storage, prefix, options);
}

class Unstorage extends UnconditionalStore implements UnstorageStore {
  declare readonly all: IterableStore["all"];
  declare readonly listByLabel: LabelIndex["listByLabel"];
  declare readonly deleteByLabel: LabelIndex["deleteByLabel"];
  readonly #list: () => Promise<Listed[]>;

  constructor(storage: UnstorageLike, prefix: string, traits: DeclaredTraits) {
    const list = (): Promise<Listed[]> => listedBy(storage, prefix);
    const engine = { ...engineOf(storage, prefix), list };
    super(engine, storage, declaredTraits("unstorageStore", traits, false));
    this.#list = list;
  }

  /** Walks over all keys: an engine that forgets by itself needs no sweep, and the others have no index. */
  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    return await this.sweepBy(this.#list, now, limit, call);
  }
}

function engineOf(storage: UnstorageLike, prefix: string): KeyValueEngine {
  const named = (id: SessionId): string => `${prefix}:${keyOf(id)}`;
  return {
    get: async (id) => textIn(await storage.getItem(named(id))),
    async set(id, text, lifeMs) {
      await storage.setItem(named(id), { holdfast: text }, { ttl: Math.ceil(lifeMs / 1000) });
    },
    async remove(id) {
      await storage.removeItem(named(id));
    },
  };
}

function textIn(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  // An object, for a text would be guessed at: unstorage makes a number of one that looks like it.
  return typeof value === "object" && "holdfast" in value ? value.holdfast : value;
}

async function listedBy(storage: UnstorageLike, prefix: string): Promise<Listed[]> {
  const keys = await storage.getKeys(prefix);
  const listed: Listed[] = [];
  for (let start = 0; start < keys.length; start += BATCH) {
    for (const { key, value } of await storage.getItems(keys.slice(start, start + BATCH))) {
      const id = key.startsWith(`${prefix}:`) ? idOfKey(key.slice(prefix.length + 1)) : null;
      const text = textIn(value);
      if (id !== null && text !== undefined) listed.push(...listedIn(text, id));
    }
  }
  return listed;
}
