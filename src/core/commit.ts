import { Admission } from "./admission.ts";
import { type Answer, carriedOut, orNothing, type Steps, waited } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { Delivery, type DeliveryRules, type Outcome } from "./delivery.ts";
import type { Staged } from "./draft.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import { checkSize } from "./fields.ts";
import { Fold, type FoldRules } from "./fold.ts";
import type { Gate } from "./gate.ts";
import { Laying } from "./laying.ts";
import {
  asOfOld,
  type CreatePlan,
  isChanged,
  isFoldable,
  type LoginNote,
  type Plan,
  type Renewal,
  type UpdatePlan,
} from "./plan.ts";
import { backOff, canWorkForOthers } from "./platform.ts";
import { CommitQueue } from "./queue.ts";
import type { SessionRecord } from "./record.ts";
import { asAuthentication, AUTH, reservedValue, userOf } from "./reserved.ts";
import { addressOf, occupying, type RequestState } from "./request-state.ts";
import { successorOf } from "./rotation.ts";
import { begunByAnother, everyIdTaken, tooLateForCookie, tooManyAttempts } from "./refusals.ts";
import { afterUpdate, newRecord, type Sending, sendingOf } from "./sending.ts";
import { Session } from "./session.ts";
import type { SessionChange } from "./store.ts";
import { Token } from "./token.ts";

/** What decides in a commit besides the plan. */
export interface CommitRules extends DeliveryRules, FoldRules {
  /** What logins have to pass. */
  readonly admission: Admission;
}

/**
 * How often a commit tries again when others are first every time. Where a writer in another process never pauses and a change takes
 * long, as in a directory, one attempt in five may succeed or fewer, and forty were seen not to be enough. Twice the deadline bounds them all.
 */
const MAX_ATTEMPTS = 120;
const MAX_CREATE_ATTEMPTS = 4;
/** What the attempts of a commit take at most, in deadlines: two of trying again, six of the last sendings and looks, and a read. */
const LONGEST = 9;

/** Carries out what a request staged: plan, one store call, and whatever the answer asks for. */
export class Committer {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #queue: CommitQueue<RequestState>;
  readonly #rules: CommitRules;
  readonly #delivery: Delivery;
  readonly #laying: Laying;

  constructor(gate: Gate, clock: Clock, events: Events, rules: CommitRules) {
    this.#gate = gate;
    this.#clock = clock;
    this.#events = events;
    this.#rules = rules;
    this.#delivery = new Delivery(gate, clock, rules);
    this.#laying = new Laying(clock, events, rules);
    const { deadlineMs } = rules;
    this.#queue = new CommitQueue(clock, {
      patienceMs: deadlineMs,
      togetherMs: LONGEST * deadlineMs,
      together: (companions) => fold.run(companions, this.#patienceEnds(), MAX_ATTEMPTS),
      lost: (state) => this.#laying.lost(state),
    });
    const fold = new Fold(gate, clock, this.#laying, this.#delivery, this.#queue, rules);
  }

  /** Decides what the request's commit would do now. Throws what the staged values deserve. */
  plan(state: RequestState): Plan {
    return this.#laying.plan(state);
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
    if (base === null) return carriedOut(this.#attempts(state, plan));
    const isBusy = this.#queue.isBusy(base.id);
    const folds = isBusy && canWorkForOthers && isFoldable(plan);
    // What depends on nothing has nothing to wait for, but a write that it can go along with.
    const isOrdered = plan.kind === "empty" || (plan.kind === "update" && plan.conditional);
    if (!isOrdered && !folds) return carriedOut(this.#attempts(state, plan));
    const alone = isBusy
      ? (): Answer<void> => carriedOut(this.#attempts(state, this.#planLater(state)))
      : // Nobody to wait for, and so nothing ran since the plan was made.
        (): Answer<void> => carriedOut(this.#attempts(state, plan));
    return this.#queue.run(base.id, alone, folds ? state : null);
  }

  /** Starts from what the one before in line wrote, which saves a refusal and a read. */
  #planLater(state: RequestState): Plan {
    this.#catchUp(state);
    return this.plan(state);
  }

  #catchUp(state: RequestState): void {
    const base = Session.access.base(state.session);
    const latest = base === null ? null : this.#queue.latest(base.id);
    if (base === null || latest === null) return;
    if (latest.version > base.version && latest.epoch === base.epoch) this.#laying.startFrom(state, latest);
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
      this.#catchUp(state);
      claimed = await this.#claimed(state, name);
    });
    return claimed;
  }

