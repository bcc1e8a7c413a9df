import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";

/** How long to leave a database to the application before looking at it again. */
const PAUSE_MS = 2;

/** The application is in a transaction of its own on the database that it handed in: waiting helps. */
export class Occupied extends Error {
  override readonly name: string = "Occupied";
}

/** The rejection of a call whose deadline came before anything was done for it. */
export function tooLate(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The deadline of the call passed before its turn came; nothing was read or written.",
    { cause },
  );
}

/** Does work that needs no turn, again and again while the application is in a transaction. */
export async function retrying<T>(work: () => T, call: Call): Promise<T> {
  for (;;) {
    if (call.signal.aborted) throw tooLate(call.signal.reason);
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Occupied)) throw error;
    }
    await pause();
  }
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
