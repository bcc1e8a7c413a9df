import { SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { AnyStore, Call, SessionStore } from "../../core/store.ts";
import {
  arrived,
  CLAIM_NOTE,
  hasLeft,
  isClaim,
  isUnderWay,
  keptOf,
  LEFT_EPOCH,
  leavingNote,
  MOVING,
} from "./note.ts";

/** How often a record is tried that others change at the same time. Each change by another is a step of a move, or a write. */
const MAX_ATTEMPTS = 64;

/**
 * Carries single records from one store to the other, whoever else reads, writes, ends or carries them at the same time, and wherever
 * a process that does so dies. In five steps, each one call:
 *
 * 1. The record *leaves*: under the condition that nobody changed it, it gets an epoch that no writer has and no secret. From here on
 *    nobody writes to it. It keeps what it was.
 * 2. It is created in the new store, as one that has *not quite arrived*: no secret opens it, and its epoch is random.
 * 3. The one that left is looked for. A logout takes that away first: where it is gone, what was created is deleted.
 * 4. It *arrives*: it gets its secret, its epoch and its version back.
 * 5. What left is deleted.
 *
 * Whoever finds a record between the steps takes the next one. A logout deletes in the old store first and in the new one second: if it
 * comes before step 3, that step finds nothing; if later, it finds in the new store what step 2 created.
 */
export class Mover {
  readonly #from: AnyStore;
  readonly #to: SessionStore;

  constructor(from: AnyStore, to: SessionStore) {
    this.#from = from;
    this.#to = to;
  }

  /**
   * Sees to it that a record is in the new store, if it is in the old one.
   *
   * @returns what was in the old store: `"moved"` when it is in the new one by now, `"claimed"` for the claim of a name, or `"nothing"`.
   * @throws what the stores throw; `ERR_SESSION_CORRUPT` for a record of the old store that cannot be read.
   */
  async settle(id: SessionId, call: Call): Promise<"moved" | "claimed" | "nothing"> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = await this.#from.read(id, call);
      if (found === null) return "nothing";
      if (isClaim(found)) return "claimed";
      const left = isUnderWay(found) ? found : await this.#sentOff(found, call);
      if (left !== null && (await this.#brought(left, call))) return "moved";
    }
    throw new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The session could not be moved to the new store: others changed it every time. Try again.",
    );
  }

  /**
   * Goes on with a record that was found not quite arrived in the new store. Tells nothing: read it again.
   */
  async help(waiting: SessionRecord, call: Call): Promise<void> {
    const left = await this.#from.read(waiting.id, call);
    if (hasLeft(left)) return void (await this.#brought(left, call));
    // It was ended, or another was quicker. One that has arrived has another version.
    await this.#to.delete(waiting.id, { ifVersion: waiting.version }, call);
  }

  /** Step 1. `null` when another was first. */
  async #sentOff(record: SessionRecord, call: Call): Promise<SessionRecord | null> {
    const note = leavingNote(record);
    const { id, epoch, version, accessedAt, expiresAt } = record;
    const outcome = await this.#from.update(
      id,
      {
        // An expired one moves as well: only who knows the time may judge it.
        now: 0,
        epoch,
        ifVersion: version,
        set: { [MOVING]: note },
        renew: { secretHash: "", nextEpoch: LEFT_EPOCH },
        accessedAt,
        expiresAt,
      },
      call,
    );
    if (outcome.kind !== "done") return null;
    const fields = { ...record.fields, [MOVING]: note };
    return { ...record, epoch: LEFT_EPOCH, version: outcome.version, secretHash: "", fields };
  }

  /** Steps 2 to 5. Tells whether the record has arrived, or has ended; otherwise it is to be looked at again. */
  async #brought(left: SessionRecord, call: Call): Promise<boolean> {
    const { version } = arrived(left);
    const waiting: SessionRecord = {
      ...left,
      epoch: Math.floor(Math.random() * (LEFT_EPOCH - 1)),
      // Arriving counts one up, to what it was.
      version: Math.max(version - 1, 0),
    };
    const created = await this.#to.create(waiting, call);
    const there = created ? waiting : await this.#to.read(left.id, call);
    if (there === null) return false;
    if (isUnderWay(there) && !(await this.#letIn(there, call))) return false;
    await this.#retire(left, call);
    return true;
  }

  /** Steps 3 and 4. */
  async #letIn(waiting: SessionRecord, call: Call): Promise<boolean> {
    const { id } = waiting;
    const kept = keptOf(waiting);
    if (kept === null || !hasLeft(await this.#from.read(id, call))) {
      await this.#to.delete(id, { ifVersion: waiting.version }, call);
      return false;
    }
    const renew = { secretHash: kept.secretHash, nextEpoch: kept.epoch };
    const change = { now: 0, epoch: waiting.epoch, remove: [MOVING], renew };
    return (await this.#to.update(id, change, call)).kind === "done";
  }

  /** Step 5. A mark has a name that is used again: its place stays taken, lest a process that creates in the old store makes a second one. */
  async #retire(left: SessionRecord, call: Call): Promise<void> {
    const { id, epoch, version } = left;
    if (arrived(left).secretHash !== "")
      return void (await this.#from.delete(id, { ifVersion: version }, call));
    const remove = Object.keys(left.fields).filter((name) => name !== MOVING);
    await this.#from.update(
      id,
      { now: 0, epoch, ifVersion: version, set: { [MOVING]: CLAIM_NOTE }, remove },
      call,
    );
  }
}
