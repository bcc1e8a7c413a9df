import type { AnyStore, Call } from "../../../src/core/store.ts";
import { cached, type CachedOptions, type CachedStore } from "../../../src/stores/cached.ts";
import { memoryStore, type MemoryStore } from "../../../src/stores/memory.ts";
import type { OpenedStore, StoreSubject } from "../../../src/testing/index.ts";

/** A memory store that says that processes share it: caches over it are as those of several processes, if they are not told of one another. */
export function sharedMemory(): MemoryStore {
  const store = memoryStore();
  return Object.assign(store, { traits: { ...store.traits, shared: true } });
}

/** A cached store, and the one beneath. */
export function cachedMemory(options: CachedOptions = {}): {
  readonly store: CachedStore<MemoryStore>;
  readonly beneath: MemoryStore;
} {
  const beneath = sharedMemory();
  return { store: cached(beneath, options), beneath };
}

/** A store whose reads all take what is kept, as the first look of a request does. */
export function lagging<Store extends AnyStore>(store: Store): Store {
  const read = store.read.bind(store);
  return Object.assign(store, {
    read: (id: Parameters<AnyStore["read"]>[0], { signal }: Call) => read(id, { signal, kept: true }),
  });
}

const ALONE = "what is kept is told from what is stored only by other processes, within the bound";

/**
 * The subject of one process alone whose reads all take what is kept, for as long as the cache keeps it: it must not be told from one
 * without a cache. The contract speaks of what is stored at once by others, and holds for reads that do not take what is kept.
 */
export function laggingSubject(subject: StoreSubject): StoreSubject {
  const { "second handle": _handles, processes: _processes, ...abilities } = subject.abilities;
  return {
    ...subject,
    name: `${subject.name}, as kept`,
    open: async () => aloneOf(await subject.open()),
    abilities: { ...abilities, "second handle": ALONE, processes: ALONE, damage: "damage is done by others" },
  };
}

function aloneOf({ store, close }: OpenedStore): OpenedStore {
  Object.defineProperty(store, "traits", { value: { ...store.traits, shared: false } });
  return { store: lagging(store), close };
}
