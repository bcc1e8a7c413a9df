import type { SessionId, SessionRecord } from "../../core/record.ts";
import type {
  AnyStore,
  Call,
  DeleteCondition,
  DeleteOutcome,
  SessionChange,
  UpdateOutcome,
} from "../../core/store.ts";
import { Mover, neverStill } from "./mover.ts";
import { isUnderWay } from "./note.ts";
import { createdBeside, type Records, unlessCorrupt } from "./records.ts";

/** A writer looks again while the record that it means is on its way. Each look takes a step of the way, or finds one taken. */
const MAX_ATTEMPTS = 64;

/** Records while they move: the new store is asked first, and has every write. */
export class MovingRecords implements Records {
  readonly #from: AnyStore;
  readonly #to: AnyStore;
  readonly #mover: Mover;

  constructor(from: AnyStore, to: AnyStore) {
    this.#from = from;
    this.#to = to;
    this.#mover = new Mover(from, to);
  }

  create(record: SessionRecord, call: Call): Promise<boolean> {
    return createdBeside(this.#from, this.#to, record, call);
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const found = await this.#arrivedAt(id, call);
    if (found !== null) return found;
    const old = await this.#from.read(id, call);
    if (old !== null && !isUnderWay(old)) return old;
    if (old !== null) await this.#mover.settle(id, call);
    // It may have moved between the two looks.
    return await this.#arrivedAt(id, call);
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    // What has left the old store bears its labels until it is deleted there. They must be the record's own: it is ended by them.
    if (change.renew?.labels !== undefined) await this.#settled(id, call);
    let isElsewhere = true;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const outcome = await this.#to.update(id, change, call);
      if (outcome.kind === "done" || outcome.kind === "conflict") return outcome;
      if (outcome.kind === "gone") {
        if (!isElsewhere) return outcome;
        isElsewhere = await this.#settled(id, call);
      } else if (await this.#isStale(id, change, call)) return outcome;
    }
    throw neverStill();
  }

  /** It moves first, so that there is one record to end and one answer. */
  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    const isCorrupt = (await unlessCorrupt(this.#mover.settle(id, call), "corrupt" as const)) === "corrupt";
    if (isCorrupt) return await this.#from.delete(id, when, call);
    await this.#letArrive(id, call);
    const outcome = await this.#to.delete(id, when, call);
    if (outcome !== "done") return outcome;
    // One that was created in the old store this moment may have been ended half-way: what has left must not come again.
    const left = await unlessCorrupt(this.#from.read(id, call), null);
    return left !== null && isUnderWay(left) ? await this.delete(id, when, call) : outcome;
  }

  async #settled(id: SessionId, call: Call): Promise<boolean> {
    return await unlessCorrupt(this.#mover.settle(id, call), false);
  }

  /** Tells whether a record has left the epoch of a change behind. One on its way seems to: it is helped to arrive, and to be asked again. */
  async #isStale(id: SessionId, { epoch, now }: SessionChange, call: Call): Promise<boolean> {
    if (await this.#letArrive(id, call)) return false;
    const found = await unlessCorrupt(this.#to.read(id, call), null);
    return found !== null && !isUnderWay(found) && found.epoch !== epoch && found.expiresAt > now;
  }

  /** Reads in the new store what has arrived there. */
  async #arrivedAt(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const found = await this.#to.read(id, call);
    if (found === null || !isUnderWay(found)) return found;
    await this.#mover.help(found, call);
    const again = await this.#to.read(id, call);
    return again === null || isUnderWay(again) ? null : again;
  }

  /** Has a record arrive that has not quite. Tells whether there was one. */
  async #letArrive(id: SessionId, call: Call): Promise<boolean> {
    const found = await unlessCorrupt(this.#to.read(id, call), null);
    if (found === null || !isUnderWay(found)) return false;
    await this.#mover.help(found, call);
    return true;
  }
}
