import { identityOf } from "../bridges/support/identity.ts";
import type { SessionState } from "./session-state.ts";
import { changesBetween, isSameField, type Snapshot, snapshotOf } from "./snapshot.ts";
import type { SessionLike, StoreLike } from "./store-like.ts";

/** What a store may be as an emitter of events. */
interface Emitter {
  listenerCount?(event: string): number;
  emit?(event: string, told: object): boolean;
}

/** Tells, by the store's event `gone`, that a session had ended which was to be saved. */
export function tellGone(session: SessionLike, snapshot: Snapshot, state: SessionState): void {
  tell(session.req.sessionStore, "gone", () => [
    { id: handleOf(session.id), reason: "gone", fields: namesOf(state, snapshot) },
  ]);
}

/** Tells, by the store's event `conflict`, of each field that this request and another have changed: this one's is stored. */
export function tellConflicts(
  session: SessionLike,
  snapshot: Snapshot,
  state: SessionState,
  stored: object,
): void {
  tell(session.req.sessionStore, "conflict", () => {
    const theirs = snapshotOf(stored);
    return namesOf(state, snapshot)
      .filter((name) => !isSameField(theirs, state.baseline ?? new Map(), name))
      .map((field) => ({ id: handleOf(session.id), field }));
  });
}

/** The session's own id opens it, and so is not told. */
function handleOf(sid: string): string {
  return identityOf(sid, "").id;
}

function namesOf({ baseline }: SessionState, snapshot: Snapshot): string[] {
  const { set, removed } = changesBetween(baseline ?? new Map(), snapshot);
  return [...set, ...removed];
}

function tell(store: StoreLike, event: string, of: () => readonly object[]): void {
  const emitter = store as Emitter;
  if (!emitter.listenerCount?.(event)) return;
  for (const told of of()) emitter.emit?.(event, told);
}
