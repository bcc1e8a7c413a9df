import { Admission } from "./admission.ts";
import { type Answer, carriedOut, orNothing, type Steps, waited } from "./answer.ts";
import type { AtRest } from "./at-rest.ts";
import type { Clock } from "./clock.ts";
import { Delivery, type DeliveryRules, type Outcome } from "./delivery.ts";
import type { Draft, Staged } from "./draft.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { checkSize } from "./fields.ts";
import type { Gate } from "./gate.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Moves } from "./moves.ts";
import {
  type CreatePlan,
  isChanged,
  type LoginNote,
  type Plan,
  planCommit,
  type Renewal,
  type UpdatePlan,
} from "./plan.ts";
import { backOff, equalInConstantTime } from "./platform.ts";
import type { CommitQueue } from "./queue.ts";
import { isReserved, type SessionRecord } from "./record.ts";
import { asAuthentication, AUTH, reservedValue, userOf } from "./reserved.ts";
import { addressOf, occupying, type RequestState } from "./request-state.ts";
import { successorOf } from "./rotation.ts";
import { tooLateForCookie, tooManyAttempts } from "./refusals.ts";
import { afterUpdate, newRecord, type Sending, sendingOf } from "./sending.ts";
import { Session } from "./session.ts";
import type { SessionChange } from "./store.ts";
import { Token } from "./token.ts";

/** What decides in a commit besides the plan. */
export interface CommitRules extends DeliveryRules {
  readonly lifetime: Lifetime;
  readonly maxRecordBytes: number;
  readonly onConflict: "last-wins" | "fail";
  readonly onGone: "drop" | "fail";
  readonly moves: Moves;
  /** What logins have to pass. */
  readonly admission: Admission;
  readonly atRest: AtRest;
}

/**
 * How often a commit tries again when others are first every time. Where a writer in another process never pauses and a change takes
 * long, as in a directory, one attempt in five may succeed or fewer, and forty were seen not to be enough. Twice the deadline bounds them all.
 */
const MAX_ATTEMPTS = 120;
const MAX_CREATE_ATTEMPTS = 4;

/** Carries out what a request staged: plan, one store call, and whatever the answer asks for. */
export class Committer {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #queue: CommitQueue;
  readonly #rules: CommitRules;
  readonly #delivery: Delivery;

  constructor(gate: Gate, clock: Clock, events: Events, queue: CommitQueue, rules: CommitRules) {
    this.#gate = gate;
    this.#clock = clock;
    this.#events = events;
    this.#queue = queue;
    this.#rules = rules;
    this.#delivery = new Delivery(gate, clock, rules);
  }

  /** Decides what the request's commit would do now. Throws what the staged values deserve. */
  plan(state: RequestState): Plan {
    const base = Session.access.base(state.session);
    // What was read from an older record and changed since must not pass for a change of this one.
    if (base !== null) this.#rebase(state, base);
    // A secret that the client cannot be told of must not be made.
    const rotationDue = state.rotationDue && state.phase !== "sent" && state.exchange.canSetCookie;
    const stale = base !== null && this.#rules.atRest.renewal(base, state.token) !== null;
    const input = Session.access.input(state.session, rotationDue, stale);
    return planCommit(input, this.#rules.lifetime, this.#clock.now());
  }

  /**
   * Carries a plan out, and whatever it leads to, until nothing is left to do.
   *
   * @throws `ERR_SESSION_*` as the docs of `Session` say; whatever was staged stays staged.
   */
  run(state: RequestState, plan: Plan): Answer<void> {
    return occupying(state, () => this.#run(state, plan));
  }

  /** Does so ahead of the finishing hook. That is not to begin an end anew whose retries are used up. */
  async runEarly(state: RequestState, plan: Plan): Promise<void> {
    try {
      await this.run(state, plan);
    } catch (error) {
      if (plan.kind === "end") Session.access.endSettled(state.session);
      throw error;
    }
  }

  #run(state: RequestState, plan: Plan): Answer<void> {
    const base = Session.access.base(state.session);
    const conditional = plan.kind === "empty" || (plan.kind === "update" && plan.conditional);
    if (base === null || !conditional) return carriedOut(this.#attempts(state, plan));
    return this.#queue.run(base.id, async () => {
      this.#catchUp(state, base);
      await carriedOut(this.#attempts(state, this.plan(state)));
    });
  }

  /** Starts from what the one before in line wrote, which saves a refusal and a read. */
  #catchUp(state: RequestState, base: SessionRecord): void {
    const latest = this.#queue.latest(base.id);
    if (latest === null || latest.version <= base.version || latest.epoch !== base.epoch) return;
    if (!equalInConstantTime(latest.secretHash, base.secretHash)) this.#adoptSuccessor(state, latest);
    this.#rebase(state, latest);
  }

