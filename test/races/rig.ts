import { afterEach, beforeEach, expect } from "vitest";
import type { SessionManagerOptions, SessionRecord } from "../../src/index.ts";
import { type AnySession, SessionError, SessionManager, type SessionEvents } from "../../src/index.ts";
import type { AnyStore, Call } from "../../src/core/store.ts";
import { type FaultyStore, faultyStore, type ManualClock, manualClock } from "../../src/testing/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import {
  cookieAfter,
  testExchange,
  type TestExchange,
  type TestExchangeOptions,
} from "../support/exchange.ts";

export interface Happening {
  readonly name: string;
  readonly event: Readonly<Record<string, unknown>>;
}

/** A manager over a store that can be made to fail, with a clock moved by hand and a list of what happened. */
export interface Rig {
  readonly manager: SessionManager;
  readonly store: AnyStore;
  readonly clock: ManualClock;
  readonly faulty: FaultyStore<AnyStore>;
  readonly happened: Happening[];
  names(): string[];
  of(name: string): Readonly<Record<string, unknown>>[];
}

/** One request of a client, from its cookie to its answer. */
export interface Visit {
  readonly exchange: TestExchange;
  readonly session: AnySession;
  /** Answers it as a success. */
  finish(): Promise<void>;
  /** Answers it as a failure. */
  fail(): Promise<void>;
}

type Options = Partial<SessionManagerOptions<Record<never, never>, AnySession>>;

const EVENTS: readonly (keyof SessionEvents)[] = [
  "created",
  "login",
  "rotated",
  "ended",
  "revoked",
  "expired",
  "rejected",
  "theft",
  "conflict",
  "gone",
  "corrupt",
  "invalid",
  "late",
  "abandoned",
  "storeFailure",
];

export function rig(options: Options = {}): Rig {
  const clock = manualClock();
  return rigWith(clock, faultyStore(options.store ?? memoryStore()), options);
}

/** Another manager, as of another process, over the same store and by the same clock. */
export function sibling(of: Rig, options: Options = {}): Rig {
  return rigWith(of.clock, of.faulty, options);
}

function rigWith(clock: ManualClock, faulty: FaultyStore<AnyStore>, options: Options): Rig {
  // No sweep of its own: a test that passes time wants to see what comes of that alone.
  const manager = new SessionManager({
    sweepEvery: false,
    ...options,
    clock,
    store: faulty.store,
  } as never) as SessionManager;
  const happened: Happening[] = [];
  for (const name of EVENTS) manager.on(name, (event) => void happened.push({ name, event: { ...event } }));
  return {
    manager,
    store: faulty.store,
    clock,
    faulty,
    happened,
    names: () => happened.map((one) => one.name),
    of: (name) => happened.filter((one) => one.name === name).map((one) => one.event),
  };
}

export async function visit(
  { manager }: Pick<Rig, "manager">,
  cookie?: string,
  options: TestExchangeOptions = {},
): Promise<Visit> {
  const exchange = testExchange({ ...options, ...(cookie !== undefined && { cookie }) });
  const session = await manager.startRequest(exchange);
  return {
    exchange,
    session,
    finish: async () => void (await manager.finishSuccessfulRequest(exchange)),
    fail: async () => void (await manager.finishFailedRequest(exchange)),
  };
}

/** A whole successful request. Resolves to the cookie that the client holds after it. */
export async function done(
  where: Pick<Rig, "manager">,
  cookie: string | undefined,
  handler: (session: AnySession) => void | Promise<void>,
): Promise<string | undefined> {
  const one = await visit(where, cookie);
  await handler(one.session);
  await one.finish();
  await Promise.all(one.exchange.background);
  return one.exchange.cookies.length > 0 ? cookieAfter(one.exchange) : cookie;
}

/** A session that is stored, with these fields. Resolves to its cookie. */
export async function stored(where: Pick<Rig, "manager">, fields: object = { here: 1 }): Promise<string> {
  const cookie = await done(where, undefined, (session) => void Object.assign(session.data, fields));
  if (cookie === undefined) throw new Error("no cookie was set");
  return cookie;
}

/** A session of a logged-in user. */
export async function loggedIn(
  where: Pick<Rig, "manager">,
  user = "ann",
  fields: object = {},
): Promise<string> {
  const cookie = await done(where, undefined, (session) => {
    session.login(user);
    Object.assign(session.data, fields);
  });
  if (cookie === undefined) throw new Error("no cookie was set");
  return cookie;
}

/** What the next request sees, or `null` when the cookie opens nothing. */
export async function seen(where: Pick<Rig, "manager">, cookie: string | undefined): Promise<object | null> {
  const { session } = await visit(where, cookie);
  return session.isNew ? null : { ...session.data };
}

/** The code of the error that a promise rejects with; fails when it does not. */
export async function codeOf(work: Promise<unknown> | (() => unknown)): Promise<string> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    return SessionError.is(error) ? error.code : `not ours: ${String(error)}`;
  }
  return "no error";
}

const UNBOUNDED: Call = { signal: new AbortController().signal };

/** The live sessions that the store holds, marks left out. */
export async function recordsOf({ store }: Pick<Rig, "store">): Promise<SessionRecord[]> {
  const page = await store.all?.({ limit: 10_000 }, UNBOUNDED);
  return (page?.records ?? []).filter((record) => record.secretHash !== "");
}

/** Lets every promise that can settle by itself settle. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export function setCookies(exchange: TestExchange): string[] {
  return exchange.cookies.map((cookie) => cookie.value);
}

/** Fails a test after which a rejection was left to nobody. */
export function noUnhandledRejections(): void {
  const loose: unknown[] = [];
  const note = (reason: unknown): void => void loose.push(reason);
  beforeEach(() => {
    loose.length = 0;
    process.on("unhandledRejection", note);
  });
  afterEach(async () => {
    await settled();
    process.off("unhandledRejection", note);
    expect(loose).toEqual([]);
  });
}

export type { TestExchange };
