import type { SessionId, SessionRecord } from "../../core/record.ts";
import type {
  AnyStore,
  Call,
  DeleteCondition,
  DeleteOutcome,
  SessionChange,
  UpdateOutcome,
} from "../../core/store.ts";
import { Mover } from "./mover.ts";
import { CLAIM_NOTE, hasLeft, isUnderWay, LEFT_EPOCH, MOVING } from "./note.ts";
import { type Records, unlessCorrupt } from "./records.ts";

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

  /** An id that a session drew by lot is nobody else's; the name of a mark may be wanted by another process in the other store. */
  async create(record: SessionRecord, call: Call): Promise<boolean> {
    const isMark = record.secretHash === "";
    if (isMark) {
      if (!(await this.#from.create(claimOf(record), call))) return false;
    } else if ((await unlessCorrupt(this.#from.read(record.id, call), "taken")) !== null) return false;
    return await this.#to.create(record, call);
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const found = await this.#arrivedAt(id, call);
    if (found !== null) return found;
    const old = await this.#from.read(id, call);
    if (old !== null && !isUnderWay(old)) return old;
    if (hasLeft(old)) await this.#mover.settle(id, call);
    // It may have moved between the two looks.
    return await this.#arrivedAt(id, call);
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    // What has left the old store bears its labels until it is deleted there. They must be the record's own: it is ended by them.
    if (change.renew?.labels !== undefined) await unlessCorrupt(this.#mover.settle(id, call), null);
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#to.update(id, change, call);
      const isElsewhere = outcome.kind === "gone" || outcome.kind === "stale";
      if (!isElsewhere || attempt > 0) return outcome;
      if (outcome.kind === "gone") await unlessCorrupt(this.#mover.settle(id, call), null);
      else if (!(await this.#letArrive(id, call))) return outcome;
    }
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    if (when.ifVersion === undefined && when.label === undefined) return await this.#deleteBoth(id, call);
    const settled = await unlessCorrupt(this.#mover.settle(id, call), "corrupt");
    if (settled === "corrupt") return await this.#from.delete(id, when, call);
    await this.#letArrive(id, call);
    const outcome = await this.#to.delete(id, when, call);
    // The name of a mark is free again, in the old store too.
    if (outcome === "done" && settled === "claimed") await this.#from.delete(id, {}, call);
    return outcome;
  }

  /** The old store first: see {@link Mover}. */
  async #deleteBoth(id: SessionId, call: Call): Promise<DeleteOutcome> {
    const old = await this.#from.delete(id, {}, call);
    const found = await this.#to.delete(id, {}, call);
    return old === "done" ? old : found;
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

function claimOf(record: SessionRecord): SessionRecord {
  return { ...record, epoch: LEFT_EPOCH, fields: { [MOVING]: CLAIM_NOTE } };
}
