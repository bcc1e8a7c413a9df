import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { SessionId } from "../core/record.ts";
import type { Call, IterableStore, SessionStore, Sweepable, SweepOutcome } from "../core/store.ts";
import type { KeyValueEngine } from "./key-value/engine.ts";
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
}

export interface UnstorageStoreOptions extends DeclaredTraits {
  /** What the keys begin with; default `"holdfast"`. */
  readonly prefix?: string;
}

/** All that a store upon unstorage can do. */
export type UnstorageStore = SessionStore & IterableStore & Sweepable;

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
  readonly #ids: () => Promise<SessionId[]>;

  constructor(storage: UnstorageLike, prefix: string, traits: DeclaredTraits) {
    const ids = (): Promise<SessionId[]> => idsIn(storage, prefix);
    const engine = { ...engineOf(storage, prefix), ids };
    super(engine, storage, declaredTraits("unstorageStore", traits, false));
    this.#ids = ids;
  }

  /** Walks over all keys: an engine that forgets by itself is swept by nobody, and the others have no index. */
  async sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    return await this.sweepBy(this.#ids, now, limit, call);
  }
}

function engineOf(storage: UnstorageLike, prefix: string): KeyValueEngine {
  const named = (id: SessionId): string => `${prefix}:${keyOf(id)}`;
  return {
    async get(id) {
      const value = await storage.getItem(named(id));
      if (value === null || value === undefined) return undefined;
      // An object, for a text would be guessed at: unstorage makes a number of one that looks like it.
      return typeof value === "object" && "holdfast" in value ? value.holdfast : value;
    },
    async set(id, text, lifeMs) {
      await storage.setItem(named(id), { holdfast: text }, { ttl: Math.ceil(lifeMs / 1000) });
    },
    async remove(id) {
      await storage.removeItem(named(id));
    },
  };
}

async function idsIn(storage: UnstorageLike, prefix: string): Promise<SessionId[]> {
  const ids: SessionId[] = [];
  for (const key of await storage.getKeys(prefix)) {
    const id = key.startsWith(`${prefix}:`) ? idOfKey(key.slice(prefix.length + 1)) : null;
    if (id !== null) ids.push(id);
  }
  return ids;
}
