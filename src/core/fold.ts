import { carriedOut } from "./answer.ts";
import type { Clock } from "./clock.ts";
import type { Delivery, Outcome } from "./delivery.ts";
import type { Draft, Staged } from "./draft.ts";
import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import type { Laying, LayingRules } from "./laying.ts";
import type { Moves } from "./moves.ts";
import { isFoldable, type UpdatePlan } from "./plan.ts";
import { backOff } from "./platform.ts";
import type { CommitQueue, Companion } from "./queue.ts";
import { isReserved, type SessionRecord } from "./record.ts";
import { tooManyAttempts } from "./refusals.ts";
import type { RequestState } from "./request-state.ts";
import { afterUpdate, sendingOf } from "./sending.ts";
import { Session } from "./session.ts";

export interface FoldRules extends LayingRules {
  readonly maxRecordBytes: number;
  readonly moves: Moves;
}

type Standing = Companion<RequestState>;

/** One commit in a folded write. */
interface Part {
  readonly standing: Standing;
  readonly draft: Draft;
  readonly plan: UpdatePlan;
  /** The record as the part before it would leave it, and as this one would. Neither need ever be stored. */
  readonly before: SessionRecord;
  readonly after: SessionRecord;
  /** Fields that were changed by a part before it after this request had read them. */
  readonly overtaken: readonly string[];
}

/**
 * Writes the commits of several requests of one session in one store call, as if each had written after the one before: each draft is
 * laid over the record that the one before would leave. The session's own record stays the stored one until the write is acknowledged, and
 * each commit comes to what it would have come to by itself. Whatever is refused for what is not stored yet leaves, and is done alone
 * afterwards, so that nothing is refused for a write that may never be.
 */
export class Fold {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #laying: Laying;
  readonly #delivery: Delivery;
  readonly #queue: CommitQueue<RequestState>;
  readonly #rules: FoldRules;

  constructor(
    gate: Gate,
    clock: Clock,
    laying: Laying,
    delivery: Delivery,
    queue: CommitQueue<RequestState>,
    rules: FoldRules,
  ) {
    this.#gate = gate;
    this.#clock = clock;
    this.#laying = laying;
    this.#delivery = delivery;
    this.#queue = queue;
    this.#rules = rules;
  }

  /** Does the commits, and says of each what it came to. Tries again, as each would by itself, when others were first. */
  async run(companions: readonly Standing[], until: number, attempts: number): Promise<void> {
    let standing = companions;
    for (let attempt = 0; attempt < attempts && this.#clock.now() < until; attempt += 1) {
      const base = this.#newest(standing);
      const parts = base === null ? [] : this.#parts(standing, base);
      if (base === null || parts.length === 0) return;
      const outcome = await this.#sent(parts, base);
      if (outcome === null) return;
      if (outcome.kind !== "conflict") return this.#settle(parts, base, outcome);
      standing = this.#again(parts, base, outcome.current);
      if (attempt > 1) standing = await this.#waited(standing, attempt, base);
    }
    for (const one of standing) one.fail(tooManyAttempts());
  }

  /** The newest record that any of them knows, of the epoch that the first of them may write in. */
  #newest(standing: readonly Standing[]): SessionRecord | null {
    const first = standing.map(baseOf).find((base) => base !== null) ?? null;
    if (first === null) {
      for (const one of standing) one.stepBack();
      return null;
    }
    const known = [this.#queue.latest(first.id), ...standing.map(baseOf)];
    return known.reduce<SessionRecord>(
      (newest, base) =>
        base !== null && base.epoch === newest.epoch && base.version > newest.version ? base : newest,
      first,
    );
  }

  #parts(standing: readonly Standing[], base: SessionRecord): Part[] {
    const parts: Part[] = [];
    let before = base;
    for (const one of standing) {
      const part = one.within(() => this.#part(one, base, before));
      if (part === null) continue;
      parts.push(part);
      before = part.after;
    }
    return parts;
  }

