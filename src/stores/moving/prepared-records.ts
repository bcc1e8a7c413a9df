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
import { type Records, unlessCorrupt } from "./records.ts";

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

  async create(record: SessionRecord, call: Call): Promise<boolean> {
    if ((await unlessCorrupt(this.#to.read(record.id, call), "taken")) !== null) return false;
    return await this.#from.create(record, call);
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
    if (when.ifVersion === undefined && when.label === undefined)
      return await this.#moved.delete(id, when, call);
    const outcome = (await this.#isHere(id, call)) ? await this.#from.delete(id, when, call) : "gone";
    // It may have left between the two, and what was deleted is what it left behind.
    if (outcome === "done") await this.#to.delete(id, when, call);
    if (outcome === "done") return outcome;
    if (outcome === "conflict" && (await this.#isHere(id, call))) return outcome;
    return await this.#moved.delete(id, when, call);
  }

  /** Tells whether the old store holds it: readable or not, expired or not, but not on its way. */
  async #isHere(id: SessionId, call: Call): Promise<boolean> {
    const found = await unlessCorrupt(this.#from.read(id, call), "corrupt" as const);
    return found === "corrupt" || (found !== null && !isUnderWay(found));
  }
}
