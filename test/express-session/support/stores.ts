import type { Done, MemoryStore, SessionModule, Store, Stored } from "./types.ts";

/** What was asked of a store: `["get abc", "set abc"]`. */
export interface Watch {
  readonly calls: string[];
  /** The names of the calls since this was asked last. */
  taken(): string[];
}

export type WatchedStore = MemoryStore & Watch;

const WATCHED = ["get", "set", "destroy", "touch"] as const;

export function watched(session: SessionModule): WatchedStore {
  return watch(new session.MemoryStore());
}

/** Notes what is asked of a store from now on. */
export function watch<S extends Store>(store: S): S & Watch {
  const calls: string[] = [];
  const methods = store as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  for (const name of WATCHED) {
    const method = methods[name];
    if (method === undefined) continue;
    methods[name] = (...args) => {
      calls.push(`${name} ${String(args[0])}`);
      return method.apply(store, args);
    };
  }
  const taken = (): string[] => calls.splice(0).map((call) => call.slice(0, call.indexOf(" ")));
  return Object.assign(store, { calls, taken });
}

/** What the store holds under an id. */
export function stored(store: Store, id: string): Promise<Stored | undefined> {
  return new Promise((resolve, reject) => {
    store.get(id, (error, found) => (error ? reject(error as Error) : resolve(found ?? undefined)));
  });
}

/** Puts something under an id, whatever it is. */
export function put(store: Store, id: string, session: unknown): Promise<void> {
  return finished((done) => store.set(id, session, done));
}

/** How many sessions are in the store. */
export function count(store: MemoryStore): Promise<number> {
  return new Promise((resolve, reject) => {
    store.length((error, length) => (error ? reject(error as Error) : resolve(length ?? 0)));
  });
}

/** Waits for a callback; rejects with the error that it was given. */
export function finished(start: (done: Done) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error as Error) : resolve()));
  });
}

/** Answers at once, before the call returns, as a store upon an object does. */
export function synchronousStore(session: SessionModule): Store & { readonly sessions: Map<string, string> } {
  const sessions = new Map<string, string>();
  const store = new session.Store();
  return Object.assign(store, {
    sessions,
    get: (id: string, done: (error: unknown, found?: Stored) => void) => {
      const text = sessions.get(id);
      done(null, text === undefined ? undefined : (JSON.parse(text) as Stored));
    },
    set: (id: string, data: unknown, done?: Done) => {
      sessions.set(id, JSON.stringify(data));
      done?.();
    },
    destroy: (id: string, done?: Done) => {
      sessions.delete(id);
      done?.();
    },
  });
}

/** Keeps the very objects that it gets and gives, as the store of many a test does. */
export function naiveStore(session: SessionModule): Store & { readonly kept: Record<string, Stored> } {
  const kept: Record<string, Stored> = {};
  return Object.assign(new session.Store(), {
    kept,
    get: (id: string, done: (error: unknown, found?: Stored) => void) => done(null, kept[id]),
    set: (id: string, data: unknown, done?: Done) => {
      kept[id] = data as Stored;
      done?.();
    },
    destroy: (id: string, done?: Done) => {
      delete kept[id];
      done?.();
    },
  });
}