  #part(one: Standing, base: SessionRecord, before: SessionRecord): Part | null {
    const told = this.#startedFrom(one, base);
    return told === null ? null : this.#laid(one, base, before, told);
  }

  /** Starts from the stored record, as a commit by itself does, and with the same refusals. Returns the conflicts that it told of. */
  #startedFrom(one: Standing, base: SessionRecord): readonly string[] | null {
    // It ended meanwhile, or is of before or after a privilege change: its own call finds out what that means.
    if (baseOf(one)?.epoch !== base.epoch) {
      one.stepBack();
      return null;
    }
    try {
      return this.#laying.startFrom(one.member, base);
    } catch (error) {
      one.fail(error);
      return null;
    }
  }

  /** Lays a draft over what the part before it would leave. `null` for one that has to be done alone. */
  #laid(one: Standing, base: SessionRecord, before: SessionRecord, told: readonly string[]): Part | null {
    const { session } = one.member;
    const draft = Session.access.draft(session);
    try {
      const overtaken = draft.rebase(Session.access.shownFields(session, before)).filter(isOfHandler);
      const plan = this.#laying.planAsItLies(one.member);
      if (isFoldable(plan) && (overtaken.length === 0 || this.#rules.onConflict === "last-wins")) {
        draft.checkSize(plan.staged, this.#rules.maxRecordBytes);
        const { accessedAt, expiresAt } = plan;
        const { set, remove } = plan.staged;
        const after = afterUpdate(before, { set, remove, accessedAt, expiresAt }, before.version);
        const untold = overtaken.filter((field) => !told.includes(field));
        return { standing: one, draft, plan, before, after, overtaken: untold };
      }
    } catch {
      // Alone, it meets the same refusal again, of what is stored by then.
    }
    if (this.#undone(one, draft, base)) one.stepBack();
    return null;
  }

  /** Lays a draft over the stored record again, as if it had not been laid over anything else. */
  #undone(one: Standing, draft: Draft, base: SessionRecord): boolean {
    return !this.#told(one, () => {
      draft.rebase(Session.access.shownFields(one.member.session, base));
      return false;
    });
  }

  async #sent(parts: readonly Part[], base: SessionRecord): Promise<Outcome | null> {
    const plan = { ...folded(parts), conditional: true, renewal: null, rotates: false };
    const sending = sendingOf(base, null, plan, this.#rules, this.#clock.now());
    try {
      return await carriedOut(this.#delivery.update(sending));
    } catch (error) {
      for (const part of parts) part.standing.within(() => this.#fail(part, base, error));
      return null;
    }
  }

  #fail({ standing, draft, plan }: Part, base: SessionRecord, error: unknown): void {
    standing.fail(ownOf(error));
    // What the others would have written must not be seen: it may not be stored.
    this.#undone(standing, draft, base);
    if (SessionError.is(error) && error.code === "ERR_SESSION_UNKNOWN")
      this.#laying.giveUp(standing.member, draft, plan.staged);
  }

  #settle(
    parts: readonly Part[],
    base: SessionRecord,
    outcome: Exclude<Outcome, { kind: "conflict" }>,
  ): void {
    if (outcome.kind === "done") this.#queue.note(outcome.record);
    for (const part of parts) {
      const { standing, plan, after } = part;
      this.#told(standing, () => {
        if (outcome.kind !== "done")
          return this.#laying.gone(standing.member, base, outcome.kind, plan.staged);
        // What those after it wrote is not known to it: its record is of the version before, and makes its next condition fail.
        this.#stored(part, part === parts.at(-1) ? outcome.record : after);
        return true;
      });
    }
  }

  #stored({ standing, draft, plan, before, overtaken }: Part, record: SessionRecord): void {
    const { session } = standing.member;
    this.#rules.moves.stored(before, plan.staged);
    this.#laying.tellOf(overtaken, record);
    // The handler ended the session meanwhile: what was written of it ends with it.
    if (Session.access.isOver(session, draft)) return;
    draft.settle(Session.access.shownFields(session, record), plan.staged);
    Session.access.settle(session, record, null);
  }

  /** All start again from what another wrote. Returns those that still have something to write. */
  #again(parts: readonly Part[], base: SessionRecord, fresh: SessionRecord): Standing[] {
    const left: Standing[] = [];
    for (const { standing, draft, plan } of parts) {
      if (!this.#undone(standing, draft, base)) continue;
      // Its own write has no condition that others could make fail, and need not wait for those whose has.
      if (!plan.conditional && !standing.member.careful) standing.goAhead();
      else if (!this.#told(standing, () => this.#laying.reconciled(standing.member, fresh, plan.staged)))
        left.push(standing);
    }
    return left;
  }

  /** Gives way to others, and starts from what is stored then. */
  async #waited(standing: readonly Standing[], attempt: number, { id }: SessionRecord): Promise<Standing[]> {
    await backOff(attempt);
    let fresh: SessionRecord | null;
    try {
      fresh = await this.#gate.read(id);
    } catch (error) {
      for (const one of standing) one.fail(ownOf(error));
      return [];
    }
    return standing.filter((one) => !this.#told(one, () => this.#laying.reconciled(one.member, fresh, null)));
  }

  /** Tells one what it came to, if it came to something. */
  #told(one: Standing, isOver: () => boolean): boolean {
    try {
      if (!one.within(isOver)) return false;
      one.done();
    } catch (error) {
      one.fail(error);
    }
    return true;
  }
}

function baseOf({ member }: Standing): SessionRecord | null {
  return Session.access.base(member.session);
}

function isOfHandler(field: string): boolean {
  return !isReserved(field);
}

/** What all parts write, one after the other. */
function folded(parts: readonly Part[]): {
  readonly staged: Staged;
  readonly accessedAt: number;
  readonly expiresAt: number;
} {
  const set = new Map<string, string>();
  const remove = new Set<string>();
  let accessedAt = 0;
  let expiresAt = 0;
  for (const { plan } of parts) {
    for (const name of plan.staged.remove) {
      set.delete(name);
      remove.add(name);
    }
    for (const [name, text] of Object.entries(plan.staged.set)) {
      remove.delete(name);
      set.set(name, text);
    }
    accessedAt = Math.max(accessedAt, plan.accessedAt);
    expiresAt = Math.max(expiresAt, plan.expiresAt);
  }
  const staged = { set: Object.fromEntries(set), remove: [...remove], ...HOW };
  return { staged, accessedAt, expiresAt };
}

/** The parts know for themselves how much each matters. */
const HOW = { dependent: true, insistent: false, minor: false };

/** An error of each one's own: what catches errors may note something on them. */
function ownOf(error: unknown): unknown {
  if (!SessionError.is(error)) return error;
  return new SessionError(error.code, error.message, { cause: error.cause });
}
