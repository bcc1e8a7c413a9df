import { deskOf } from "./desk.ts";
import { heldBy, setState, stateOf } from "./session-state.ts";
import { snapshotOf } from "./snapshot.ts";
import { callStore, type Done } from "./store-call.ts";
import type { SessionLike, SessionRequest, StoreLike } from "./store-like.ts";

/** Reads a session and makes it the request's. `undefined` when there is none. */
export function loadSession(
  store: StoreLike,
  request: SessionRequest,
  sid: string,
  done: Done<SessionLike>,
): void {
  const desk = deskOf(store);
  // Before the store is asked: what ends meanwhile may be in its answer still.
  const since = desk.moment();
  const text = heldBy(store, sid);
  callStore<object | null>(
    desk.deadlineMs,
    "get",
    (answer) => store.get(sid, answer),
    (error, found) => {
      if (error || !found) return done(error);
      let session: SessionLike;
      try {
        session = adopted(store, request, found);
      } catch (thrown) {
        return done(thrown);
      }
      const state = stateOf(session);
      if (state !== undefined) {
        state.isLoaded = true;
        state.since = since;
        state.text = text !== undefined && text === heldBy(store, sid) ? text : undefined;
      }
      done(undefined, session);
    },
  );
}

/** A store may make sessions in its own way, which leaves what they began as to be noted here. */
function adopted(store: StoreLike, request: SessionRequest, found: object): SessionLike {
  const session = store.createSession(request, found);
  if (stateOf(session) === undefined) noteLoaded(store, session, found);
  return session;
}

/** Notes what a session was when it was read. */
export function noteLoaded(store: StoreLike, session: SessionLike, found: object): void {
  setState(session, {
    baseline: snapshotOf(found),
    cookie: session.cookie.data,
    since: deskOf(store).moment(),
    isLoaded: false,
    isGone: false,
    isPrivate: false,
    text: undefined,
  });
}

/** Notes that a session has just been made. */
export function noteMade(store: StoreLike, session: SessionLike): void {
  setState(session, {
    baseline: null,
    cookie: session.cookie.data,
    since: deskOf(store).moment(),
    isLoaded: false,
    isGone: false,
    isPrivate: true,
    text: undefined,
  });
}
