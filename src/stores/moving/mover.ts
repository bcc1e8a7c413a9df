import { SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { AnyStore, Call, RecordStore } from "../../core/store.ts";
import { arrived, isUnderWay, lastingTimes, LEFT_EPOCH, leavingNote, MOVING } from "./note.ts";

/** How often a record is tried that others change at the same time. Each change by another is a step of a move, or a write. */
const MAX_ATTEMPTS = 64;

/**
 * Carries single records from one store to the other, whoever else reads, writes, ends or carries them at the same time, and wherever
 * a process that does so dies. In five steps, each one call:
 *
 * 1. The record *leaves*: under the condition that nobody changed it, it gets an epoch that no writer has and no secret. From here on
 *    nobody writes to it. It keeps what it was, its labels among it.
 * 2. It is created in the new store, as one that has *not quite arrived*: no secret opens it, and its epoch is random.
 * 3. The one that left is looked for. Where it is gone, another was quicker, and the record may have ended since: what was created is deleted.
 * 4. It *arrives*: it gets its secret, its epoch and its version back, if it is still the one of step 2.
 * 5. What left is deleted.
 *
 * Whoever finds a record between the steps takes the next one. An end waits for the last step and then deletes in the new store: whoever is
 * late with step 2 finds at step 3 that nothing left.
 */
export class Mover {
  readonly #from: AnyStore;
  readonly #to: RecordStore;

  constructor(from: AnyStore, to: RecordStore) {
    this.#from = from;
    this.#to = to;
  }

  /**
   * Sees to it that a record is in the new store, if it is in the old one.
   *
   * @returns whether it was in the old one when this began.
   * @throws what the stores throw; `ERR_SESSION_CORRUPT` for a record of the old store that cannot be read.
   */
  async settle(id: SessionId, call: Call): Promise<boolean> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = await this.#from.read(id, call);
      if (found === null) return attempt > 0;
      const left = isUnderWay(found) ? found : await this.#sentOff(found, call);
      if (left !== null && (await this.#brought(left, call))) return true;
    }
    throw neverStill();
  }

  /** Goes on with a record that was found not quite arrived in the new store. Tells nothing: read it again. */
  async help(waiting: SessionRecord, call: Call): Promise<void> {
    const left = await this.#from.read(waiting.id, call);
    if (left !== null && isUnderWay(left)) return void (await this.#brought(left, call));
    await this.#drop(waiting, call);
  }

  /** Step 1. `null` when another was first. */
  async #sentOff(record: SessionRecord, call: Call): Promise<SessionRecord | null> {
    const { id, epoch, version, accessedAt } = record;
    const note = leavingNote(record);
    const { expiresAt, endsAt } = lastingTimes(record);
    const outcome = await this.#from.update(
      id,
      {
        // An expired one moves as well: only who knows the time may judge it.
        now: 0,
        epoch,
        ifVersion: version,
        set: { [MOVING]: note },
        renew: { secretHash: "", nextEpoch: LEFT_EPOCH, endsAt },
        accessedAt,
        expiresAt,
      },
      call,
    );
    if (outcome.kind !== "done") return null;
    const fields = { ...record.fields, [MOVING]: note };
    const left = { expiresAt, endsAt, fields, version: outcome.version };
    return { ...record, ...left, epoch: LEFT_EPOCH, secretHash: "" };
  }

  /** Steps 2 to 5. Tells whether the record has arrived; otherwise it is to be looked at again. */
  async #brought(left: SessionRecord, call: Call): Promise<boolean> {
    const whole = arrived(left);
    if (whole === null)
      throw new SessionError("ERR_SESSION_CORRUPT", "The record left with a note that is none.");
    // Arriving counts one up, to what it was.
    const waiting = { ...left, epoch: randomEpoch(), version: whole.version - 1 };
    const created = await this.#to.create(waiting, call);
    const there = created ? waiting : await this.#to.read(left.id, call);
    if (there === null) return false;
    if (isUnderWay(there) && !(await this.#letIn(there, call))) return false;
    await this.#from.delete(left.id, { ifVersion: left.version }, call);
    return true;
  }

  /** Steps 3 and 4. */
  async #letIn(waiting: SessionRecord, call: Call): Promise<boolean> {
    const { id } = waiting;
    const left = await this.#from.read(id, call);
    const whole = arrived(waiting);
    if (left === null || !isUnderWay(left) || whole === null) {
      await this.#drop(waiting, call);
      return false;
    }
    const { secretHash, epoch: nextEpoch, accessedAt, expiresAt, endsAt } = whole;
    const renew = { secretHash, nextEpoch, endsAt };
    const change = { now: 0, epoch: waiting.epoch, remove: [MOVING], renew, accessedAt, expiresAt };
    return (await this.#to.update(id, change, call)).kind === "done";
  }

  /** It was ended on its way, or another was quicker: one that has arrived has another version. */
  async #drop(waiting: SessionRecord, call: Call): Promise<void> {
    await this.#to.delete(waiting.id, { ifVersion: waiting.version }, call);
  }
}

/** No two that wait under one id have the same, so that nobody lets in another than he saw. */
function randomEpoch(): number {
  return Math.floor(Math.random() * (LEFT_EPOCH - 1));
}

export function neverStill(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The session could not be moved to the new store: others changed it every time. Try again.",
  );
}
