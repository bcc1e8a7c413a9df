import type { CookieSettings } from "./cookie.ts";
import type { Snapshot } from "./snapshot.ts";

/** What is known of a session object besides what applications see. */
export interface SessionState {
  /** What the store held of it when it was read or written last; `null` for one that is not stored yet. */
  baseline: Snapshot | null;
  /** The settings of its cookie then. */
  cookie: CookieSettings | undefined;
  /** When it was read or made: see `Desk.moment`. */
  since: number;
  /** Whether it came from the store, so that it is gone when the store no longer has it. A handler may make one of whatever it likes. */
  isLoaded: boolean;
  /** Whether it was to be written, and had ended. */
  isGone: boolean;
  /** Whether nobody but this request can know of it, since its cookie has not been sent. */
  isPrivate: boolean;
  /** What a store that tells held of it: see {@link HELD}. */
  text: string | undefined;
}

const STATE: unique symbol = Symbol("holdfast.state");

/** The state of a session, where it has one. On the object and in no table beside it, since applications put proxies before sessions. */
export function stateOf(session: object): SessionState | undefined {
  return (session as { readonly [STATE]?: SessionState })[STATE];
}

export function setState(session: object, state: SessionState): void {
  Object.defineProperty(session, STATE, { value: state, configurable: true });
}

/** A method of a store that can say at once what it holds, as the text that it holds it in: the same text, the same session. */
export const HELD: unique symbol = Symbol("holdfast.held");

export function heldBy(store: object, sid: string): string | undefined {
  return (store as { [HELD]?: (sid: string) => string | undefined })[HELD]?.(sid);
}

/** What a request's commit has to know of what handlers do by hand. */
export interface TurnView {
  /** The session is being saved as it is in this snapshot. */
  saving(snapshot: Snapshot): void;
  /** This id is stored, and so a cookie of it is good. */
  stored(sid: string): void;
}

const TURN: unique symbol = Symbol("holdfast.turn");

export function turnOf(request: object): TurnView | undefined {
  return (request as { readonly [TURN]?: TurnView })[TURN];
}

export function setTurn(request: object, turn: TurnView): void {
  (request as { [TURN]?: TurnView })[TURN] = turn;
}