  /** Ends the request's session if it ended it, and does nothing else of what it staged. */
  endOnly(state: RequestState): Answer<void> {
    return occupying(state, () => {
      const ended = Session.access.ended(state.session);
      if (ended !== null) return carriedOut(this.#end(state, ended, "logout"));
    });
  }

  /**
   * Moves the access time, and puts what is under old keys under the first ones. What becomes of it matters to nobody: the next request
   * does it again. Only touches renew keys: a commit sends no more than what was changed, and needs no condition for it.
   */
  *touch(state: RequestState, plan: Extract<Plan, { kind: "touch" }>): Steps<void> {
    const base = Session.access.base(state.session);
    if (base === null) return;
    const { accessedAt, expiresAt } = plan;
    const renewal = this.#rules.atRest.renewal(base, state.token);
    const change: SessionChange = {
      now: this.#clock.now(),
      epoch: base.epoch,
      accessedAt,
      expiresAt,
      // What another wrote meanwhile must not be undone, a new secret least of all.
      ...(renewal !== null && { ifVersion: base.version, ...renewal }),
    };
    const outcome = yield* orNothing(this.#gate.update(base.id, change));
    // A request that committed by itself has no need of another when it finishes.
    if (outcome?.kind !== "done" || Session.access.base(state.session) !== base) return;
    Session.access.settle(state.session, afterUpdate(base, change, outcome.version), null);
  }

  /** Gives the client that presented the previous secret the current one, if nobody presented that yet. */
  *reissue(state: RequestState): Steps<void> {
    const { token } = state;
    if (token === null) return;
    const record = yield* orNothing(this.#gate.read(token.id));
    const successor =
      record === null || record === undefined ? null : successorOf(record, token, this.#rules.atRest.pepper);
    if (successor !== null) state.cookie = successor;
  }

  /** Reads and removes one field in a commit of its own. Of all that claim it at the same time, one gets the value. */
  async claim(state: RequestState, name: string): Promise<unknown> {
    while (state.busy !== null) await state.busy;
    let claimed: unknown;
    await occupying(state, async () => {
      claimed = await this.#claim(state, name);
    });
    return claimed;
  }

  async #claim(state: RequestState, name: string): Promise<unknown> {
    const draft = Session.access.draft(state.session);
    const begun = Session.access.base(state.session);
    const isMissing = begun !== null && !draft.isAssigned(name) && !Object.hasOwn(begun.fields, name);
    const base = isMissing && this.#gate.keeps ? await this.#asStored(state, begun) : begun;
    // What is not stored yet is nobody else's to take.
    if (base === null || draft.isAssigned(name) || !Object.hasOwn(base.fields, name)) return draft.take(name);

    let claimed: unknown;
    await this.#queue.run(base.id, async () => {
      this.#catchUp(state, base);
      claimed = await this.#claimed(state, name);
    });
    return claimed;
  }

  /** Where a store keeps records, a request may have begun with one that lacks what another process has stored since. */
  async #asStored(state: RequestState, base: SessionRecord): Promise<SessionRecord | null> {
    const fresh = await this.#gate.read(base.id);
    if (fresh !== null && fresh.epoch === base.epoch && fresh.version > base.version)
      this.#rebase(state, fresh);
    return Session.access.base(state.session);
  }

