/** The rejection of a call whose deadline came before it was sent. */
export function tooLate(signal: AbortSignal): Error {
  return new Error("The deadline of the call passed before it was sent to Redis.", { cause: signal.reason });
}

/** Throws when the deadline has passed. */
export function checkInTime(signal: AbortSignal): void {
  if (signal.aborted) throw tooLate(signal);
}

/** Resolves after so many milliseconds. Rejects when the signal aborts first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(tooLate(signal));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
