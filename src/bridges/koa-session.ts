import type { AnyStore } from "../core/store.ts";
import type { SessionEventName, SessionListener } from "../core/events.ts";
import type { BridgeEvents } from "./support/bridge-events.ts";
import { type BridgeOptions, ServedStore } from "./support/served-store.ts";

export type { BridgeEvents } from "./support/bridge-events.ts";
export type { BridgeOptions } from "./support/served-store.ts";

/** A store as koa-session takes one. */
export interface KoaSessionBridge {
  // oxlint-disable-next-line typescript/no-explicit-any -- koa-session itself types sessions so
  get(key: string, maxAge?: unknown, details?: KoaSessionDetails): Promise<any>;
  set(key: string, session: object, maxAge?: unknown, details?: KoaSessionDetails): Promise<void>;
  destroy(key: string, details?: KoaSessionDetails): Promise<void>;
  /** Calls the listener at each `conflict`, `gone`, `corrupt` and `storeFailure`. Returns how to stop. */
  on<Name extends keyof BridgeEvents & SessionEventName>(
    name: Name,
    listener: SessionListener<Name>,
  ): () => void;
  /** Closes the store of Holdfast. */
  close(): Promise<void>;
}

/** What koa-session tells with each call; the context alone is of use here. */
export interface KoaSessionDetails {
  // oxlint-disable-next-line typescript/no-explicit-any -- any context of Koa
  readonly ctx?: any;
  readonly rolling?: boolean;
  readonly changed?: boolean;
}

const EXPIRE = "_expire";
const MAX_AGE = "_maxAge";

/**
 * Makes a store for koa-session of one of Holdfast's: a save writes the members that the request changed and leaves the others, and a session that was
 * destroyed stays so, whatever request is still under way, in whatever process.
 *
 * ```ts
 * app.use(koaSession({ store: koaSessionBridge(sqliteStore("sessions.db")), … }, app));
 * ```
 *
 * Its methods reject with `ERR_SESSION_STORE_UNAVAILABLE` (503) when the store fails, within the deadline.
 *
 * @param store Any store of Holdfast.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no store.
 */
export function koaSessionBridge(store: AnyStore, options: BridgeOptions = {}): KoaSessionBridge {
  const served = new ServedStore(store, options, "koaSessionBridge");
  const { sessions } = served;
  const requests = new Requests();

  // Functions of their own: koa-session takes them out of this object.
  return {
    async get(key, _maxAge, details) {
      const found = await served.get(key, requests.handle(details?.ctx, key));
      if (found === null) return undefined;
      const { session, base } = found;
      return MAX_AGE in session ? { ...session, [EXPIRE]: base.expiresAt } : session;
    },
    async set(key, session, maxAge, details) {
      // The record has the time; to write it with each save would be a change.
      const { [EXPIRE]: expire, ...members } = session as Record<string, unknown>;
      const expiresAt = typeof expire === "number" ? expire : ageFrom(sessions.clock.now(), maxAge);
      const handle = requests.handle(details?.ctx, key);
      await served.set(key, members, {
        ...(expiresAt !== undefined && { expiresAt }),
        ...(handle !== undefined && { handle }),
      });
    },
    async destroy(key) {
      await served.destroy(key);
    },
    on: (name, listener) => sessions.on(name, listener),
    close: async () => await sessions.close(),
  };
}

function ageFrom(now: number, maxAge: unknown): number | undefined {
  return typeof maxAge === "number" ? now + maxAge : undefined;
}

/** An object for each request and session of it, by its context: koa-session hands in another session object than it was handed. */
class Requests {
  readonly #handles: WeakMap<object, Map<string, object>> = new WeakMap();

  handle(context: unknown, key: string): object | undefined {
    if (typeof context !== "object" || context === null) return undefined;
    const known = this.#handles.get(context) ?? new Map<string, object>();
    this.#handles.set(context, known);
    const handle = known.get(key) ?? {};
    known.set(key, handle);
    return handle;
  }
}
