import type { Call } from "../../core/store.ts";
import { tooLate } from "./failures.ts";

/** A call that waits for others to travel with. Until it is sent it is dropped when its signal aborts, and is then settled. */
export class Gathered<Item, Outcome> {
  readonly item: Item;
  readonly call: Call;
  readonly outcome: Promise<Outcome>;
  #resolve: (outcome: Outcome) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  #open = true;
  #sent = false;
  #watch: ((reason: unknown) => void) | undefined;

  /** The signal must not have aborted yet. */
  constructor(item: Item, call: Call) {
    this.item = item;
    this.call = call;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    call.signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Whether it has no outcome yet. */
  get open(): boolean {
    return this.#open;
  }

  get sent(): boolean {
    return this.#sent;
  }

  resolve(outcome: Outcome): void {
    this.#end();
    this.#resolve(outcome);
  }

  reject(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  /** From here on the answer alone tells the outcome, also after an abort: what was sent may take place. */
  send(): void {
    this.#sent = true;
  }

  /** Goes alone: the outcome is that of the call by itself, and so is what an abort does. */
  async follow(alone: (item: Item, call: Call) => Promise<Outcome>): Promise<void> {
    this.#end();
    await alone(this.item, this.call).then(this.#resolve, this.#reject);
  }

  /** Tells of an abort, until there is an outcome. */
  watch(told: (reason: unknown) => void): void {
    this.#watch = told;
  }

  readonly #abort = (): void => {
    const { reason } = this.call.signal;
    const told = this.#watch;
    if (!this.#sent) this.reject(tooLate(reason));
    told?.(reason);
  };

  #end(): void {
    this.#open = false;
    this.call.signal.removeEventListener("abort", this.#abort);
  }
}

/** What of a call that travels with others matters to their common signal. */
interface Watched {
  readonly open: boolean;
  readonly sent: boolean;
  watch(told: (reason: unknown) => void): void;
}

/**
 * The signal of calls that travel together. It aborts when none of them is open any more, and when one aborts that was sent: nothing is
 * to be written for it that is not written by then.
 */
export class SharedSignal {
  readonly #controller = new AbortController();

  constructor(batch: readonly Watched[]) {
    for (const one of batch) {
      one.watch((reason) => {
        if (one.sent || batch.every(({ open }) => !open)) this.#controller.abort(reason);
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
}
