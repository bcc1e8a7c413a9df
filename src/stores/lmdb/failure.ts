import { SessionError } from "../../core/errors.ts";
import type { LmdbTable } from "./driver.ts";

/**
 * Why a commit failed. The driver rejects each write with an error that holds a promise of the reason, which has to be
 * looked at lest it counts as unhandled.
 */
export async function commitError(error: unknown): Promise<SessionError> {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The commit failed, and nothing of it is stored: the disk may be full, or the file may not be written to.",
    { cause: await reasonOf(error) },
  );
}

async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !("commitError" in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (reason) {
    return reason;
  }
}

/**
 * The driver makes a promise of its own for the writes of a turn of the event loop, once that turn is over, and rejects it when
 * their commit fails. Nobody asked for it, and unhandled it would end the process. To be called after the first of these writes.
 */
export function overlook(table: LmdbTable): void {
  setImmediate(() => void table.committed.then(nothing, nothing));
}

export function nothing(): void {
  // What became of the writes is told to whoever asked for them.
}
