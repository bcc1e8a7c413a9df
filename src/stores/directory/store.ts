import type { SessionId, SessionRecord } from "../../core/record.ts";
import type {
  Call,
  DeleteCondition,
  DeleteOutcome,
  Page,
  PageRequest,
  SessionChange,
  StoreTraits,
  SweepOutcome,
  UpdateOutcome,
} from "../../core/store.ts";
import type { DirectoryStore } from "../directory.ts";
import { createRecord } from "./create.ts";
import { deleteRecord } from "./delete.ts";
import { deleteByLabel, listAll, listByLabel } from "./listing.ts";
import { hexOfId } from "./names.ts";
import type { Place } from "./place.ts";
import { Queue } from "./queue.ts";
import { corrupt, load, newerFormat } from "./scan.ts";
import { setUp } from "./setup.ts";
import { sweepRecords } from "./sweep.ts";
import { updateRecord } from "./update.ts";

/** The store over whichever file system it is handed. */
export class PlacedStore implements DirectoryStore {
  readonly traits: StoreTraits;
  readonly #place: Place;
  readonly #queue = new Queue();
  readonly #running = new Set<Promise<unknown>>();
  #ready: Promise<void> | undefined;

  constructor(place: Place, durability: "process" | "power") {
    this.#place = place;
    this.traits = { durability, shared: true, expires: false, resends: false };
  }

  create(record: SessionRecord, call: Call): Promise<boolean> {
    const own = { ...record, labels: [...record.labels], fields: { ...record.fields } };
    return this.#write(own.id, call, () => createRecord(this.#place, own, call));
  }

  read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    return this.#run(call, () => this.#read(id, call));
  }

  update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome> {
    const own = copyOfChange(change);
    return this.#write(id, call, () => updateRecord(this.#place, id, own, call));
  }

  delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome> {
    const own = { ...when };
    return this.#write(id, call, () => deleteRecord(this.#place, id, own, call));
  }

  listByLabel(label: string, page: PageRequest, call: Call): Promise<Page> {
    return this.#run(call, () => listByLabel(this.#place, label, page, call));
  }

  deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    return this.#run(call, () => deleteByLabel(this.#place, label, except, call));
  }

  all(page: PageRequest, call: Call): Promise<Page> {
    return this.#run(call, () => listAll(this.#place, page, call));
  }

  sweep(now: number, limit: number, call: Call): Promise<SweepOutcome> {
    return this.#run(call, () => sweepRecords(this.#place, now, limit, call));
  }

  async setup(call: Call): Promise<void> {
    call.signal.throwIfAborted();
    await setUp(this.#place);
    this.#ready = Promise.resolve();
  }

  async close(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #read(id: SessionId, call: Call): Promise<SessionRecord | null> {
    const hex = hexOfId(id);
    if (hex === null) return null;
    const loaded = await load(this.#place, hex, call);
    if (loaded.kind === "corrupt") throw corrupt(hex);
    if (loaded.kind === "newer") throw newerFormat(hex);
    return loaded.kind === "record" ? loaded.content.record : null;
  }

  #write<Result>(id: SessionId, call: Call, work: () => Promise<Result>): Promise<Result> {
    return this.#run(call, () => this.#queue.run(id, work));
  }

  #run<Result>(call: Call, work: () => Promise<Result>): Promise<Result> {
    const running = this.#prepare(call).then(work);
    this.#running.add(running);
    const leave = (): void => void this.#running.delete(running);
    running.then(leave, leave);
    return running;
  }

  async #prepare(call: Call): Promise<void> {
    call.signal.throwIfAborted();
    this.#ready ??= setUp(this.#place);
    try {
      await this.#ready;
    } catch (error) {
      // Whoever comes next tries again: the disk may be mounted by then.
      this.#ready = undefined;
      throw error;
    }
  }
}

/** A write takes what it is given as it is now: its turn may come after the caller changed it. */
function copyOfChange(change: SessionChange): SessionChange {
  const { set, remove, renew } = change;
  return {
    ...change,
    ...(set && { set: { ...set } }),
    ...(remove && { remove: [...remove] }),
    ...(renew && { renew: { ...renew, ...(renew.labels && { labels: [...renew.labels] }) } }),
  };
}
