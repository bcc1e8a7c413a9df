import type { AtRest } from "./at-rest.ts";
import type { Clock } from "./clock.ts";
import type { Draft, Staged } from "./draft.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Lifetime } from "./lifetime.ts";
import { isChanged, type Plan, planCommit } from "./plan.ts";
import { equalInConstantTime } from "./platform.ts";
import { isReserved, type SessionRecord } from "./record.ts";
import type { RequestState } from "./request-state.ts";
import { successorOf } from "./rotation.ts";
import { Session } from "./session.ts";

export interface LayingRules {
  readonly lifetime: Lifetime;
  readonly onConflict: "last-wins" | "fail";
  readonly onGone: "drop" | "fail";
  readonly atRest: AtRest;
}

/** Lays what a request staged over what is stored, says what it would write there, and what becomes of it when nothing is stored any more. */
export class Laying {
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #rules: LayingRules;

  constructor(clock: Clock, events: Events, rules: LayingRules) {
    this.#clock = clock;
    this.#events = events;
    this.#rules = rules;
  }

  /** Decides what the request's commit would do now. Throws what the staged values deserve. */
  plan(state: RequestState): Plan {
    const base = Session.access.base(state.session);
    // What was read from an older record and changed since must not pass for a change of this one.
    if (base !== null) this.rebase(state, base);
    return this.planAsItLies(state);
  }

  /** Decides so of the draft as it lies, over whatever that is. */
  planAsItLies(state: RequestState): Plan {
    const base = Session.access.base(state.session);
    // A secret that the client cannot be told of must not be made.
    const rotationDue = state.rotationDue && state.phase !== "sent" && state.exchange.canSetCookie;
    const stale = base !== null && this.#rules.atRest.renewal(base, state.token) !== null;
    const input = Session.access.input(state.session, rotationDue, stale);
    return planCommit(input, this.#rules.lifetime, this.#clock.now());
  }

  /** Starts from a newer record of the same epoch. Returns and throws as {@link rebase}. */
  startFrom(state: RequestState, fresh: SessionRecord): readonly string[] {
    const base = Session.access.base(state.session);
    if (base !== null && !equalInConstantTime(fresh.secretHash, base.secretHash))
      this.#adoptSuccessor(state, fresh);
    return this.rebase(state, fresh);
  }

  /** Lays the request over what another wrote. Tells whether nothing is left to do. */
  reconciled(state: RequestState, fresh: SessionRecord | null, given: Staged | null): boolean {
    const base = Session.access.base(state.session);
    if (base === null) return true;
    const staged = given ?? Session.access.draft(state.session).stage();
    if (fresh === null || fresh.expiresAt <= this.#clock.now()) return this.gone(state, base, "gone", staged);
    if (fresh.epoch !== base.epoch) return this.gone(state, base, "stale", staged);
    this.startFrom(state, fresh);
    return false;
  }

  /** Another request was first to rotate: its successor is this client's too. */
  #adoptSuccessor(state: RequestState, fresh: SessionRecord): void {
    state.rotationDue = false;
    if (state.token === null || state.phase === "sent" || !state.exchange.canSetCookie) return;
    const successor = successorOf(fresh, state.token, this.#rules.atRest.pepper);
    if (successor === null) return;
    if (state.cookie !== "revoke") state.cookie = successor;
    // From here on the request is as one that came with the current secret.
    state.token = successor;
  }

  /**
   * Lays the draft over a record, and tells of each field that another request changed after this one had read it.
   *
   * @returns these fields.
   * @throws `ERR_SESSION_CONFLICT` where that is to fail.
   */
  rebase(state: RequestState, fresh: SessionRecord): readonly string[] {
    const overtaken = Session.access.rebase(state.session, fresh);
    if (overtaken.length === 0) return overtaken;
    const conflicts = overtaken.filter((field) => !isReserved(field));
    this.tellOf(conflicts, fresh);
    if (conflicts.length === 0 || this.#rules.onConflict === "last-wins") return conflicts;
    // A refused value stays refused: a handler that catches the error reads the field again.
    for (const field of conflicts) Session.access.draft(state.session).forget(field);
    throw new SessionError(
      "ERR_SESSION_CONFLICT",
      `Another request changed the session field "${conflicts.join('", "')}" first.`,
    );
  }

  /** Tells of fields that another request changed after this one had read them. */
  tellOf(conflicts: readonly string[], { id }: SessionRecord): void {
    for (const field of conflicts) this.#events.emit("conflict", { id, field });
  }

  /** The record cannot be written any more. Tells whether nothing is left to do. */
  gone(state: RequestState, base: SessionRecord, reason: "gone" | "stale", staged: Staged): boolean {
    const { session } = state;
    const renewal = Session.access.renewal(session);
    const fields = [...Object.keys(staged.set), ...staged.remove].filter((name) => !isReserved(name));
    if (!staged.minor || renewal !== null) this.#events.emit("gone", { id: base.id, reason, fields });
    if (renewal?.login !== undefined) {
      Session.access.detach(session);
      return false;
    }
    const isTold = state.message || this.#rules.onGone === "fail";
    const refused = staged.insistent || renewal !== null || (isTold && isChanged(staged));
    Session.access.vanish(session);
    // A response that comes later must not overwrite the cookie of a newer login.
    if (state.cookie !== "revoke") state.cookie = null;
    if (!refused) return true;
    throw new SessionError(
      "ERR_SESSION_GONE",
      "The session ended, or was taken over by a login, while this request was running. Nothing was saved.",
    );
  }

  /** What depends on what it found must not be applied again when nobody knows whether it was. */
  giveUp(state: RequestState, draft: Draft, staged: Staged): void {
    state.careful = true;
    if (!staged.dependent) return;
    for (const name of [...Object.keys(staged.set), ...staged.remove]) draft.forget(name);
  }

  /** Nobody knows what became of what was staged, nor will: it must not be applied again. */
  lost(state: RequestState): void {
    state.careful = true;
    Session.access.rollBack(state.session);
  }
}