  async #claimed(state: RequestState, name: string): Promise<unknown> {
    const { session } = state;
    const until = this.#patienceEnds();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && this.#clock.now() < until; attempt += 1) {
      const base = Session.access.base(session);
      const draft = Session.access.draft(session);
      if (base === null || !Object.hasOwn(base.fields, name)) {
        // Another has it: what this request made of it must not come back either.
        draft.forget(name);
        return undefined;
      }
      if (!draft.isStaged(name)) draft.forget(name);
      const value = draft.peek(name);

      const staged: Staged = { set: {}, remove: [name], dependent: true, insistent: true, minor: false };
      const outcome = await carriedOut(
        this.#delivery.update(
          this.#sending(state, base, {
            ...NO_TIMES,
            staged,
            conditional: true,
            renewal: null,
            rotates: false,
          }),
        ),
      );
      if (outcome.kind === "gone" || outcome.kind === "stale") return undefined;
      if (outcome.kind === "done") {
        draft.forget(name);
        this.#rebase(state, outcome.record);
        this.#queue.note(outcome.record);
        return value;
      }
      await backOff(attempt);
      const fresh = await this.#gate.read(base.id);
      if (fresh === null || fresh.epoch !== base.epoch) return undefined;
      this.#rebase(state, fresh);
    }
    throw tooManyAttempts();
  }

  *#attempts(state: RequestState, first: Plan): Steps<void> {
    let plan = first;
    const until = this.#patienceEnds();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && this.#clock.now() < until; attempt += 1) {
      if (yield* this.#step(state, plan)) return;
      if (attempt > 1 && (yield* this.#waited(state, attempt))) return;
      plan = this.plan(state);
    }
    throw tooManyAttempts();
  }

  /** Each call of a slow store is bounded by itself; this bounds them all. */
  #patienceEnds(): number {
    return this.#clock.now() + 2 * this.#rules.deadlineMs;
  }

  /**
   * Gives way to others, and starts from what is stored then: what was read before the wait is old by its end, and would
   * lose to them again. Tells whether nothing is left to do.
   */
  *#waited(state: RequestState, attempt: number): Steps<boolean> {
    yield* waited(backOff(attempt));
    const base = Session.access.base(state.session);
    return base !== null && this.#reconciled(state, yield* waited(this.#gate.read(base.id)), null);
  }

  /** Does one step. Tells whether nothing is left to do. */
  *#step(state: RequestState, plan: Plan): Steps<boolean> {
    switch (plan.kind) {
      case "nothing":
      case "touch":
        return true;
      case "create":
        yield* this.#create(state, plan);
        return true;
      case "end":
        yield* this.#end(state, plan.record, plan.create === null ? "logout" : reasonToReplace(state));
        return plan.create === null;
      case "empty":
        return yield* this.#empty(state, plan.record);
      case "update":
        return yield* this.#update(state, plan);
    }
  }

  *#create(state: RequestState, plan: CreatePlan): Steps<void> {
    const { session, exchange } = state;
    if (state.phase === "sent" || !exchange.canSetCookie) throw tooLateForCookie(state);
    const { access } = Session;
    const renewal = access.renewal(session);
    const draft = access.draft(session);
    // Nothing ran since the plan was made but this.
    const staged = access.noteDevice(session) ? draft.stage() : plan.staged;
    checkSize(staged.set, this.#rules.maxRecordBytes);
    const asked = this.#rules.admission.ask(renewal?.login, null);
    if (asked !== undefined) yield* waited(asked);

    for (let attempt = 0; attempt < MAX_CREATE_ATTEMPTS; attempt += 1) {
      const token = Token.mint();
      const record = newRecord(token, this.#rules.atRest.pepper, staged, plan, this.#clock.now());
      if (!(yield* this.#delivery.create(record))) continue;
      this.#events.emit("created", {
        id: record.id,
        user: renewal?.login?.user ?? null,
        address: addressOf(state),
      });
      yield* this.#afterLogin(state, record, renewal);
      state.cookie = token;
      if (!access.isOver(session, draft)) draft.settle(record.fields, staged);
      else return access.endToo(session, record);
      access.settle(session, record, renewal);
      state.token = token;
      state.predecessor = false;
      state.rotationDue = false;
      return;
    }
    throw new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The session store says that every new id is taken.",
    );
  }

  *#end(state: RequestState, record: SessionRecord, reason: "logout" | "replaced"): Steps<void> {
    const outcome = yield* this.#delivery.delete(record);
    Session.access.endSettled(state.session);
    // The client may hold a newer cookie by now: leave it alone.
    if (outcome === "gone") return;
    state.cookie = "revoke";
    const user = userOf(record);
    state.userLeft = user !== null;
    this.#events.emit("ended", { id: record.id, user, reason, address: addressOf(state) });
  }

  /** Deletes a record that has nothing left. Tells whether that is settled. */
  *#empty(state: RequestState, record: SessionRecord): Steps<boolean> {
    const staged = Session.access.draft(state.session).stage();
    const outcome = yield* this.#delivery.deleteUnchanged(record);
    if (outcome === "conflict")
      return this.#reconciled(state, yield* waited(this.#gate.read(record.id)), null);
    // What this request took may have been the very last of it for another that was first.
    if (outcome === "gone") return this.#gone(state, record, "gone", staged);
    Session.access.vanish(state.session);
    state.cookie = "revoke";
    this.#events.emit("ended", {
      id: record.id,
      user: userOf(record),
      reason: "emptied",
      address: addressOf(state),
    });
    return true;
  }

  /** Sends one update and deals with its outcome. Tells whether that settles the commit. */
  *#update(state: RequestState, plan: UpdatePlan): Steps<boolean> {
    const { session } = state;
    const base = Session.access.base(session);
    if (base === null) return true;
    // The client would be left with a secret that opens nothing any more.
    if (plan.renewal !== null && (state.phase === "sent" || !state.exchange.canSetCookie))
      throw tooLateForCookie(state);
    const draft = Session.access.draft(session);
    const asked = this.#rules.admission.ask(plan.renewal?.login, base.id);
    if (asked !== undefined) yield* waited(asked);
    const sending = this.#sending(state, base, { ...plan, conditional: plan.conditional || state.careful });
    if (isChanged(plan.staged)) checkSize(draft.merged(plan.staged), this.#rules.maxRecordBytes);

    let outcome: Outcome;
    try {
      outcome = yield* this.#delivery.update(sending);
    } catch (error) {
      // A rotation that did not happen, or that nobody was told of, leaves the old secret opening.
      if (plan.rotates && plan.minor) return true;
      if (SessionError.is(error) && error.code === "ERR_SESSION_UNKNOWN")
        this.#giveUp(state, draft, plan.staged);
      throw error;
    }
    if (outcome.kind === "conflict") {
      state.careful ||= !plan.conditional;
      return this.#reconciled(state, outcome.current, plan);
    }
    if (outcome.kind !== "done") return this.#gone(state, base, outcome.kind, plan.staged);

    if (sending.commitId !== null) this.#queue.note(outcome.record);
    this.#rules.moves.stored(base, plan.staged);
    if (sending.next !== null) yield* this.#renewed(state, outcome.record, sending.next, plan);
    // The handler ended the session meanwhile: what was written of it ends with it.
    if (Session.access.isOver(session, draft)) return true;
    draft.settle(Session.access.shownFields(session, outcome.record), plan.staged);
    Session.access.settle(session, outcome.record, plan.renewal);
    return true;
  }

  /** What depends on what it found must not be applied again when nobody knows whether it was. */
  #giveUp(state: RequestState, draft: Draft, staged: Staged): void {
    state.careful = true;
    if (!staged.dependent) return;
    for (const name of [...Object.keys(staged.set), ...staged.remove]) draft.forget(name);
  }

  *#renewed(state: RequestState, record: SessionRecord, next: Token, plan: UpdatePlan): Steps<void> {
    this.#events.emit("rotated", {
      id: record.id,
      user: userOf(record),
      reason: plan.rotates ? "periodic" : "privilege",
      address: addressOf(state),
    });
    yield* this.#afterLogin(state, record, plan.renewal);
    state.token = next;
    state.predecessor = false;
    state.rotationDue = false;
    state.cookie = next;
  }

  /** Admits a login, and tells of it. */
  *#afterLogin(state: RequestState, record: SessionRecord, renewal: Renewal | null): Steps<void> {
    if (renewal === null) return;
    if (renewal.login !== undefined) yield* this.#admit(state, record, renewal.login);
    // What was stored is what the login says; of the others nothing but the record knows.
    const authentication = renewal.login ?? asAuthentication(reservedValue(record.fields, AUTH));
    if (authentication === null) return;
    const { user, methods } = authentication;
    const told = { id: record.id, user, address: addressOf(state) };
    if (renewal.verb === "login") this.#events.emit("login", { ...told, methods });
    if (renewal.verb === "reauthenticate") this.#events.emit("reauthenticated", { ...told, methods });
    if (renewal.verb === "unlock") this.#events.emit("unlocked", told);
  }

  /** The client gets the token only afterwards: one that was never handed out opens for nobody. */
  *#admit(state: RequestState, record: SessionRecord, login: LoginNote): Steps<void> {
    try {
      yield* this.#rules.admission.admit(login, record.id, addressOf(state));
    } catch (error) {
      // Not known to be valid is not valid.
      const dropped = carriedOut(this.#dropLogin(state, record));
      yield* Admission.refused(error) ? waited(dropped) : orNothing(dropped);
      throw error;
    }
  }

  *#dropLogin(state: RequestState, record: SessionRecord): Steps<void> {
    const cookie = state.cookie === "revoke" ? state.cookie : null;
    Session.access.vanish(state.session);
    try {
      yield* this.#end(state, record, "replaced");
    } finally {
      // The client never got this token. What it holds may be the cookie of a newer login.
      state.cookie = cookie;
    }
  }

  #sending(state: RequestState, base: SessionRecord, plan: Omit<UpdatePlan, "kind" | "minor">): Sending {
    const { lifetime, atRest } = this.#rules;
    return sendingOf(base, state.token, plan, { lifetime, pepper: atRest.pepper }, this.#clock.now());
  }

  /** Lays the request over what another wrote. Tells whether nothing is left to do. */
  #reconciled(state: RequestState, fresh: SessionRecord | null, plan: UpdatePlan | null): boolean {
    const base = Session.access.base(state.session);
    if (base === null) return true;
    const staged = plan?.staged ?? Session.access.draft(state.session).stage();
    if (fresh === null || fresh.expiresAt <= this.#clock.now())
      return this.#gone(state, base, "gone", staged);
    if (fresh.epoch !== base.epoch) return this.#gone(state, base, "stale", staged);
    if (!equalInConstantTime(fresh.secretHash, base.secretHash)) this.#adoptSuccessor(state, fresh);
    this.#rebase(state, fresh);
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

  #rebase(state: RequestState, fresh: SessionRecord): void {
    const overtaken = Session.access.rebase(state.session, fresh);
    if (overtaken.length === 0) return;
    const conflicts = overtaken.filter((field) => !isReserved(field));
    for (const field of conflicts) this.#events.emit("conflict", { id: fresh.id, field });
    if (conflicts.length === 0 || this.#rules.onConflict === "last-wins") return;
    // A refused value stays refused: a handler that catches the error reads the field again.
    for (const field of conflicts) Session.access.draft(state.session).forget(field);
    throw new SessionError(
      "ERR_SESSION_CONFLICT",
      `Another request changed the session field "${conflicts.join('", "')}" first.`,
    );
  }

  /** The record cannot be written any more. Tells whether nothing is left to do. */
  #gone(state: RequestState, base: SessionRecord, reason: "gone" | "stale", staged: Staged): boolean {
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
}

const NO_TIMES = { accessedAt: 0, expiresAt: 0 };

function reasonToReplace(state: RequestState): "logout" | "replaced" {
  return Session.access.renewal(state.session)?.login === undefined ? "logout" : "replaced";
}
