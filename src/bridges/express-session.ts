import { refuseConfig } from "../core/errors.ts";
import type { AnyStore } from "../core/store.ts";
import { answer, type Callback } from "./support/callbacks.ts";
import { tellAs } from "./support/bridge-events.ts";
import type { Found } from "./support/foreign-sessions.ts";
import { type BridgeOptions, type ListedSession, ServedStore } from "./support/served-store.ts";

export type { BridgeEvents } from "./support/bridge-events.ts";
export type { BridgeOptions } from "./support/served-store.ts";

/** What is used of the module `express-session`. */
export interface ExpressSessionModule<Base extends object = object> {
  readonly Store: abstract new () => Base;
}

/** What the bridge adds to express-session's own `Store`. */
export interface ExpressSessionBridgeMethods {
  // oxlint-disable-next-line typescript/no-explicit-any -- the shape of a session is augmented on express-session's own type
  get(sid: string, callback: (error: any, session?: any) => void): void;
  set(sid: string, session: object, callback?: (error?: unknown) => void): void;
  touch(sid: string, session: object, callback?: (error?: unknown) => void): void;
  destroy(sid: string, callback?: (error?: unknown) => void): void;
  /** Lists live sessions. Their session ids are not known: the store does not hold what opens one. */
  all(callback: (error: unknown, sessions?: Record<string, unknown>[]) => void): void;
  length(callback: (error: unknown, length?: number) => void): void;
  clear(callback?: (error?: unknown) => void): void;
  /** Closes the store of Holdfast. */
  close(): Promise<void>;
}

/** What express-session's `Store` does that the bridge goes on from. */
interface Inherited {
  emit(event: string, ...told: unknown[]): boolean;
  createSession(request: object, session: object): object;
}

export type ExpressSessionBridge<Base extends object> = Base & ExpressSessionBridgeMethods;

/**
 * Makes a store for express-session of one of Holdfast's: a save writes the members that the request changed and leaves the others, and a session
 * that was destroyed stays so, whatever request is still under way, in whatever process.
 *
 * ```ts
 * app.use(session({ store: expressSessionBridge(session, sqliteStore("sessions.db")), secret, … }));
 * ```
 *
 * A failure of the store reaches express-session's callbacks as `ERR_SESSION_STORE_UNAVAILABLE` (503), within the deadline. Besides, the store
 * emits `conflict`, `gone`, `corrupt` and `storeFailure` with what `SessionManager`'s events of these names tell.
 *
 * @param session The module `express-session` itself, from which the store inherits.
 * @param store Any store of Holdfast.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no store or not that module.
 */
export function expressSessionBridge<Base extends object>(
  session: ExpressSessionModule<Base>,
  store: AnyStore,
  options: BridgeOptions = {},
): ExpressSessionBridge<Base> {
  if (typeof session?.Store !== "function")
    refuseConfig("expressSessionBridge takes the module express-session as its first argument.");
  const served = new ServedStore(store, options, "expressSessionBridge");
  const Bridge = bridgeClass(session.Store as unknown as new () => Inherited);
  return new Bridge(served) as unknown as ExpressSessionBridge<Base>;
}

type Generate = (request: Generated) => void;

/** A request that express-session has just given a new session. */
interface Generated {
  readonly sessionID: string;
}

function bridgeClass(Store: new () => Inherited): new (served: ServedStore) => object {
  return class HoldfastStore extends Store {
    readonly #served: ServedStore;
    #generate: Generate | undefined;
    // Absent where the engine cannot walk over its records, as express-session has them optional.
    readonly all?: (callback: Callback<Record<string, unknown>[]>) => void;
    readonly length?: (callback: Callback<number>) => void;
    readonly clear?: (callback?: Callback) => void;

    constructor(served: ServedStore) {
      super();
      this.#served = served;
      tellAs(served.sessions, (name, told) => this.emit(name, told));
      if (!served.sessions.canList) return;
      this.all = (callback) => answer(served.all().then(sessionsIn), callback);
      this.length = (callback) => answer(served.length(), callback);
      this.clear = (callback) => answer(served.sessions.clear(), callback);
    }

    /** Set by express-session: gives a request a new session. */
    get generate(): Generate | undefined {
      return this.#generate;
    }

    set generate(generate: Generate) {
      this.#generate = (request) => {
        generate(request);
        this.#served.isNew(request.sessionID);
      };
    }

    override createSession(request: object, read: object): object {
      const session = super.createSession(request, read);
      this.#served.carry(read, session);
      return session;
    }

    get(sid: string, callback: Callback<object | null>): void {
      answer(this.#served.get(sid).then(sessionIn), callback);
    }

    set(sid: string, session: object, callback?: Callback): void {
      answer(this.#served.set(sid, session), callback);
    }

    touch(sid: string, session: object, callback?: Callback): void {
      answer(this.#served.touch(sid, session), callback);
    }

    destroy(sid: string, callback?: Callback): void {
      answer(this.#served.destroy(sid), callback);
    }

    async close(): Promise<void> {
      await this.#served.sessions.close();
    }
  };
}

function sessionsIn(listed: readonly ListedSession[]): Record<string, unknown>[] {
  return listed.map(({ session }) => session);
}

function sessionIn(found: Found | null): object | null {
  return found === null ? null : found.session;
}
