import { refuseConfig } from "../core/errors.ts";
import { checkOptionNames } from "../core/option-names.ts";
import type { IterableStore, LabelIndex, SessionStore } from "../core/store.ts";
import { type KeyValueEngine, type Listed, Unreadable } from "./key-value/engine.ts";
import { listedIn } from "./key-value/envelope.ts";
import { keyOf } from "./key-value/keys.ts";
import { UnconditionalStore } from "./key-value/store.ts";
import { type DeclaredTraits, declaredTraits } from "./key-value/traits.ts";

/** What express-session's interface says of a store, and no more: connect-redis, connect-pg-simple, connect-mongo, memorystore … */
export interface ExpressSessionStoreLike {
  // oxlint-disable typescript/no-explicit-any -- each of these stores types sessions and errors its own way
  get(sid: string, callback: (error: any, session?: any) => void): unknown;
  set(sid: string, session: any, callback?: (error?: any) => void): unknown;
  destroy(sid: string, callback?: (error?: any) => void): unknown;
  all?(callback: (error: any, sessions?: any) => void): unknown;
  // oxlint-enable typescript/no-explicit-any
}

/** What is known of a store that cannot be asked. */
export type ExpressSessionStoreOptions = DeclaredTraits;

/** Walks over everything, and finds sessions by label, where the foreign store has `all`. */
export type ExpressSessionStore = SessionStore & Partial<IterableStore & LabelIndex>;

/**
 * Keeps sessions in a store that was written for express-session. Within one process it keeps every rule of the contract; between processes it
 * cannot, for that interface has no conditions: see `traits.conditions`. The store's own expiry goes on, by the cookie part that each session
 * is given for it. A call costs one read before each write, and a create another after it.
 *
 * @param store Any store that follows express-session's interface. It stays the application's: nothing closes it.
 * @throws {SessionError} `ERR_SESSION_CONFIG` for options that cannot work and for what is no such store.
 */
export function expressSessionStore(
  store: ExpressSessionStoreLike,
  options: ExpressSessionStoreOptions = {},
): ExpressSessionStore {
  checkOptionNames(options, ["durability", "shared"], "expressSessionStore");
  if ([store?.get, store?.set, store?.destroy].some((method) => typeof method !== "function"))
    refuseConfig(
      "expressSessionStore takes a store of express-session: an object with get, set and destroy.",
    );
  const traits = declaredTraits("expressSessionStore", options, true);
  return new UnconditionalStore(engineOf(store), store, traits);
}

/** The member of a foreign session that holds the record. */
const MEMBER = "holdfast";

function engineOf(store: ExpressSessionStoreLike): KeyValueEngine {
  return {
    get: async (id) => memberOf(await found(store, keyOf(id))),
    async set(id, text, lifeMs) {
      await called((callback) => store.set(keyOf(id), sessionOf(text, lifeMs), callback));
    },
    async remove(id) {
      await called((callback) => store.destroy(keyOf(id), callback));
    },
    ...(typeof store.all === "function" && { list: () => listedBy(store) }),
  };
}

/** Each of these stores derives its expiry from another of the three. */
function sessionOf(text: string, lifeMs: number): object {
  const expires = new Date(Date.now() + lifeMs);
  const cookie = { originalMaxAge: lifeMs, maxAge: lifeMs, expires, httpOnly: true, path: "/" };
  return { cookie, [MEMBER]: text };
}

async function found(store: ExpressSessionStoreLike, sid: string): Promise<unknown> {
  try {
    return await called((callback) => store.get(sid, callback));
  } catch (error) {
    // As express-session takes it: a store of files has no other word for a session that is not there.
    if (codeOf(error) === "ENOENT") return undefined;
    throw error instanceof SyntaxError ? new Unreadable("Not JSON.", { cause: error }) : error;
  }
}

function memberOf(session: unknown): unknown {
  if (session === undefined || session === null || session === false) return undefined;
  return typeof session === "object" ? ((session as Record<string, unknown>)[MEMBER] ?? null) : null;
}

/** Some stores know the sessions' keys, others list no more than the sessions: each record has its id itself. */
async function listedBy(store: ExpressSessionStoreLike): Promise<Listed[]> {
  const listed = await called((callback) => store.all?.(callback));
  const sessions: unknown[] = typeof listed === "object" && listed !== null ? Object.values(listed) : [];
  return sessions.flatMap((session) => listedIn(memberOf(unwrapped(session))));
}

/** better-sqlite3-session-store lists its rows, with the session as text in one column. */
function unwrapped(listed: unknown): unknown {
  const isRow = typeof listed === "object" && listed !== null && "sess" in listed;
  if (!isRow || typeof listed.sess !== "string") return listed;
  try {
    return JSON.parse(listed.sess);
  } catch {
    return null;
  }
}

/** Waits for a callback, or for the failure of whatever the call itself gives: some stores do their work in an async function. */
function called(call: (callback: (error?: unknown, value?: unknown) => void) => unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    // In a try by itself: a promise's executor turns what it throws into a rejection.
    const given = call((error, value) => (isNothing(error) ? resolve(value) : reject(error)));
    if (given instanceof Promise) given.catch(reject);
  });
}

function isNothing(error: unknown): boolean {
  return error === undefined || error === null;
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
