import { deskOf } from "./desk.ts";
import { laidOver } from "./merging.ts";
import { heldBy, type SessionState, stateOf, turnOf } from "./session-state.ts";
import { type Snapshot, snapshotOf } from "./snapshot.ts";
import { callStore, type Done, isNotFound } from "./store-call.ts";
import type { SessionLike, SessionRequest, StoreLike } from "./store-like.ts";
import { tellConflicts, tellGone } from "./telling.ts";

/** Saves a session as a handler asks for it. */
export function saveSession(session: SessionLike, done: Done): void {
  let snapshot: Snapshot;
  try {
    snapshot = snapshotOf(session);
  } catch (error) {
    return done(error);
  }
  turnOf(session.req)?.saving(snapshot);
  keepSession(session, snapshot, done);
}

/**
 * Stores what a session is. What others stored since it was read stays, field by field. One that has ended since is left ended, which is no
 * error. Saves, touches and ends of one session come one after the other in this process; those of others fall, with a store that can only
 * overwrite, at worst between the second reading and the writing here.
 */
export function keepSession(session: SessionLike, snapshot: Snapshot, done: Done): void {
  const { sessionStore: store } = session.req;
  const { id } = session;
  const desk = deskOf(store);
  const state = stateOf(session);
  desk.inLine(id, (release) => {
    const finish: Done = (error) => {
      release();
      done(error);
    };
    const drop = (): void => {
      if (state !== undefined) {
        state.isGone = true;
        tellGone(session, snapshot, state);
      }
      finish();
    };
    if (state !== undefined && desk.hasEnded(id, state.since)) return drop();
    if (desk.merges || !isWorthReading(store, id, state)) return write(session, session, snapshot, finish);
    callStore<object | null>(
      desk.deadlineMs,
      "get",
      (answer) => store.get(id, answer),
      (error, stored) => {
        if (error && !isNotFound(error)) return finish(error);
        if (error || !stored) return state?.isLoaded ? drop() : write(session, session, snapshot, finish);
        tellConflicts(session, snapshot, state as SessionState, stored);
        write(session, laidOver(session, snapshot, state as SessionState, stored), snapshot, finish);
      },
    );
  });
}

/** Whether this process knows that a session has ended since its request began. */
export function isKnownEnded(session: SessionLike): boolean {
  const state = stateOf(session);
  if (state === undefined) return false;
  return state.isGone || deskOf(session.req.sessionStore).hasEnded(session.id, state.since);
}

/** Whether the store may hold by now what this request has not seen. */
function isWorthReading(store: StoreLike, id: string, state: SessionState | undefined): boolean {
  if (state === undefined || state.baseline === null || state.isPrivate) return false;
  return state.text === undefined || state.text !== heldBy(store, id);
}

function write(session: SessionLike, written: SessionLike, snapshot: Snapshot, done: Done): void {
  const { sessionStore: store } = session.req;
  const { id } = session;
  callStore(
    deskOf(store).deadlineMs,
    "set",
    (answer) => store.set(id, written, answer),
    (error) => {
      if (error) return done(error);
      const state = stateOf(session);
      if (state !== undefined) {
        state.baseline = snapshot;
        state.isLoaded = true;
        state.cookie = written.cookie?.data;
        state.text = written === session ? heldBy(store, id) : undefined;
      }
      turnOf(session.req)?.stored(id);
      done();
    },
  );
}

/** Moves the time that a stored session expires, which is in its cookie. */
export function touchSession(session: SessionLike, done: Done): void {
  const { sessionStore: store } = session.req;
  const { id } = session;
  const desk = deskOf(store);
  desk.inLine(id, (release) => {
    const finish: Done = (error) => {
      release();
      done(error);
    };
    const state = stateOf(session);
    if (state !== undefined && desk.hasEnded(id, state.since)) return finish();
    callStore(desk.deadlineMs, "touch", (answer) => store.touch?.(id, session, answer), finish);
  });
}

/** Ends a session. What was loaded before is not saved any more, unless the store could not end it. */
export function endSession(store: StoreLike, sid: string, done: Done): void {
  end(store, sid, "destroy", (answer) => store.destroy(sid, answer), done);
}

/** Ends the session of a request and makes it an empty one. */
export function replaceSession(request: SessionRequest, done: Done): void {
  const { sessionStore: store, sessionID: sid } = request;
  end(store, sid, "destroy", (answer) => store.regenerate(request, answer), done);
}

function end(
  store: StoreLike,
  sid: string,
  operation: string,
  call: (answer: Done) => unknown,
  done: Done,
): void {
  const desk = deskOf(store);
  desk.end(sid);
  desk.inLine(sid, (release) => {
    callStore(desk.deadlineMs, operation, call, (error) => {
      if (error) desk.endFailed(sid);
      release();
      done(error);
    });
  });
}
