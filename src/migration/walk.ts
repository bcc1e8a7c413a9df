import type { Clock } from "../core/clock.ts";
import { SessionError } from "../core/errors.ts";
import type { SessionId, SessionRecord } from "../core/record.ts";
import type { AnyStore, Page } from "../core/store.ts";
import { bounded } from "./bounded.ts";
import type { Carrier } from "./carrier.ts";
import type { MigrationCounts, MigrationProgress, MigrationReport } from "./report.ts";
import { Samples } from "./samples.ts";

/** What a walk goes by. */
export interface WalkRules {
  readonly after?: string;
  readonly onProgress?: (progress: MigrationProgress) => void;
  readonly signal?: AbortSignal;
  readonly count: boolean;
  readonly clock: Clock;
  readonly pageSize: number;
  readonly concurrency: number;
  readonly samples: number;
  readonly deadlineMs: number;
}

const MOST_FAILURES = 20;
/** What processes of the first stage create in the old store meanwhile is fetched by another walk, so often. */
const MOST_PASSES = 3;

/** Walks over the old store and has every record brought. */
export async function walked(
  from: AnyStore,
  to: AnyStore,
  carrier: Carrier,
  rules: WalkRules,
): Promise<MigrationReport> {
  return await new Walk(from, to, carrier, rules).run();
}

class Walk {
  readonly #from: AnyStore;
  readonly #to: AnyStore;
  readonly #carrier: Carrier;
  readonly #rules: WalkRules;
  readonly #samples: Samples;
  readonly #counts: { -readonly [Name in keyof MigrationCounts]: MigrationCounts[Name] } = {
    brought: 0,
    present: 0,
    expired: 0,
    vanished: 0,
    failed: 0,
  };
  readonly #failures: { readonly id: SessionId; readonly error: unknown }[] = [];
  #done = 0;
  #total: number | null = null;
  #after: string | undefined;

  constructor(from: AnyStore, to: AnyStore, carrier: Carrier, rules: WalkRules) {
    this.#from = from;
    this.#to = to;
    this.#carrier = carrier;
    this.#rules = rules;
    this.#samples = new Samples(rules.samples);
    this.#after = rules.after;
  }

  async run(): Promise<MigrationReport> {
    const { clock, deadlineMs, count } = this.#rules;
    for (const store of [this.#from, this.#to])
      await bounded(clock, deadlineMs, async (call) => store.setup?.(call));
    if (count) this.#total = await this.#counted(() => true);
    const left = await this.#passes();
    const samples = await this.#samples.compared(
      (id) => bounded(clock, deadlineMs, async (call) => await this.#to.read(id, call)),
      clock.now(),
    );
    const isOver = !this.#isStopped && this.#counts.failed === 0;
    const complete = isOver && (left ?? 0) === 0 && samples.wrong.length === 0;
    return { ...this.#progress(), complete, left, samples, failures: this.#failures };
  }

  get #isStopped(): boolean {
    return this.#rules.signal?.aborted === true;
  }

  /** @returns how many live records are left in the old store, where that is to be told. */
  async #passes(): Promise<number | null> {
    for (let pass = 1; ; pass += 1) {
      const failedBefore = this.#counts.failed;
      await this.#pass();
      if (this.#isStopped || !this.#carrier.empties) return null;
      const now = this.#rules.clock.now();
      const left = await this.#counted(({ expiresAt }) => expiresAt > now);
      const hasFailed = this.#counts.failed > failedBefore;
      if (left === 0 || hasFailed || pass === MOST_PASSES) return left;
    }
  }

  async #pass(): Promise<void> {
    do {
      if (this.#isStopped) return;
      const page = await this.#page(this.#after);
      await this.#bringAll(page.records);
      // What is on its way when the run is stopped is done; the rest of its page comes again.
      if (this.#isStopped) return;
      this.#after = page.next;
      this.#rules.onProgress?.(this.#progress());
    } while (this.#after !== undefined);
  }

  async #page(after: string | undefined): Promise<Page> {
    try {
      return await this.#read(after);
    } catch (error) {
      const isForgotten = after !== undefined && SessionError.is(error) && error.code === "ERR_SESSION_USE";
      if (!isForgotten) throw error;
      return await this.#read(undefined);
    }
  }

  async #read(after: string | undefined): Promise<Page> {
    const { clock, deadlineMs, pageSize: limit } = this.#rules;
    const page = await bounded(clock, deadlineMs, async (call) =>
      this.#from.all?.(after === undefined ? { limit } : { limit, after }, call),
    );
    return page ?? { records: [] };
  }

  async #bringAll(records: readonly SessionRecord[]): Promise<void> {
    const waiting = records.values();
    const lanes = Array.from({ length: this.#rules.concurrency }, async () => {
      // All lanes take from one iterator.
      for (const record of waiting) {
        if (this.#isStopped) return;
        await this.#bring(record);
      }
    });
    await Promise.all(lanes);
  }

  async #bring(found: SessionRecord): Promise<void> {
    const { clock, deadlineMs } = this.#rules;
    const meant = this.#carrier.meant(found);
    if (meant === null) return;
    this.#done += 1;
    if (meant.expiresAt <= clock.now()) return void (this.#counts.expired += 1);
    try {
      const outcome = await bounded(clock, deadlineMs, (call) => this.#carrier.bring(found, call));
      this.#counts[outcome] += 1;
      if (outcome !== "vanished") this.#samples.offer(meant);
    } catch (error) {
      this.#counts.failed += 1;
      if (this.#failures.length < MOST_FAILURES) this.#failures.push({ id: found.id, error });
    }
  }

  async #counted(isMeant: (record: SessionRecord) => boolean): Promise<number> {
    let count = 0;
    let after: string | undefined;
    do {
      const page = await this.#read(after);
      for (const found of page.records) {
        const meant = this.#carrier.meant(found);
        if (meant !== null && isMeant(meant)) count += 1;
      }
      after = page.next;
    } while (after !== undefined && !this.#isStopped);
    return count;
  }

  #progress(): MigrationProgress {
    return { ...this.#counts, done: this.#done, total: this.#total, after: this.#after ?? null };
  }
}
