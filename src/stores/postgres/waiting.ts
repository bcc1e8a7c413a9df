import type { Call } from "../../core/store.ts";
import { notAnswered, notSent } from "./failure.ts";

/**
 * How long an answer is waited for beyond the deadline, in milliseconds. A slow server gets a chance to tell the outcome and
 * keeps its connections; a dead one does not hold them for long.
 */
export const GRACE_MS = 1000;

/** How a statement is bounded that may carry several calls. */
export interface Journey extends Call {
  /** Aborts when nobody waits for the answer any more, where that is not when `signal` does. `signal` then counts until it is sent. */
  readonly arrival?: AbortSignal;
}

/**
 * Settles as `answer` does; when the signal aborts, `given up` is called after the grace and the result rejects unless the answer came.
 */
export function answered<T>(answer: PromiseLike<T>, journey: Journey, giveUp: () => void): Promise<T> {
  const { arrival: signal = journey.signal } = journey;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const abort = (): void => {
      timer = setTimeout(() => {
        reject(notAnswered(signal.reason));
        giveUp();
      }, GRACE_MS);
      timer.unref();
    };
    const settled = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });
    answer.then(
      (value) => {
        settled();
        resolve(value);
      },
      (error: unknown) => {
        settled();
        reject(error);
      },
    );
  });
}

/** Resolves as `turn` does, unless the signal aborts first: then it rejects, and `late` gets what comes afterwards. */
export function inTime<T>(turn: Promise<T>, call: Call, late: (value: T) => void): Promise<T> {
  const { signal } = call;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(notSent(signal.reason));
    signal.addEventListener("abort", abort, { once: true });
    turn.then(
      (value) => {
        signal.removeEventListener("abort", abort);
        if (signal.aborted) late(value);
        else resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", abort);
        reject(error);
      },
    );
  });
}

/** Rejects without having sent anything when the deadline has passed. */
export function requireTime(call: Call): void {
  if (call.signal.aborted) throw notSent(call.signal.reason);
}

/** Waits for a short while chosen at random, or until the deadline. */
export function pause(attempt: number, call: Call): Promise<void> {
  const ms = 1 + Math.random() * Math.min(2 ** attempt, 32);
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      call.signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    call.signal.addEventListener("abort", done, { once: true });
  });
}
