// Random interleavings of everything that a cache meets, held to what may be answered at each moment.
import { expect, test } from "vitest";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { AnyStore, ChangeListener } from "../../../src/core/store.ts";
import { cached } from "../../../src/stores/cached.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Random, seededRandom } from "../../../src/testing/index.ts";
import { call, idOf, NOW, recordOf } from "../records.ts";

const STALENESS_MS = 1000;
const NAMES = ["a", "b", "c"] as const;

/** What one id held, and until when: a version, or nothing. */
interface Moment {
  readonly version: string;
  until: number;
}

/** A store that several processes use, whose answers and whose word of changes arrive when a test lets them. */
class Engine {
  now = 0;
  readonly memory = memoryStore();
  readonly past = new Map<SessionId, Moment[]>();
  readonly late: (() => void)[] = [];
  /** Since when this process knows of each id what it then held: by the answer to a write, or because it was told. */
  readonly known = new Map<SessionId, number>();
  listener: ChangeListener | null = null;
  isHeard = false;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** As this process sees it: what it asks for is done at once or later, and what is answered is on its way for a while. */
  store(isTold: boolean): AnyStore {
    const delayed =
      <Args extends unknown[], Answer>(work: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        await this.#passes();
        const answer = await work(...args);
        await this.#passes();
        return answer;
      };
    const { memory } = this;
    const writing = <Rest extends unknown[], Answer>(
      id: SessionId,
      work: (...rest: Rest) => Promise<Answer>,
    ): ((...rest: Rest) => Promise<Answer>) => {
      let at = 0;
      const written = delayed(async (...rest: Rest) => {
        at = this.now;
        return await this.#noted(id, () => work(...rest));
      });
      return async (...rest) => {
        const answer = await written(...rest);
        this.#knows(id, at);
        return answer;
      };
    };
    return {
      traits: { ...memory.traits, shared: true },
      create: (record, call) => writing(record.id, async () => memory.create(record, call))(),
      read: delayed(async (id, call) => memory.read(id, call)),
      update: (id, change, call) => writing(id, async () => memory.update(id, change, call))(),
      delete: (id, when, call) => writing(id, async () => memory.delete(id, when, call))(),
      ...(isTold && {
        track: (listener: ChangeListener) => {
          this.listener = listener;
          return () => (this.listener = null);
        },
      }),
    };
  }

  /** Another process does something. */
  async elsewhere(random: Random): Promise<void> {
    const name = random.pick(NAMES);
    await this.#noted(idOf(name), async () => await change(this.memory, name, random));
  }

  hear(isHeard: boolean): void {
    this.isHeard = isHeard;
    if (this.listener === null) return;
    // Whatever was kept until then is dropped, and what is read meanwhile is not kept.
    for (const name of NAMES) this.#knows(idOf(name), this.now - 1);
    if (isHeard) this.listener.hears();
    else this.listener.deaf();
  }

  /** Whether this is what the id held at some time since `from`. */
  held(id: SessionId, version: string, from: number): boolean {
    const moments = this.past.get(id) ?? [{ version: "none", until: Number.POSITIVE_INFINITY }];
    return moments.some((moment) => moment.version === version && moment.until >= from);
  }

  async #noted<T>(id: SessionId, work: () => Promise<T>): Promise<T> {
    const moments = this.past.get(id) ?? [{ version: "none", until: Number.POSITIVE_INFINITY }];
    this.past.set(id, moments);
    // Both at once: what comes between them would never have been seen.
    const [answer, record] = await Promise.all([work(), this.memory.read(id, call())]);
    const version = versionOf(record);
    const last = moments.at(-1)!;
    if (last.version === version) return answer;
    last.until = this.now;
    moments.push({ version, until: Number.POSITIVE_INFINITY });
    // Word of it is on its way, unless nobody hears.
    const at = this.now;
    const word = (): void => {
      this.listener?.changed(id);
      if (this.listener !== null) this.#knows(id, at);
    };
    if (this.isHeard) this.late.push(word);
    return answer;
  }

  /** What it held before is over for this process. */
  #knows(id: SessionId, at: number): void {
    this.known.set(id, Math.max(this.known.get(id) ?? 0, at + 0.5));
  }

  #passes(): Promise<void> | void {
    if (this.#random.oneIn(2)) return;
    return new Promise((resolve) => this.late.push(resolve));
  }
}

let serial = 0;

/** A text that no other state of the record has. */
function versionOf(record: SessionRecord | null): string {
  return record === null ? "none" : `${record.version}, ${record.fields["made"]}`;
}

async function change(store: AnyStore, name: string, random: Random): Promise<unknown> {
  const id = idOf(name);
  const made = { made: String((serial += 1)) };
  switch (random.below(4)) {
    case 0:
      return await store.create(recordOf(name, { fields: made }), call());
    case 1:
      return await store.delete(id, {}, call());
    default:
      return await store.update(id, { now: NOW, epoch: 1, set: made }, call());
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

async function history(seed: number, isTold: boolean): Promise<number> {
  const random = seededRandom(seed);
  const engine = new Engine(random);
  const store = cached(engine.store(isTold), {
    staleness: STALENESS_MS,
    now: () => engine.now,
    maxEntries: 2,
  });
  const underWay = new Set<Promise<unknown>>();
  const read = async (): Promise<void> => {
    const id = idOf(random.pick(NAMES));
    const kept = random.oneIn(4) ? {} : ({ kept: true } as const);
    // An engine that could tell of changes and does not is asked each time.
    const mayLag = kept.kept === true && (!isTold || engine.isHeard);
    const bound = mayLag ? engine.now - STALENESS_MS : engine.now;
    const from = Math.max(bound, engine.known.get(id) ?? 0);
    const version = versionOf(await store.read(id, { ...call(), ...kept }));
    if (!engine.held(id, version, from))
      throw new Error(`seed ${seed}: ${id} was answered as ${version}, which it was not since ${from}`);
  };
  const write = async (): Promise<void> => {
    await change(store, random.pick(NAMES), random);
  };
  const start = (work: Promise<unknown>): void => {
    underWay.add(work);
    void work.finally(() => underWay.delete(work)).catch(() => undefined);
  };
  const all: Promise<unknown>[] = [];
  for (let step = 0; step < 400; step += 1) {
    engine.now += random.pick([1, 1, 1, 5, 50, 300]);
    const what = random.below(10);
    if (what < 4) all.push(read());
    else if (what < 5) all.push(write());
    else if (what < 6) await engine.elsewhere(random);
    else if (what < 9) engine.late.splice(random.below(engine.late.length + 1), 1)[0]?.();
    else if (random.oneIn(4)) engine.hear(!engine.isHeard);
    for (const work of all.slice(-1)) start(work);
    await turns();
  }
  while (underWay.size > 0) {
    for (const pass of engine.late.splice(0)) pass();
    await turns();
  }
  await Promise.all(all);
  return store.cacheFigures().hits;
}

test.for([true, false])(
  "never answers what is older than the bound, nor what this process knows to be over (told of changes: %s)",
  async (isTold) => {
    let hits = 0;
    for (let seed = 1; seed <= 150; seed += 1) hits += await history(seed, isTold);
    // It would be easy to keep the rule by keeping nothing.
    expect(hits).toBeGreaterThan(1000);
  },
);
