import { abortReason } from "../../core/call.ts";
import type { Call } from "../../core/store.ts";
import { isBusy } from "./failure.ts";
import { pauseMs, tooLate } from "./retry.ts";

/** Bounds how long one transaction keeps the event loop and the other processes waiting. */
const LARGEST_BATCH = 64;

/** A transaction that could not be made final. It was rolled back; nothing of it is stored. */
export class CommitFailed extends Error {
  override readonly name: string = "CommitFailed";
}

interface Entry<Tools> {
  readonly work: (tools: Tools) => unknown;
  readonly call: Call;
  readonly resolve: (outcome: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Set once it was in a batch that failed: from then on it travels alone. */
  alone: boolean;
}

/**
 * Carries out the writes of one turn of the event loop in one transaction, in the order in which they were asked for,
 * and tells each its own outcome once the transaction is final. While the database is locked the writes wait without
 * blocking, each until its own deadline.
 */
export class WriteQueue<Tools> {
  /** Runs the works in one transaction; nothing is stored when it throws. */
  readonly #transact: (run: (tools: Tools) => void) => void;
  #entries: Entry<Tools>[] = [];
  #scheduled = false;
  #attempt = 0;
  #idle: (() => void)[] = [];

  constructor(transact: (run: (tools: Tools) => void) => void) {
    this.#transact = transact;
  }

  /** Queues a write. `work` may be called several times, and must then do the same each time. */
  write<T>(work: (tools: Tools) => T, call: Call): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#entries.push({
        work,
        call,
        resolve: resolve as (outcome: unknown) => void,
        reject,
        alone: false,
      });
      this.#schedule();
    });
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.#entries.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#refuseLate();
    const batch = this.#take();
    if (batch.length > 0) this.#settle(batch);
    if (this.#entries.length > 0) return this.#schedule();
    for (const resolve of this.#idle.splice(0)) resolve();
  };

  /** Asked before every attempt, and attempts follow one another closely: no write happens after its deadline. */
  #refuseLate(): void {
    const inTime: Entry<Tools>[] = [];
    for (const entry of this.#entries) {
      const aborted = abortReason(entry.call);
      if (aborted === null) inTime.push(entry);
      else entry.reject(tooLate(aborted));
    }
    this.#entries = inTime;
  }

  /** Takes the next write if it travels alone, else as many as may go together. */
  #take(): Entry<Tools>[] {
    const alone = this.#entries.findIndex((entry) => entry.alone);
    if (alone === 0) return this.#entries.splice(0, 1);
    return this.#entries.splice(0, Math.min(alone === -1 ? LARGEST_BATCH : alone, LARGEST_BATCH));
  }

  #settle(batch: readonly Entry<Tools>[]): void {
    const outcomes: unknown[] = [];
    try {
      this.#transact((tools) => {
        for (const entry of batch) outcomes.push(entry.work(tools));
      });
    } catch (error) {
      return this.#failed(batch, error);
    }
    this.#attempt = 0;
    for (const [index, entry] of batch.entries()) entry.resolve(outcomes[index]);
  }

  #failed(batch: readonly Entry<Tools>[], error: unknown): void {
    if (isBusy(error)) return this.#wait(batch);
    if (batch.length > 1 && !(error instanceof CommitFailed)) {
      // One of them is bad and the others must not pay for it.
      for (const entry of batch) entry.alone = true;
      this.#entries.unshift(...batch);
      return;
    }
    const reason = error instanceof CommitFailed ? error.cause : error;
    for (const entry of batch) entry.reject(reason);
  }

  /** Puts the writes back to the front and tries again a little later. */
  #wait(batch: readonly Entry<Tools>[]): void {
    this.#entries.unshift(...batch);
    this.#scheduled = true;
    setTimeout(this.#flush, pauseMs(this.#attempt++));
  }
}
