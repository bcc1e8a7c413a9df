import type { Call } from "../../core/store.ts";
import type { LmdbTable } from "./driver.ts";
import { commitError, nothing, overlook } from "./failure.ts";
import { headKey } from "./keys.ts";
import type { Decision, Write } from "./operations.ts";
import { Receipts, textOf } from "./receipts.ts";
import { Occupied, pause, tooLate } from "./waiting.ts";
import { type Overlay, overlaid, type View, viewOf, type Writes } from "./view.ts";

/** Bounds how long the decisions of one batch keep the event loop, and how long its commit keeps other processes. */
const LARGEST_BATCH = 128;

interface Entry {
  readonly write: Write<unknown>;
  readonly call: Call;
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Removes the listener that a waiting entry has at its signal. */
  forget?: () => void;
}

/** An entry that was decided, in a batch that is on its way. */
interface Decided {
  readonly entry: Entry;
  readonly outcome: unknown;
  /** Whether it holds; `false` when the session was changed by somebody else before. */
  readonly holds: Promise<boolean>;
  readonly receipt: Receipt;
}

/** Where it is told that a write took place, and with which number. */
interface Receipt {
  readonly place: number;
  readonly version: number;
}

/** What was handed to the driver. */
interface Sent {
  readonly holds: Promise<boolean>;
  readonly receipt: Receipt;
}

interface Batch {
  /** Whether it is still the turn of the event loop in which the batch began. */
  open: boolean;
  readonly decided: Decided[];
  /** By session, whether the last that is written holds. */
  readonly last: Map<string, Sent>;
  readonly overlay: Overlay;
  /** How many writes were handed to the driver. */
  sent: number;
}

/**
 * Carries out writes, those of one turn of the event loop in one commit. Each is decided by what is stored, and written by the
 * driver's thread on condition that the session is still as it was; otherwise it is decided again. So nobody holds the lock of
 * the database while this thread is busy with something else, and this thread never waits for the lock.
 *
 * One batch is on its way at a time. Whoever comes meanwhile waits here, until its own deadline at most.
 */
export class Batches {
  readonly #open: () => LmdbTable;
  readonly #receipts = new Receipts();
  #waiting = new Set<Entry>();
  #batch: Batch | undefined;
  #idle: (() => void)[] = [];

  /** @param open Gives the database, or throws why there is none. */
  constructor(open: () => LmdbTable) {
    this.#open = open;
  }

  /** `decide` of the write may be called several times. */
  write<T>(write: Write<T>, call: Call): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const entry = { write, call, resolve: resolve as (outcome: unknown) => void, reject };
      if (this.#batch === undefined) this.#start([entry]);
      else if (this.#batch.open && this.#waiting.size === 0 && this.#batch.decided.length < LARGEST_BATCH)
        this.#decide(entry, this.#batch);
      else this.#wait(entry);
    });
  }

  /** Resolves when nothing waits and nothing is on its way any more. */
  drained(): Promise<void> {
    if (this.#batch === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #wait(entry: Entry): void {
    const { signal } = entry.call;
    const abort = (): void => {
      this.#waiting.delete(entry);
      entry.reject(tooLate(signal.reason));
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    entry.forget = () => signal.removeEventListener("abort", abort);
    this.#waiting.add(entry);
  }

  #start(entries: readonly Entry[]): void {
    const batch: Batch = { open: true, decided: [], last: new Map(), overlay: new Map(), sent: 0 };
    this.#batch = batch;
    for (const entry of entries) this.#decide(entry, batch);
    setImmediate(() => void this.#finish(batch));
  }

  #decide(entry: Entry, batch: Batch): void {
    if (entry.call.signal.aborted) return entry.reject(tooLate(entry.call.signal.reason));
    const { id } = entry.write;
    const after = batch.last.get(id);
    try {
      const table = this.#open();
      const view = overlaid(viewOf(table), batch.overlay);
      const guard = view.get(headKey(id))?.version;
      const { outcome, writes }: Decision<unknown> = entry.write.decide(view);
      // What was written on condition of what was looked at holds if that was written, whatever became of those before.
      const sent = writes === undefined ? after : this.#send(table, { id, guard, writes }, batch);
      if (sent === undefined) return entry.resolve(outcome);
      if (writes !== undefined) {
        if (batch.last.size === 0) overlook(table);
        batch.last.set(id, sent);
      }
      batch.decided.push({ entry, outcome, ...sent });
    } catch (error) {
      if (error instanceof Occupied) this.#wait(entry);
      else entry.reject(error);
    }
  }

  /** Hands the writes to the driver's thread. */
  #send(table: LmdbTable, { id, guard, writes }: Order, batch: Batch): Sent {
    const receipt = { place: batch.sent, version: newVersion() };
    const { version } = receipt;
    const key = this.#receipts.keyOf(receipt.place);
    batch.sent += 1;
    function carryOut(): void {
      for (const [written, value] of writes) {
        if (value === null) table.remove(written);
        else table.put(written, value, version);
      }
      table.put(key, textOf(Date.now()), version);
    }
    const head = headKey(id);
    const written =
      guard === undefined ? table.ifNoExists(head, carryOut) : table.ifVersion(head, guard, carryOut);
    for (const [name, value] of writes) batch.overlay.set(name, value === null ? null : { value, version });
    return { holds: Promise.resolve(written), receipt };
  }

  async #finish(batch: Batch): Promise<void> {
    batch.open = false;
    const again: Entry[] = [];
    await Promise.allSettled(batch.decided.map(({ holds }) => holds));
    // All as of one moment, which is after the commit.
    const view = batch.decided.length === 0 ? undefined : this.#view();
    view?.catch(nothing);
    for (const decided of batch.decided) await this.#settle(decided, view, again);
    if (again.length > 0) this.#putBefore(again);
    // Who waits although no batch was on its way waits for the application.
    if (batch.decided.length === 0 && this.#waiting.size > 0) await pause();
    if (this.#waiting.size > 0) return this.#start(this.#take());
    this.#batch = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Looks as soon as the application is in no transaction of its own. */
  async #view(): Promise<View> {
    for (;;) {
      try {
        return viewOf(this.#open());
      } catch (error) {
        if (!(error instanceof Occupied)) throw error;
      }
      await pause();
    }
  }

  async #settle(
    { entry, outcome, holds, receipt }: Decided,
    view: Promise<View> | undefined,
    again: Entry[],
  ): Promise<void> {
    try {
      const { place, version } = receipt;
      const tookPlace = (await holds) && this.#receipts.tell(await view, place, version);
      if (tookPlace) entry.resolve(outcome);
      else again.push(entry);
    } catch (error) {
      entry.reject(await commitError(error));
    }
  }

  /** What is decided again comes before what came later. */
  #putBefore(again: readonly Entry[]): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const entry of again) this.#wait(entry);
    for (const entry of waiting) this.#waiting.add(entry);
  }

  #take(): readonly Entry[] {
    const entries = [...this.#waiting].slice(0, LARGEST_BATCH);
    for (const entry of entries) {
      entry.forget?.();
      this.#waiting.delete(entry);
    }
    return entries;
  }
}

/** Two writings of one head never have the same number, whoever they are of: it is what a condition tells them apart by. */
function newVersion(): number {
  return 1 + Math.floor(Math.random() * 2 ** 52);
}

/** What is to be written, if the head still has the version that was looked at. */
interface Order {
  readonly id: string;
  readonly guard: number | undefined;
  readonly writes: Writes;
}
