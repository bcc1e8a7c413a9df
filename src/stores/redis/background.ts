import type { Call } from "../../core/store.ts";

const PATIENCE_MS = 5000;

/** Work that nobody waits for and that does no harm when it fails. */
export class Background {
  readonly #running = new Set<Promise<void>>();

  /** Starts the work. It is given up after a while. */
  run(work: (call: Call) => Promise<unknown>): void {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const running = Promise.race([work({ signal }), aborted(signal)])
      .then(ignore, ignore)
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing runs any more. */
  async drained(): Promise<void> {
    await Promise.all(this.#running);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function ignore(): void {}
