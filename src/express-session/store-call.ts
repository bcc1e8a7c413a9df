import { SessionError } from "../core/errors.ts";

/** The callback of a store: an error, or what was asked for. */
export type Done<Value = unknown> = (error?: unknown, value?: Value) => void;

/**
 * Calls a store, and calls `done` once, whatever the store does: a throw and a rejection are errors, a second answer is ignored, and none within
 * the deadline is `ERR_SESSION_STORE_UNAVAILABLE`. What `done` itself throws is not the store's, and goes on up.
 */
export function callStore<Value>(
  deadlineMs: number,
  operation: string,
  call: (done: Done<Value>) => unknown,
  done: Done<Value>,
): void {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const settle: Done<Value> = (error, value) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    done(error, value);
  };
  let returned: unknown;
  try {
    returned = call(settle);
  } catch (error) {
    if (isOver) throw error;
    settle(error);
    return;
  }
  if (isThenable(returned)) returned.then(undefined, settle);
  if (!isOver) timer = setTimeout(() => settle(tooLate(operation)), deadlineMs);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

function tooLate(operation: string): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    `The session store did not answer "${operation}" within its deadline.`,
  );
}

/** Whether a store's error says that there is no such session: what a store of files answers. */
export function isNotFound(error: unknown): boolean {
  return (error as { code?: unknown } | null | undefined)?.code === "ENOENT";
}
