import type { Opened } from "./load.ts";
import { isChanged, type Plan } from "./plan.ts";
import { isReserved, type SessionId } from "./record.ts";
import type { RequestState } from "./request-state.ts";
import { Session } from "./session.ts";
import type { Token } from "./token.ts";

/** A record, and the token that opened it; none where a live connection goes on with it. */
export type Loaded = Omit<Opened, "token"> & { readonly token: Token | null };

export function idOf(state: RequestState): SessionId | null {
  return Session.access.base(state.session)?.id ?? null;
}

/** The client presented the previous secret, and may have lost the answer that brought the current one. */
export function isReissue(state: RequestState): boolean {
  return (
    state.predecessor &&
    state.cookie === null &&
    state.phase !== "sent" &&
    state.exchange.canSetCookie &&
    Session.access.base(state.session) !== null
  );
}

/** Lets the commit or claim that is on its way finish first: what it writes must not be staged again. */
export function whenFree(state: RequestState, work: () => void | Promise<void>): void | Promise<void> {
  return state.busy === null ? work() : state.busy.then(() => whenFree(state, work));
}

/** What may be lost without harm. */
export function isBookKeeping(plan: Plan): boolean {
  return plan.kind === "update" && plan.minor && !plan.rotates;
}

/** For what may fail without harm to this request; the gate has told of it by an event. */
export async function ignoring(work: Promise<void>): Promise<void> {
  await work.catch(() => undefined);
}

/** Names what a request staged that is not stored yet, as an event may tell it. */
export function stagedFields(state: RequestState): string[] {
  try {
    const staged = Session.access.draft(state.session).stage();
    if (!isChanged(staged) || staged.minor) return [];
    return [...Object.keys(staged.set), ...staged.remove].filter(
      (name) => !isReserved(name) || name === "~flash",
    );
  } catch {
    // It cannot be stored, but it was meant to be.
    return ["(a value that cannot be stored)"];
  }
}
