import { abortReason } from "../../core/call.ts";
import type { Call } from "../../core/store.ts";

/** The rejection of a call whose deadline came before it was sent. */
export function tooLate(call: Call): Error {
  return new Error("The deadline of the call passed before it was sent to Redis.", {
    cause: abortReason(call),
  });
}

/** Tells whether the deadline has passed. */
export function isLate(call: Call): boolean {
  return abortReason(call) !== null;
}

/** Throws when the deadline has passed. */
export function checkInTime(call: Call): void {
  if (isLate(call)) throw tooLate(call);
}

/** Resolves after so many milliseconds. Rejects when the call aborts first. */
export function pause(ms: number, call: Call): Promise<void> {
  const { signal } = call;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(tooLate(call));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
