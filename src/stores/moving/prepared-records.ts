import type { SessionId, SessionRecord } from "../../core/record.ts";
import type {
  AnyStore,
  Call,
  DeleteCondition,
  DeleteOutcome,
  SessionChange,
  UpdateOutcome,
} from "../../core/store.ts";
import { isUnderWay } from "./note.ts";
import { MovingRecords } from "./moving-records.ts";
import { createdBeside, type Records, unlessCorrupt } from "./records.ts";

/** Where others write all the time, the record is moved to be ended. */
const MAX_ATTEMPTS = 16;

/** Records before they move: the old store is asked first and has every write, but for what another process has moved. */
export class PreparedRecords implements Records {
  readonly #from: AnyStore;
  readonly #to: AnyStore;
  readonly #moved: MovingRecords;

  constructor(from: AnyStore, to: AnyStore) {
    this.#from = from;
    this.#to = to;
    this.#moved = new MovingRecords(from, to);
  }

  create(record: SessionRecord, call: Call): Promise<boolean> {
    return createdBeside(this.#to, this.#from, record, call);
  }

  async read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const found = await this.#from.read(id, call);
    return found !== null && !isUnderWay(found) ? found : await this.#moved.read(id, call);
  }

  async update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    const outcome = await this.#from.update(id, change, call);
    if (outcome.kind === "done" || outcome.kind === "conflict" || (await this.#isHere(id, call)))
      return outcome;
    return await this.#moved.update(id, change, call);
  }

  async delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = await unlessCorrupt(this.#from.read(id, call), "corrupt" as const);
      if (found === "corrupt") return await this.#from.delete(id, when, call);
      if (found === null || isUnderWay(found)) break;
      if (when.ifVersion !== undefined && when.ifVersion !== found.version) return "conflict";
      // As it was read, and so before it left.
      const outcome = await this.#from.delete(id, { ...when, ifVersion: found.version }, call);
      if (outcome === "done") return outcome;
      if (when.label !== undefined && !found.labels.includes(when.label)) return "conflict";
    }
    return await this.#moved.delete(id, when, call);
  }

  /** Tells whether the old store holds it: readable or not, expired or not, but not on its way. */
  async #isHere(id: SessionId, call: Call): Promise<boolean> {
    const found = await unlessCorrupt(this.#from.read(id, call), "corrupt" as const);
    return found === "corrupt" || (found !== null && !isUnderWay(found));
  }
}
