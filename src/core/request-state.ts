import type { Answer } from "./answer.ts";
import type { HttpExchange } from "./exchange.ts";
import type { AnySession } from "./session.ts";
import type { Token } from "./token.ts";

/** What a manager knows of one request that is under way. */
export interface RequestState<S extends AnySession = AnySession> {
  readonly exchange: HttpExchange;
  readonly session: S;
  /** This is a message of a live connection: no response will carry a cookie, or say that a change was dropped. */
  readonly message: boolean;
  /** What opens the session's record: the client's token, or the one that this request minted. */
  token: Token | null;
  /** What will open the session that this request begins, as its secret before: a token that came by other means than the cookie. */
  heirTo: Token | null;
  /** The client presented the secret before the current one. */
  predecessor: boolean;
  rotationDue: boolean;
  /** The session was told that its request starts. */
  started: boolean;
  /** The handler looked at the session, so the response depends on the cookie. */
  looked: boolean;
  /** There may be something to do when the request finishes: the handler looked, or loading planned something. */
  used: boolean;
  /** `open` until the request finishes; `closing` while its commit is on its way; `sent` once the response carries what it carries. */
  phase: "open" | "closing" | "sent";
  /** What the response is to do with the cookie. Kept until the response starts: error handlers clear headers. */
  cookie: Token | "revoke" | null;
  /** This request ended the session of a user who was logged in. */
  userLeft: boolean;
  /** The request failed, or its commit did: the response is none to keep. */
  failed: boolean;
  /** An update whose outcome was lost is sent again only under the condition that nothing else was written. */
  careful: boolean;
  /** Settles, and never rejects, when the commit or claim that is on its way is done. Nothing may be staged for another before. */
  busy: Promise<void> | null;
}

/** What is done is no work to wait for, but for whoever calls from inside of it. */
const AT_ONCE: Promise<void> = Promise.resolve();

/** Does work that no other commit or claim of the same request may overlap. Starts it at once: wait for `busy` before. */
export function occupying<T>(state: RequestState, work: () => Answer<T>): Answer<T> {
  state.busy = AT_ONCE;
  let running: Answer<T>;
  try {
    running = work();
  } finally {
    state.busy = null;
  }
  if (!(running instanceof Promise)) return running;
  state.busy = running.then(ignore, ignore);
  return running.finally(() => {
    state.busy = null;
  });
}

function ignore(): void {}

/** The client's address, where the adapter knows it. */
export function addressOf({ exchange }: RequestState): string | null {
  return exchange.remoteAddress ?? null;
}
