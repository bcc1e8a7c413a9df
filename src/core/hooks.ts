import type { HttpExchange } from "./exchange.ts";
import type { LiveSession } from "./live.ts";
import type { AnySession } from "./session.ts";

/**
 * What an adapter calls, in the order of a request. Both managers have it. Each hook returns a promise only when there is
 * something to wait for.
 */
export interface RequestHooks<S extends AnySession> {
  /** Loads the session of a request; again for the same exchange, gives the same one. */
  startRequest(exchange: HttpExchange): S | Promise<S>;
  /**
   * Stores what the request has changed so far, before the answer is final. For frameworks that can still make an answer
   * of a rejection; without it the finishing hook does all. A finishing hook has to follow: it stores what is changed
   * afterwards, does what need not be waited for, and puts the session's headers on whatever answer there is by then. A
   * rejection means that nothing was saved, and the hook to follow is `finishFailedRequest`.
   *
   * `check` is called when there is something to store, before it is: for what a framework finds out about an answer only
   * when it sends it. A throw is the rejection.
   */
  commitEarly(exchange: HttpExchange, check?: () => void): void | Promise<void>;
  /**
   * Stores what the request has changed so far, and gives the exchange the cookie that goes with it, for code that commits by
   * hand and sends the cookie itself. The request stays open: it may go on, and commit again. With `"always"` the exchange
   * gets the cookie also where the client has it already, for one that is to live for another time; never a secret that has a
   * successor, and nothing once the session is gone. A rejection means that nothing was saved; what was staged stays so.
   */
  commitByHand(exchange: HttpExchange, cookie: "if new" | "always"): Promise<void>;
  /**
   * Stores what the request changed and puts the session's headers on the response. To be called when the response is
   * about to start; nothing of it may leave before the promise is resolved. A rejection means that nothing was saved, and
   * has to become the response.
   *
   * `isReady` is asked when there is something to store, before it is: `false` puts it all off, and the request stays open.
   */
  finishSuccessfulRequest(exchange: HttpExchange, isReady?: () => boolean): void | Promise<void>;
  /** Drops what the request changed, but for a logout. To be called instead of the other when the request failed. */
  finishFailedRequest(exchange: HttpExchange): void | Promise<void>;
  /** Stores what was changed after the response started. To be called before it is complete, where the adapter can. Never rejects. */
  finishLate(exchange: HttpExchange): void | Promise<void>;
  /**
   * The response closed and nobody has answered. Carries a logout out; what else is staged is stored only if a finishing
   * hook is still called. Never rejects.
   */
  abandon(exchange: HttpExchange): void | Promise<void>;
  /** Runs the handler so that `currentSession()` works below it, where the manager's options ask for that. */
  within<T>(session: S, work: () => T): T;
}

/** What an adapter of live connections calls besides. Both managers have it. */
export interface LiveHooks<S extends AnySession> extends RequestHooks<S> {
  /**
   * Holds on to a session for a connection that outlives its request: a WebSocket, a stream of events. It takes the session as
   * it is stored now, so `await session.commit()` first what the request changed. A session that is not stored gives a
   * connection without one.
   *
   * @throws `ERR_SESSION_USE` for a session of another manager.
   */
  live(session: S): LiveSession<S>;
}