  /** Where a store keeps records, a request may have begun with one that lacks what another process has stored since. */
  async #asStored(state: RequestState, base: SessionRecord): Promise<SessionRecord | null> {
    const fresh = await this.#gate.read(base.id);
    if (fresh !== null && fresh.epoch === base.epoch && fresh.version > base.version)
      this.#laying.rebase(state, fresh);
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
        this.#laying.rebase(state, outcome.record);
        this.#queue.note(outcome.record);
        return value;
      }
      const waits = givesWay(attempt);
      if (waits) await backOff(attempt);
      const fresh = waits ? await this.#gate.read(base.id) : outcome.current;
      if (fresh === null || fresh.epoch !== base.epoch) return undefined;
      this.#laying.rebase(state, fresh);
    }
    throw tooManyAttempts();
  }

  *#attempts(state: RequestState, first: Plan): Steps<void> {
    let plan = first;
    const until = this.#patienceEnds();
    for (let attempt = 0; attempt < MAX_ATTEMPTS && this.#clock.now() < until; attempt += 1) {
      if (plan.kind === "nothing" || plan.kind === "touch" || (yield* this.#step(state, plan))) return;
      if (givesWay(attempt) && (yield* this.#waited(state, attempt))) return;
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
    return base !== null && this.#laying.reconciled(state, yield* waited(this.#gate.read(base.id)), null);
  }

  /** One step of a commit. It tells whether nothing is left to do. */
  #step(state: RequestState, plan: Exclude<Plan, { kind: "nothing" | "touch" }>): Steps<boolean> {
    switch (plan.kind) {
      case "create":
        return this.#create(state, plan);
      case "end":
        return this.#endFirst(state, plan);
      case "empty":
        return this.#empty(state, plan.record);
      case "update":
        return this.#update(state, plan);
    }
  }

  *#endFirst(state: RequestState, { record, create }: Extract<Plan, { kind: "end" }>): Steps<boolean> {
    yield* this.#end(state, record, create === null ? "logout" : reasonToReplace(state));
    return create === null;
  }

  *#create(state: RequestState, plan: CreatePlan): Steps<true> {
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
      const { heirTo } = state;
      const token = heirTo?.withNewSecret() ?? Token.mint();
      const record = newRecord({ token, heirTo }, this.#rules.atRest.pepper, staged, plan, this.#clock.now());
      if (!(yield* this.#delivery.create(record))) {
        if (heirTo === null) continue;
        throw begunByAnother();
      }
      state.heirTo = null;
      const user = renewal?.login?.user ?? null;
      this.#events.emit("created", { id: record.id, user, address: addressOf(state) });
      yield* this.#afterLogin(state, record, heirTo === null ? renewal : asOfOld(renewal));
      state.cookie = token;
      // The handler ended the session meanwhile.
      if (access.isOver(session, draft)) {
        access.endToo(session, record);
        return true;
      }
      draft.settle(record.fields, staged);
      access.settle(session, record, renewal);
      state.token = token;
      state.predecessor = false;
      state.rotationDue = false;
      return true;
    }
    throw everyIdTaken();
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
      return this.#laying.reconciled(state, yield* waited(this.#gate.read(record.id)), null);
    // What this request took may have been the very last of it for another that was first.
    if (outcome === "gone") return this.#laying.gone(state, record, "gone", staged);
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
    const isCareful = state.careful && !plan.conditional;
    const sending = this.#sending(state, base, isCareful ? { ...plan, conditional: true } : plan);
    if (isChanged(plan.staged)) draft.checkSize(plan.staged, this.#rules.maxRecordBytes);

    let outcome: Outcome;
    try {
      outcome = yield* this.#delivery.update(sending);
    } catch (error) {
      // A rotation that did not happen, or that nobody was told of, leaves the old secret opening.
      if (plan.rotates && plan.minor) return true;
      if (SessionError.is(error) && error.code === "ERR_SESSION_UNKNOWN")
        this.#laying.giveUp(state, draft, plan.staged);
      throw error;
    }
    if (outcome.kind === "conflict") {
      state.careful ||= !plan.conditional;
      return this.#laying.reconciled(state, outcome.current, plan.staged);
    }
    if (outcome.kind !== "done") return this.#laying.gone(state, base, outcome.kind, plan.staged);

    if (sending.commitId !== null) this.#queue.note(outcome.record);
    this.#rules.moves.stored(base, plan.staged);
    if (sending.next !== null) yield* this.#renewed(state, outcome.record, sending.next, plan);
    // The handler ended the session meanwhile: what was written of it ends with it.
    if (Session.access.isOver(session, draft)) return true;
    draft.settle(Session.access.shownFields(session, outcome.record), plan.staged);
    Session.access.settle(session, outcome.record, plan.renewal);
    return true;
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
    const { id } = record;
    const address = addressOf(state);
    if (renewal.verb === "login") this.#events.emit("login", { id, user, address, methods });
    if (renewal.verb === "reauthenticate")
      this.#events.emit("reauthenticated", { id, user, address, methods });
    if (renewal.verb === "unlock") this.#events.emit("unlocked", { id, user, address });
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
    return sendingOf(base, state.token, plan, this.#rules, this.#clock.now());
  }
}

/**
 * Whether to wait after an attempt that lost. Every other time what it lost to is told to be the latest, and to go on from there at once
 * is best: where a writer never pauses, and a store shows what is committed alone, what is read after a wait is about to be overtaken nearly always.
 */
function givesWay(attempt: number): boolean {
  return attempt > 1 && attempt % 2 === 0;
}

const NO_TIMES = { accessedAt: 0, expiresAt: 0 };

function reasonToReplace(state: RequestState): "logout" | "replaced" {
  return Session.access.renewal(state.session)?.login === undefined ? "logout" : "replaced";
}
