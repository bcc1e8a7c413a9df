import type { SessionId, SessionRecord } from "../core/record.ts";
import type { AnyStore, Call, SessionChange, UpdateOutcome } from "../core/store.ts";

/** What a worker process does to the shared data, many times over and as fast as it can. Input and result are JSON. */
export interface StoreJobs {
  /** Adds 1 to a number in a field, `times` times, each by compare-and-swap. Resolves how many were done before the record was gone. */
  increment(store: AnyStore, input: CountInput): Promise<number>;
  /** Sends the changes one after another without waiting for a version. Resolves the outcomes. */
  update(store: AnyStore, input: UpdateInput): Promise<UpdateOutcome["kind"][]>;
  /** Creates the records. Resolves the ids of those that were created. */
  create(store: AnyStore, input: CreateInput): Promise<SessionId[]>;
  /** Deletes the records. Resolves the ids of those that this process deleted. */
  delete(store: AnyStore, input: DeleteInput): Promise<SessionId[]>;
  /** Deletes by label, again and again. Resolves how many were deleted. */
  deleteByLabel(store: AnyStore, input: LabelInput): Promise<number>;
  /** Sweeps until nothing is due. Resolves how many were deleted. */
  sweep(store: AnyStore, input: SweepInput): Promise<number>;
  /** Prepares the engine, again and again. */
  setup(store: AnyStore, input: { readonly times: number }): Promise<null>;
}

export interface CountInput {
  readonly id: SessionId;
  readonly field: string;
  readonly times: number;
  readonly now: number;
  readonly epoch: number;
}
export interface UpdateInput {
  readonly id: SessionId;
  readonly changes: readonly SessionChange[];
}
export interface CreateInput {
  readonly records: readonly SessionRecord[];
}
export interface DeleteInput {
  readonly ids: readonly SessionId[];
}
export interface LabelInput {
  readonly label: string;
  readonly except: readonly SessionId[];
  readonly times: number;
}
export interface SweepInput {
  readonly now: number;
  readonly limit: number;
}

const MOST_CONFLICTS = 10_000;

export const storeJobs: StoreJobs = {
  async increment(store, input) {
    let done = 0;
    let conflicts = 0;
    while (done < input.times) {
      const kind = await incrementOnce(store, input);
      if (kind === "gone" || kind === "stale") return done;
      if (kind === "done") done += 1;
      conflicts = kind === "done" ? 0 : conflicts + 1;
      if (conflicts > MOST_CONFLICTS)
        throw new Error(`${conflicts} conflicts in a row: somebody must win each round`);
    }
    return done;
  },

  async update(store, { id, changes }) {
    const kinds: UpdateOutcome["kind"][] = [];
    for (const change of changes) kinds.push((await store.update(id, change, call())).kind);
    return kinds;
  },

  async create(store, { records }) {
    const created: SessionId[] = [];
    for (const record of records) if (await store.create(record, call())) created.push(record.id);
    return created;
  },

  async delete(store, { ids }) {
    const deleted: SessionId[] = [];
    for (const id of ids) if ((await store.delete(id, {}, call())) === "done") deleted.push(id);
    return deleted;
  },

  async deleteByLabel(store, { label, except, times }) {
    let deleted = 0;
    for (let time = 0; time < times; time += 1)
      deleted += (await store.deleteByLabel?.(label, except, call())) ?? 0;
    return deleted;
  },

  async sweep(store, { now, limit }) {
    let deleted = 0;
    for (;;) {
      const outcome = await store.sweep?.(now, limit, call());
      if (outcome === undefined) return deleted;
      deleted += outcome.deleted;
      if (!outcome.more) return deleted;
    }
  },

  async setup(store, { times }) {
    for (let time = 0; time < times; time += 1) await store.setup?.(call());
    return null;
  },
};

async function incrementOnce(store: AnyStore, input: CountInput): Promise<UpdateOutcome["kind"]> {
  const record = await store.read(input.id, call());
  if (record === null) return "gone";
  const count = Number(record.fields[input.field] ?? "0") + 1;
  const outcome = await store.update(
    input.id,
    { now: input.now, epoch: input.epoch, ifVersion: record.version, set: { [input.field]: String(count) } },
    call(),
  );
  return outcome.kind;
}

function call(): Call {
  return { signal: new AbortController().signal };
}
