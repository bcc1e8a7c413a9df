/** What a foreign library calls back with. */
export type Callback<Value = void> = (error?: unknown, value?: Value) => void;

/**
 * Answers a callback by a promise, in a turn of its own, so that what the callback throws is the application's and not the promise's. Without
 * a callback a failure is told by `storeFailure` alone.
 */
export function answer<Value>(promise: Promise<Value>, callback: Callback<Value> | undefined): void {
  promise.then(
    (value) => callback && queueMicrotask(() => callback(null, value)),
    (error: unknown) => callback && queueMicrotask(() => callback(error)),
  );
}
