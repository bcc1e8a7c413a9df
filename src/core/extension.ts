import type { Clock } from "./clock.ts";
import type { HttpExchange } from "./exchange.ts";
import type { SessionId } from "./record.ts";
import type { AnySession } from "./session.ts";

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
