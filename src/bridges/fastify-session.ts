import { EventEmitter } from "node:events";
import type { AnyStore } from "../core/store.ts";
import { tellAs } from "./support/bridge-events.ts";
import { answer } from "./support/callbacks.ts";
import type { Base, Found } from "./support/foreign-sessions.ts";
import { type Bases, type BridgeOptions, ServedStore } from "./support/served-store.ts";

export type { BridgeEvents } from "./support/bridge-events.ts";
export type { BridgeOptions } from "./support/served-store.ts";

/** A store as @fastify/session takes one. Emits `conflict`, `gone`, `corrupt` and `storeFailure`. */
export interface FastifySessionBridge extends EventEmitter {
  // oxlint-disable-next-line typescript/no-explicit-any -- the shape of a session is augmented on fastify's own type
  get(sid: string, callback: (error: any, session?: any) => void): void;
  set(sid: string, session: object, callback: (error?: unknown) => void): void;
  destroy(sid: string, callback: (error?: unknown) => void): void;
  /** Closes the store of Holdfast. */
  close(): Promise<void>;
}

/**
 * Makes a store for @fastify/session of one of Holdfast's: a save writes the members that the request changed and leaves the others, and a
 * session that was destroyed stays so, whatever request is still under way, in whatever process.
 *
 * ```ts
 * app.register(fastifySession, { store: fastifySessionBridge(sqliteStore("sessions.db")), secret, … });
 * ```
 *
 * A session bears one member more than was stored, `~read`, by which the store knows what a request had read; it is no part of the session's
 * JSON. A failure of the store is handed to @fastify/session as `ERR_SESSION_STORE_UNAVAILABLE` (503), within the deadline.
 *
 * @param store Any store of Holdfast.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no store.
 */
export function fastifySessionBridge(store: AnyStore, options: BridgeOptions = {}): FastifySessionBridge {
  return new FastifyBridge(new ServedStore(store, options, "fastifySessionBridge", BASES));
}

class FastifyBridge extends EventEmitter implements FastifySessionBridge {
  readonly #served: ServedStore;

  constructor(served: ServedStore) {
    super();
    this.#served = served;
    tellAs(served.sessions, (name, told) => this.emit(name, told));
  }

  get(sid: string, callback: (error?: unknown, session?: object | null) => void): void {
    answer(this.#served.get(sid).then(sessionIn), callback);
  }

  set(sid: string, session: object, callback: (error?: unknown) => void): void {
    // One of the library's own that was made of nothing, be it under an id that was in use before.
    if (readOf(session) === undefined && !isPlain(session)) this.#served.isNew(sid);
    answer(this.#served.set(sid, session), callback);
  }

  destroy(sid: string, callback: (error?: unknown) => void): void {
    answer(this.#served.destroy(sid), callback);
  }

  async close(): Promise<void> {
    await this.#served.sessions.close();
  }
}

/** @fastify/session makes a session of what was read by copying its enumerable members one by one, and nothing else of it. */
const MEMBER = "~read";

class Read {
  base: Base;

  constructor(base: Base) {
    this.base = base;
  }

  /** JSON leaves out what this gives. */
  toJSON(): undefined {
    return undefined;
  }
}

const BASES: Bases = {
  get: (session) => readOf(session)?.base,
  set(session, base) {
    const read = readOf(session);
    if (read !== undefined) read.base = base;
    else Object.defineProperty(session, MEMBER, hidden(session, base));
  },
};

function readOf(session: object): Read | undefined {
  const found: unknown = (session as Record<string, unknown>)[MEMBER];
  return found instanceof Read ? found : undefined;
}

/** To be seen only where it has to be copied: in the plain object that is handed out. */
function hidden(session: object, base: Base): PropertyDescriptor {
  return { value: new Read(base), enumerable: isPlain(session), configurable: true, writable: true };
}

function isPlain(session: object): boolean {
  return Object.getPrototypeOf(session) === Object.prototype;
}

function sessionIn(found: Found | null): object | null {
  return found === null ? null : found.session;
}
