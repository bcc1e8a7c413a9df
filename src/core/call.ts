import type { Call } from "./store.ts";

/** A call with a deadline. Makes its signal only when a store asks for it: most calls are answered long before. */
export class BoundedCall implements Call {
  kept?: true;
  #controller: AbortController | null = null;
  #reason: Error | null = null;

  /** This call, with leave to answer by what is kept. */
  keeping(): this {
    this.kept = true;
    return this;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#reason !== null) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  abort(reason: Error): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Why a call was aborted; `null` when it was not. Has no signal made where the call knows by itself. */
export function abortReason(call: Call): unknown {
  if (call.reason !== undefined) return call.reason;
  return call.signal.aborted ? call.signal.reason : null;
}

/** Throws the reason of a call that was aborted. */
export function throwIfAborted(call: Call): void {
  const reason = abortReason(call);
  if (reason !== null) throw reason;
}
