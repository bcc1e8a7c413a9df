import type { Answer } from "../../core/answer.ts";
import { abortReason } from "../../core/call.ts";
import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import { isBusy } from "./failure.ts";

const LONGEST_MS = 25;

/**
 * How long to wait before the next attempt, in milliseconds. Random, so that processes which met at one lock do not
 * meet again; short, because the lock of a session write is held for a fraction of a millisecond.
 */
export function pauseMs(attempt: number): number {
  return 1 + Math.random() * Math.min(2 ** attempt, LONGEST_MS);
}

/** The rejection of a call whose deadline came first. */
export function tooLate(cause: unknown): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The deadline of the call passed before the database was free; nothing was read or written.",
    { cause },
  );
}

/** Carries out work that needs no transaction of the queue: at once, and again and again while the database is locked. */
export function retrying<T>(work: () => T, call: Call): Answer<T> {
  const done = attempted(work, call);
  return done === BUSY ? retried(work, call) : done;
}

async function retried<T>(work: () => T, call: Call): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    await pause(pauseMs(attempt), call.signal);
    const done = attempted(work, call);
    if (done !== BUSY) return done;
  }
}

const BUSY: unique symbol = Symbol("busy");

function attempted<T>(work: () => T, call: Call): T | typeof BUSY {
  const aborted = abortReason(call);
  if (aborted !== null) throw tooLate(aborted);
  try {
    return work();
  } catch (error) {
    if (isBusy(error)) return BUSY;
    throw error;
  }
}

/**
 * Leaves the database to others between two pieces of long work, for at least as long as the last one took, waiting included, and
 * as whoever waits for the lock waits between two attempts: they all get a chance. Without this the one who has just let go
 * would have it again at once, for the others ask only now and then. Rejects when the signal aborts first.
 */
export function giveWay(tookMs: number, signal: AbortSignal): Promise<void> {
  return pause(Math.max(LONGEST_MS + 1, tookMs), signal);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(tooLate(signal.reason));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
}
