import { type Answer, carriedOut, type Steps, waited } from "./answer.ts";
import type { Committer } from "./commit.ts";
import type { Events } from "./events.ts";
import type { HttpExchange } from "./exchange.ts";
import { isChanged, type Plan } from "./plan.ts";
import { isReserved, type SessionId } from "./record.ts";
import type { RequestState } from "./request-state.ts";
import { type HeaderRules, writeHeaders } from "./response-headers.ts";
import { type AnySession, Session } from "./session.ts";

/** What finishing goes by. */
export interface FinishingRules extends HeaderRules {
  readonly endOnFailure: boolean;
  /** Lets extensions add their headers. */
  leaving(session: AnySession, exchange: HttpExchange, userLeft: boolean): void;
}

/** How a request comes to its end: what its answer waits for, what runs beside it, and what is dropped. */
export class Finisher {
  readonly #committer: Committer;
  readonly #events: Events;
  readonly #rules: FinishingRules;
  readonly #background: Set<Promise<unknown>> = new Set();

  constructor(committer: Committer, events: Events, rules: FinishingRules) {
    this.#committer = committer;
    this.#events = events;
    this.#rules = rules;
  }

  commitEarly(state: RequestState, check?: () => void): void | Promise<void> {
    return whenFree(state, () => this.#commitEarly(state, check));
  }

  /** Stores what is staged, now, whatever becomes of the request. */
  async commitNow(state: RequestState): Promise<void> {
    while (state.busy !== null) await state.busy;
    const plan = this.#committer.plan(state);
    if (plan.kind === "touch") await carriedOut(this.#committer.touch(state, plan));
    else if (isBookKeeping(plan)) await ignoring(this.#committer.run(state, plan));
    else await this.#committer.run(state, plan);
  }

  /** Stores what is staged, and gives the exchange the cookie that goes with it. The request stays open. */
  async commitByHand(state: RequestState, cookie: "if new" | "always"): Promise<void> {
    await this.commitNow(state);
    if (isReissue(state)) await carriedOut(this.#committer.reissue(state));
    const isCurrent = !state.predecessor && Session.access.base(state.session) !== null;
    if (cookie === "always" && isCurrent) state.cookie ??= state.token;
    writeHeaders(state, this.#rules);
  }

  succeed(state: RequestState, isReady?: () => boolean): void | Promise<void> {
    return whenFree(state, () => this.#succeed(state, isReady));
  }

  fail(state: RequestState): void | Promise<void> {
    return whenFree(state, () => {
      const work = this.#workOfFailure(state);
      if (work !== null) return carriedOut(this.#finish(state, work));
      this.#leave(state);
    });
  }

  finishLate(state: RequestState): void | Promise<void> {
    return whenFree(state, () => this.#finishLate(state));
  }

  abandon(state: RequestState): void | Promise<void> {
    return whenFree(state, () => {
      if (state.phase !== "open") return;
      const fields = stagedFields(state);
      if (fields.length > 0) this.#events.emit("abandoned", { id: idOf(state), fields });
      if (!this.#rules.endOnFailure || Session.access.ended(state.session) === null) return;
      return this.#inBackground(state, this.#committer.endOnly(state));
    });
  }

  /** Resolves when the work beside the answers is done, however it went. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#background);
  }

  #succeed(state: RequestState, isReady?: () => boolean): void | Promise<void> {
    let plan: Plan;
    try {
      plan = this.#committer.plan(state);
    } catch (error) {
      return carriedOut(this.#finish(state, this.#endAfter(state, error)));
    }
    if (plan.kind !== "nothing" && isReady?.() === false) {
      state.phase = "open";
      return;
    }
    const work = this.#workOf(state, plan);
    if (work !== null) return carriedOut(this.#finish(state, work));
    this.#leave(state);
  }

  #commitEarly(state: RequestState, check?: () => void): void | Promise<void> {
    try {
      const plan = this.#committer.plan(state);
      // What may be lost without harm is the finishing hook's, which need not wait for it.
      if (plan.kind === "nothing" || plan.kind === "touch" || isBookKeeping(plan)) return;
      check?.();
      return this.#committer.runEarly(state, plan);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** What finishing a successful request has to do first, or `null`. */
  #workOf(state: RequestState, plan: Plan): Steps<void> | null {
    switch (plan.kind) {
      case "empty":
        // Having only read it, a request does not end a session.
        return state.exchange.readOnly === undefined ? this.#carriedOut(state, plan) : null;
      case "nothing":
        return isReissue(state) ? this.#committer.reissue(state) : null;
      case "touch":
        return this.#aside(state, carriedOut(this.#committer.touch(state, plan)));
      case "update":
        if (isBookKeeping(plan)) return this.#aside(state, this.#committer.run(state, plan));
    }
    return this.#carriedOut(state, plan);
  }

  /** Lets work that the response does not depend on run beside it, where the platform keeps it alive. How it went matters to nobody. */
  #aside(state: RequestState, work: Answer<void>): Steps<void> | null {
    const reissue = isReissue(state) ? this.#committer.reissue(state) : null;
    if (!(work instanceof Promise)) return reissue;
    const beside = work.catch(() => undefined);
    if (state.exchange.waitUntil === undefined) return both(beside, reissue);
    this.#keepAlive(state, beside);
    return reissue;
  }

  *#carriedOut(state: RequestState, plan: Plan): Steps<void> {
    try {
      yield* waited(this.#committer.run(state, plan));
    } catch (error) {
      // Where the end itself failed, its retries are used up.
      if (plan.kind === "end") throw error;
      return yield* this.#endAfter(state, error);
    }
    if (isReissue(state)) yield* this.#committer.reissue(state);
  }

  /** A commit failed. A logout in it takes place all the same: failing to end would be a hole. */
  *#endAfter(state: RequestState, error: unknown): Steps<never> {
    if (this.#rules.endOnFailure && Session.access.ended(state.session) !== null) {
      Session.access.rollBack(state.session);
      yield* waited(ignoring(this.#committer.endOnly(state)));
    }
    throw error;
  }

  #workOfFailure(state: RequestState): Steps<void> | null {
    this.#rollBack(state);
    return Session.access.ended(state.session) === null ? null : waited(this.#committer.endOnly(state));
  }

  /** Drops what a request staged: a failed one changes nothing, not even afterwards. */
  #rollBack(state: RequestState): void {
    state.failed = true;
    Session.access.rollBack(state.session);
    if (!this.#rules.endOnFailure) Session.access.endSettled(state.session);
  }

  *#finish(state: RequestState, work: Steps<void>): Steps<void> {
    try {
      yield* work;
    } catch (error) {
      this.#rollBack(state);
      throw error;
    } finally {
      this.#leave(state);
    }
  }

  /** The response starts: from here on it carries what it carries. */
  #leave(state: RequestState): void {
    writeHeaders(state, this.#rules);
    this.#rules.leaving(state.session, state.exchange, state.userLeft);
    state.phase = "sent";
  }

  #finishLate(state: RequestState): void | Promise<void> {
    const fields = stagedFields(state);
    const ended = Session.access.ended(state.session) !== null;
    if (fields.length === 0 && !ended) return;
    const work = this.commitNow(state).then(
      () => this.#events.emit("late", { id: idOf(state), fields, saved: true }),
      () => this.#events.emit("late", { id: idOf(state), fields, saved: false }),
    );
    return work;
  }

  #inBackground(state: RequestState, work: Answer<void>): void | Promise<void> {
    const safe = ignoring(work);
    if (!(safe instanceof Promise) || state.exchange.waitUntil === undefined) return safe;
    this.#keepAlive(state, safe);
  }

  #keepAlive(state: RequestState, work: Promise<unknown>): void {
    this.#background.add(work);
    void work.then(() => this.#background.delete(work));
    state.exchange.waitUntil?.(work);
  }
}

function idOf(state: RequestState): SessionId | null {
  return Session.access.base(state.session)?.id ?? null;
}

/** The client presented the previous secret, and may have lost the answer that brought the current one. */
function isReissue(state: RequestState): boolean {
  return (
    state.predecessor &&
    state.cookie === null &&
    state.phase !== "sent" &&
    state.exchange.canSetCookie &&
    Session.access.base(state.session) !== null
  );
}

/** Lets the commit or claim that is on its way finish first: what it writes must not be staged again. */
function whenFree(state: RequestState, work: () => void | Promise<void>): void | Promise<void> {
  return state.busy === null ? work() : state.busy.then(() => whenFree(state, work));
}

/** What may be lost without harm. */
function isBookKeeping(plan: Plan): boolean {
  return plan.kind === "update" && plan.minor && !plan.rotates;
}

/** For what may fail without harm to this request; the gate has told of it by an event. */
function ignoring(work: Answer<void>): Answer<void> {
  return work instanceof Promise ? work.catch(() => undefined) : work;
}

function* both(beside: Promise<void>, reissue: Steps<void> | null): Steps<void> {
  if (reissue !== null) yield* reissue;
  yield* waited(beside);
}

/** Names what a request staged that is not stored yet, as an event may tell it. */
function stagedFields(state: RequestState): string[] {
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
