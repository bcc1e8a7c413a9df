import type { Call } from "../../src/index.ts";

/** A call without a deadline, whose signal is made only for who asks, as in the manager. */
export class FreeCall implements Call {
  #signal: AbortSignal | undefined;

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal;
    return this.#signal;
  }
}

/** How many calls are in flight where throughput is measured, and while loading. */
export const IN_FLIGHT = 64;
