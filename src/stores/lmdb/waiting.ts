import type { Answer } from "../../core/answer.ts";
import { abortReason } from "../../core/call.ts";
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

/** Does work that needs no turn: at once, and again and again while the application is in a transaction. */
export function retrying<T>(work: () => T, call: Call): Answer<T> {
  const done = attempted(work, call);
  return done === OCCUPIED ? retried(work, call) : done;
}

async function retried<T>(work: () => T, call: Call): Promise<T> {
  for (;;) {
    await pause();
    const done = attempted(work, call);
    if (done !== OCCUPIED) return done;
  }
}

const OCCUPIED: unique symbol = Symbol("occupied");

function attempted<T>(work: () => T, call: Call): T | typeof OCCUPIED {
  const aborted = abortReason(call);
  if (aborted !== null) throw tooLate(aborted);
  try {
    return work();
  } catch (error) {
    if (error instanceof Occupied) return OCCUPIED;
    throw error;
  }
}

export function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
