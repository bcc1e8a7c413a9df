import type { AnySession, RequestHooks } from "../../index.ts";
import { serializeCookie, SessionError } from "../../index.ts";
import { type RouterExchange, StorageExchange } from "./exchange.ts";
import { type RouterSession, type StorageSession, storageSession } from "./storage-session.ts";

/** Of a cookie's attributes a commit may choose how long the browser keeps it. */
export interface CommitOptions {
  /** Seconds. */
  readonly maxAge?: number | undefined;
  readonly expires?: Date | undefined;
}

/** The `SessionStorage` of React Router. */
export interface RouterSessionStorage<Data, FlashData = Data, S extends AnySession = AnySession> {
  /**
   * Loads the session that a Cookie header belongs to, or makes one. Within a request that the middleware of the same
   * adapter holds, its own Cookie header gives that request's session.
   *
   * @throws `ERR_SESSION_STORE_UNAVAILABLE` or `ERR_SESSION_FORMAT` when the store cannot say.
   */
  getSession: (cookieHeader?: string | null, options?: object) => Promise<StorageSession<Data, FlashData, S>>;
  /**
   * Stores what was changed, and gives the Set-Cookie header that goes with it: an empty one, which browsers ignore, where
   * the client's cookie stays good, where there is nothing to store, and where the middleware sends the cookie. A
   * session that ended meanwhile stays ended, and its cookie is left alone.
   *
   * @throws what `session.commit()` throws: nothing was saved then.
   */
  commitSession: (session: RouterSession<Data, FlashData>, options?: CommitOptions) => Promise<string>;
  /**
   * Ends the session, and gives the Set-Cookie header that revokes its cookie: an empty one where there was none to end.
   *
   * @throws `ERR_SESSION_STORE_UNAVAILABLE` when the store cannot be reached: it may be tried again then.
   */
  destroySession: (session: RouterSession<Data, FlashData>, options?: CommitOptions) => Promise<string>;
}

/** A request that the middleware holds. */
export interface HeldRequest<S extends AnySession> {
  readonly request: Request;
  readonly exchange: RouterExchange;
  readonly session: S;
  /** Something unexpected was thrown below. */
  failed: boolean;
}

/** How a storage is placed. */
export interface StoragePlace<S extends AnySession> {
  readonly mountPath: string;
  /** The request that the caller is in, where the middleware holds it. */
  readonly here: () => HeldRequest<S> | undefined;
}

interface Kept<S extends AnySession> {
  readonly session: S;
  readonly exchange: RouterExchange | StorageExchange;
}

export class Storage<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #place: StoragePlace<S>;
  readonly #kept: WeakMap<object, Kept<S>> = new WeakMap();

  constructor(manager: RequestHooks<S>, place: StoragePlace<S>) {
    this.#manager = manager;
    this.#place = place;
  }

  async getSession<Data, FlashData>(
    header: string | null | undefined,
    options: object = {},
  ): Promise<StorageSession<Data, FlashData, S>> {
    refuseOthers(options, []);
    const kept = this.#shared(header) ?? (await this.#loaded(header));
    const shown = storageSession<Data, FlashData, S>(kept.session);
    this.#kept.set(shown, kept);
    return shown;
  }

  async commitSession(shown: object, options: CommitOptions = {}): Promise<string> {
    const age = ageOf(options);
    const { exchange } = this.#of(shown);
    exchange.cookieAge = age ?? exchange.cookieAge;
    return await this.#commit(exchange, age === null ? "if new" : "always");
  }

  async destroySession(shown: object, options: CommitOptions = {}): Promise<string> {
    ageOf(options);
    const { session, exchange } = this.#of(shown);
    session.logout();
    return await this.#commit(exchange, "if new");
  }

  async #commit(exchange: Kept<S>["exchange"], cookie: "if new" | "always"): Promise<string> {
    await this.#manager.commitByHand(exchange, cookie);
    if (!(exchange instanceof StorageExchange)) return "";
    const made = exchange.takeCookie();
    if (made === null) return "";
    this.#place.here()?.exchange.handOver();
    return serializeCookie(made);
  }

  #shared(header: string | null | undefined): Kept<S> | null {
    const held = this.#place.here();
    if (held === undefined) return null;
    return (held.request.headers.get("cookie") ?? "") === (header ?? "") ? held : null;
  }

  async #loaded(header: string | null | undefined): Promise<Kept<S>> {
    const exchange = new StorageExchange(header ?? null, this.#place.mountPath);
    const session = await this.#manager.startRequest(exchange);
    // Who only reads never commits, and is to be seen as present all the same. No new secret comes of it: nobody would send it.
    if (!session.isNew) await this.#manager.commitByHand(exchange, "if new");
    exchange.canSetCookie = true;
    return { session, exchange };
  }

  #of(shown: object): Kept<S> {
    const kept = this.#kept.get(shown);
    if (kept !== undefined) return kept;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This session is of another storage. Give commitSession and destroySession what getSession of the same one gave.",
    );
  }
}

/** Seconds, or `null` where nothing is said. */
function ageOf(options: CommitOptions): number | null {
  refuseOthers(options, ["maxAge", "expires"]);
  const { maxAge, expires } = options;
  const seconds = maxAge ?? (expires === undefined ? null : (expires.getTime() - Date.now()) / 1000);
  if (seconds === null) return null;
  if (Number.isFinite(seconds)) return Math.max(0, Math.floor(seconds));
  throw new SessionError("ERR_SESSION_USE", "maxAge must be a number of seconds, and expires a Date.");
}

/** The cookie is the manager's: what would be set here and there would be two cookies. */
function refuseOthers(options: object, known: readonly string[]): void {
  const others = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !known.includes(name),
  );
  if (others.length === 0) return;
  throw new SessionError(
    "ERR_SESSION_USE",
    `The storage takes no ${others.map(([name]) => name).join(", ")} here: the option \`cookie\` of the manager says what the cookie is like.`,
  );
}
