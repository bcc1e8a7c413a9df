import { SessionError } from "../../index.ts";

/** What is called of a store of express-session, and of @fastify/session: every one of them fits. */
export interface CallbackStore {
  get(sid: string, callback: (error: unknown, session?: unknown) => void): unknown;
  destroy(sid: string, callback: (error?: unknown) => void): unknown;
}

/** @throws `ERR_SESSION_CONFIG` for what is no such store. */
export function checkCallbackStore(store: CallbackStore, of: string): void {
  if (typeof store?.get === "function" && typeof store.destroy === "function") return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${of} needs the store that the old sessions are in, as it was given to the other library.`,
  );
}

/** Reads a session. A file that is not there, and a text that is no JSON, are no session. */
export async function readFrom(store: CallbackStore, sid: string): Promise<Record<string, unknown> | null> {
  try {
    const found = await called<unknown>((done) => store.get(sid, done));
    return typeof found === "object" && found !== null ? { ...found } : null;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return null;
    throw error;
  }
}

export async function destroyIn(store: CallbackStore, sid: string): Promise<void> {
  try {
    await called<unknown>((done) => store.destroy(sid, done));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
}

/** Some stores call back, some give a promise beside; one that rejects may not have called back. */
function called<T>(call: (done: (error: unknown, value?: T) => void) => unknown): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const done = (error: unknown, value?: T): void => {
      // What stores fail with is kept as it is: it becomes the cause of an error of ours.
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      if (error === null || error === undefined) resolve(value);
      else reject(error);
    };
    const given = call(done);
    if (given instanceof Promise) given.catch(reject);
  });
}
