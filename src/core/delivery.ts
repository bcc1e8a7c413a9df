import { type Steps, waited } from "./answer.ts";
import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Gate } from "./gate.ts";
import { backOff, equalInConstantTime } from "./platform.ts";
import type { SessionRecord } from "./record.ts";
import { unknownOutcome } from "./refusals.ts";
import {
  afterUpdate,
  commitsOf,
  isApplied,
  REMEMBERED_COMMITS,
  renewsEpoch,
  type Sending,
} from "./sending.ts";
import type { DeleteOutcome, UpdateOutcome } from "./store.ts";

const MAX_DELETE_ATTEMPTS = 4;
const MAX_SENDINGS = 3;

/** What an update came to: the record as it now is, or why it is not. */
export type Outcome =
  | { readonly kind: "done"; readonly record: SessionRecord }
  | { readonly kind: "conflict"; readonly current: SessionRecord }
  | { readonly kind: "gone" }
  | { readonly kind: "stale" };

export interface DeliveryRules {
  readonly deadlineMs: number;
  /** Whether the store's client may send a write twice by itself. */
  readonly resends: boolean;
}

/**
 * Brings writes to the store so that each happens once, or is known not to be known: an answer can be lost after the write
 * was applied, and some clients send twice by themselves.
 */
export class Delivery {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #rules: DeliveryRules;

  constructor(gate: Gate, clock: Clock, rules: DeliveryRules) {
    this.#gate = gate;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** Creates a record once, also when the answer is lost. `false` when its id belongs to another. */
  *create(record: SessionRecord): Steps<boolean> {
    let lost: unknown = null;
    for (let attempt = 0; attempt < MAX_SENDINGS; attempt += 1) {
      try {
        if (yield* waited(this.#gate.create(record))) return true;
        // Taken: by another, or by this very record when an earlier sending of it arrived.
        return isSame(yield* waited(this.#gate.read(record.id)), record.secretHash);
      } catch (error) {
        lost = error;
      }
      const found = yield* this.#readAfter(lost, record.id);
      if (isSame(found, record.secretHash)) return true;
      if (found !== null) return false;
    }
    throw unknownOutcome(lost);
  }

  /**
   * Deletes a record for good, or fails: a logout must not be acknowledged before it is one.
   *
   * @returns `gone` when somebody else deleted it.
   */
  *delete(record: SessionRecord): Steps<"done" | "gone"> {
    let failure: unknown = null;
    const until = this.#clock.now() + this.#rules.deadlineMs;
    for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt += 1) {
      try {
        const outcome = yield* waited(this.#gate.delete(record.id, {}));
        if (outcome === "conflict") throw notDeleted();
        // Once a sending was lost, what is gone may be gone by it.
        return outcome === "gone" && failure === null ? "gone" : "done";
      } catch (error) {
        failure = error;
        if (this.#clock.now() >= until) break;
        yield* waited(backOff(attempt + 2));
      }
    }
    throw failure;
  }

  /** Deletes a record under the condition that it is as it was read, and finds out what became of it when the answer is lost. */
  *deleteUnchanged(record: SessionRecord): Steps<DeleteOutcome> {
    const { id, version } = record;
    let failure: unknown = null;
    for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt += 1) {
      try {
        return yield* waited(this.#gate.delete(id, { ifVersion: version }));
      } catch (error) {
        failure = error;
      }
      const found = yield* this.#readAfter(failure, id);
      if (found === null) return "done";
      if (found.version !== version) return "conflict";
    }
    throw failure;
  }

  /** Sends an update once, and finds out what became of it when the answer is lost. */
  *update(sending: Sending): Steps<Outcome> {
    const { base, change } = sending;
    let lost: unknown = null;
    for (let attempt = 0; attempt < MAX_SENDINGS; attempt += 1) {
      try {
        const outcome = yield* waited(this.#gate.update(base.id, change));
        return yield* this.#judged(sending, outcome, lost);
      } catch (error) {
        if (SessionError.is(error) && error.code === "ERR_SESSION_UNKNOWN") throw error;
        lost = error;
      }
      const found = yield* this.#readAfter(lost, base.id);
      const known = this.#recognised(sending, found, lost);
      if (known !== null) return known;
    }
    throw unknownOutcome(lost);
  }

  *#judged(sending: Sending, outcome: UpdateOutcome, lost: unknown): Steps<Outcome> {
    const { base, change } = sending;
    if (outcome.kind === "done") return { kind: "done", record: afterUpdate(base, change, outcome.version) };
    if (outcome.kind === "gone") return outcome;
    // A conflict or a newer epoch may be this very update's doing: a client may have sent it twice.
    const given = outcome.kind === "conflict" ? outcome.current : undefined;
    const found = given ?? (yield* this.#readAfter(lost, base.id));
    const known = this.#recognised(sending, found, lost);
    if (known !== null) return known;
    return { kind: "conflict", current: found ?? base };
  }

  /**
   * Tells from the record what became of an update: `done` when it bears its mark; `conflict` when another's write
   * stands there and this one's cannot have happened; `null` when nothing was written and it may be sent again.
   *
   * @throws `ERR_SESSION_UNKNOWN` when it cannot be told.
   */
  #recognised(sending: Sending, found: SessionRecord | null, lost: unknown): Outcome | null {
    const { base, change, commitId, next } = sending;
    if (found === null || found.expiresAt <= change.now) return { kind: "gone" };
    if (next !== null && change.renew !== undefined && isSame(found, change.renew.secretHash))
      return { kind: "done", record: found };
    if (commitId !== null && commitsOf(found).includes(commitId)) return { kind: "done", record: found };
    if (found.epoch !== base.epoch) return { kind: "stale" };
    // Its epoch lets a privilege change happen once at most, so that the very same one may be sent again.
    if (renewsEpoch(change)) return null;
    if (commitId === null && isApplied(change, found)) return { kind: "done", record: found };
    if (found.version === base.version)
      return commitId === null ? { kind: "conflict", current: found } : null;
    // Every conditional commit is remembered for seven more: not found so soon after, it did not happen, and its
    // condition keeps it from happening later.
    const once = lost === null && !this.#rules.resends;
    const surely = once || commitId === null || found.version - base.version <= REMEMBERED_COMMITS;
    if (surely) return { kind: "conflict", current: found };
    throw unknownOutcome(lost);
  }

  *#readAfter(lost: unknown, id: SessionRecord["id"]): Steps<SessionRecord | null> {
    try {
      return yield* waited(this.#gate.read(id));
    } catch (error) {
      throw unknownOutcome(lost ?? error);
    }
  }
}

function notDeleted(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The session store says that it did not delete the session, without a reason that its contract knows.",
  );
}

/** Tells whether a stored record has the very secret that was sent. */
function isSame(found: SessionRecord | null, secretHash: string): boolean {
  return found !== null && equalInConstantTime(found.secretHash, secretHash);
}
