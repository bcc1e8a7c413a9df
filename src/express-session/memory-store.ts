import { HELD } from "./session-state.ts";
import { Store, type StoreFunction } from "./store.ts";
import type { Done } from "./store-call.ts";

interface Memory {
  sessions: Record<string, string>;
}

type Stored = Record<string, unknown> & { cookie?: { expires?: string | null } };

const METHODS = {
  all(this: Memory, done?: Done<Record<string, object>>): void {
    const found: Record<string, object> = Object.create(null) as Record<string, object>;
    for (const sid of Object.keys(this.sessions)) {
      const session = live(this, sid);
      if (session !== undefined) found[sid] = session;
    }
    answer(done, found);
  },

  clear(this: Memory, done?: Done): void {
    this.sessions = nothing();
    acknowledge(done);
  },

  destroy(this: Memory, sid: string, done?: Done): void {
    delete this.sessions[sid];
    acknowledge(done);
  },

  get(this: Memory, sid: string, done: Done<object | undefined>): void {
    answer(done, live(this, sid));
  },

  set(this: Memory, sid: string, session: object, done?: Done): void {
    this.sessions[sid] = JSON.stringify(session);
    acknowledge(done);
  },

  length(this: Memory & { all(done: Done<Record<string, object>>): void }, done: Done<number>): void {
    this.all((error, sessions) => {
      if (error) return done(error);
      done(null, Object.keys(sessions ?? {}).length);
    });
  },

  touch(this: Memory, sid: string, session: { readonly cookie: object }, done?: Done): void {
    const present = live(this, sid);
    if (present !== undefined) this.sessions[sid] = JSON.stringify({ ...present, cookie: session.cookie });
    acknowledge(done);
  },
};

/** A function and no class, as {@link Store} is. */
export const MemoryStore = function MemoryStore(this: object): void {
  Store.call(this);
  (this as Memory).sessions = nothing();
} as StoreFunction;

Object.setPrototypeOf(MemoryStore.prototype, Store.prototype);
for (const [name, value] of Object.entries(METHODS))
  Object.defineProperty(MemoryStore.prototype, name, { value, writable: true, configurable: true });

Object.defineProperty(MemoryStore.prototype, HELD, {
  value(this: Memory, sid: string): string | undefined {
    return this.sessions?.[sid];
  },
});

function nothing(): Record<string, string> {
  return Object.create(null) as Record<string, string>;
}

function live(memory: Memory, sid: string): Stored | undefined {
  const text = memory.sessions[sid];
  if (!text) return undefined;
  const session = JSON.parse(text) as Stored;
  const expires = session.cookie?.expires;
  if (!expires || new Date(expires).getTime() > Date.now()) return session;
  delete memory.sessions[sid];
  return undefined;
}

/** Later, and never within the call, as a store does that has to ask an engine. */
function answer<Value>(done: Done<Value> | undefined, value: Value): void {
  if (done) setImmediate(done, null, value);
}

function acknowledge(done: Done | undefined): void {
  if (done) setImmediate(done);
}
