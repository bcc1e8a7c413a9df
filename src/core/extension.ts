import type { Clock } from "./clock.ts";
import type { Duration } from "./duration.ts";
import type { HttpExchange } from "./exchange.ts";
import type { SessionId } from "./record.ts";
import type { AnySession } from "./session.ts";
import type { Token } from "./token.ts";

/**
 * A part that takes part in the requests of a manager, such as device-bound credentials. Its state is kept with the session, beside the
 * data: never in the application's way, and each field written on its own, so that no overlapping request undoes it.
 */
export interface SessionExtension {
  /** Lower-case letters: names its field. */
  readonly name: string;
  /** Is called once, by the manager's constructor. */
  attach(host: ExtensionHost): void;
  /**
   * Tells whether a request is for the extension itself, such as a browser's proof of its key. The manager's guard against forged requests
   * leaves it alone: the extension judges by itself who may send it. Sees every request that changes something; must not throw.
   */
  owns?(request: Pick<HttpExchange, "method" | "url">): boolean;
  /**
   * The request's cookie opens no session, or it has none: finds one by other means, such as the cookie of another library. `undefined`, at
   * once, when there is nothing to look for. A rejection is as one of the store.
   *
   * @returns what {@link ExtensionHost.open} or {@link ExtensionHost.begin} gave, or `null` for none.
   */
  find?(exchange: HttpExchange): Promise<AnySession | null> | undefined;
  /**
   * A stored session was loaded, before any handler sees it. A `SessionError` that it throws or rejects with becomes the answer. Nothing
   * is to be staged before it throws: a refused request stores nothing.
   */
  loaded?(session: AnySession, exchange: HttpExchange): void | Promise<void>;
  /** The request staged a login. What is updated here is stored together with it, or not at all. Must not throw. */
  login?(session: AnySession): void;
  /**
   * Everything is stored and the headers are about to leave. Not called where they cannot be changed, or nobody looked at the session and
   * there was nothing to store. Must not throw.
   *
   * @param userLeft whether this request ended the session of a user: by a logout, or by the login of another.
   */
  leaving?(session: AnySession, exchange: HttpExchange, userLeft: boolean): void;
}

/** What a manager lends to an extension. */
export interface ExtensionHost {
  readonly clock: Clock;
  /** Reads what the extension keeps with a session; `undefined` for nothing. Does not count as a look by the handler. */
  read(session: AnySession): unknown;
  /**
   * Tells whether something is stored, be it readable or not. What cannot be read gives `undefined` like what is not there, and a guard
   * must not take the one for the other.
   */
  isStored(session: AnySession): boolean;
  /** Reads what it keeps with a live session that this request has not loaded; `undefined` for nothing, and for no such session. */
  peek(id: SessionId): Promise<unknown>;
  /**
   * Changes it by a function that is applied again when another request was first, as `session.update` does: stored at commit, or by
   * `session.commit()` at once. Giving `undefined` removes it.
   */
  update(session: AnySession, change: (value: unknown) => unknown): unknown;
  /** The longest that a login may be remembered for, in milliseconds. */
  readonly rememberMaxMs: number;
  /** Opens the session of a token that did not come in the session's cookie, as if it had. `null` when it opens none. */
  open(exchange: HttpExchange, token: Token): Promise<AnySession | null>;
  /**
   * Gives a request a new session that is heir to a token: once it is stored, under the token's id, the token opens it as the secret before a
   * periodic rotation does. Its commit fails with `ERR_SESSION_CONFLICT` when that id is taken. A login staged in it is as old as can be: any revocation
   * that is remembered voids it.
   */
  begin(exchange: HttpExchange, heirTo: Token): AnySession;
  /** See `SessionManager.once`. */
  once(key: string, ttl: Duration, work: () => unknown): Promise<boolean>;
  /** Ends a session at once, wherever it is used. */
  revoke(id: SessionId): Promise<boolean>;
  /** Tells of something by an event of the manager. */
  emit(event: ExtensionEvent): void;
}

/** What extensions tell of sessions. Never a secret. */
export interface ExtensionEvent {
  /** Of the extension, such as `"bound"`. */
  readonly extension: string;
  /** What happened, in one or two words. */
  readonly what: string;
  readonly id: SessionId | null;
  readonly user: string | null;
  readonly address: string | null;
  /** Whether somebody should look at it: an attack, or what may be one. */
  readonly alarming: boolean;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}
