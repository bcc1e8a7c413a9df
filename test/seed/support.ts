import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "vitest";
import {
  type AnySession,
  type AnyStore,
  type FieldSchemas,
  type RequestHooks,
  serializeCookie,
  type Session,
  SessionManager,
  type SessionManagerOptions,
  type SessionRecord,
} from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { cookieJar, type CookieJar } from "../../src/testing/cookie-jar.ts";
import { type ManualClock, manualClock } from "../../src/testing/clock.ts";
import { faultyStore, type FaultyStore } from "../../src/testing/faults.ts";
import { testExchange, type TestExchange, type TestExchangeOptions } from "../support/exchange.ts";

export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;
export const HOUR: number = 60 * MINUTE;
export const DAY: number = 24 * HOUR;
export const COOKIE_NAME = "__Host-Http-sid";

type Options<S extends AnySession> = Omit<SessionManagerOptions<FieldSchemas, S>, "store" | "clock">;

/** A manager over a store whose calls are counted, at a time that stands still. */
export interface Site<S extends AnySession> {
  readonly manager: SessionManager<Record<string, unknown>, FieldSchemas, S>;
  readonly clock: ManualClock;
  readonly calls: FaultyStore<AnyStore>;
  visitor(): Visitor<S>;
}

export function site<S extends AnySession = Session>(
  store: AnyStore = memoryStore(),
  options: Options<S> = {},
): Site<S> {
  const clock = manualClock();
  const calls = faultyStore(store);
  const manager = new SessionManager<Record<string, unknown>, FieldSchemas, S>({
    ...options,
    store: calls.store,
    clock,
  });
  return { manager, clock, calls, visitor: () => new Visitor<S>(manager, cookieJar({ clock })) };
}

/** One request between its arrival and its end. */
export interface Arrival<S> {
  readonly session: S;
  readonly exchange: TestExchange;
  /** The handler is done; also when it answered with a 4xx. */
  leave(): Promise<void>;
  /** The handler threw what nobody expected. */
  crash(): Promise<void>;
}

/** A browser: it keeps what responses tell it to keep, and sends it back. */
export class Visitor<S extends AnySession> {
  readonly #hooks: RequestHooks<S>;
  readonly jar: CookieJar;

  constructor(hooks: RequestHooks<S>, jar: CookieJar) {
    this.#hooks = hooks;
    this.jar = jar;
  }

  /** The Cookie header that the next request sends. */
  get cookie(): string | undefined {
    return this.jar.header("https://shop.example/app/");
  }

  async arrive(options: TestExchangeOptions = {}): Promise<Arrival<S>> {
    const { cookie } = this;
    const exchange = testExchange({ ...(cookie !== undefined && { cookie }), ...options });
    const session = await this.#hooks.startRequest(exchange);
    return {
      session,
      exchange,
      leave: () => this.#ended(exchange, () => this.#hooks.finishSuccessfulRequest(exchange)),
      crash: () => this.#ended(exchange, () => this.#hooks.finishFailedRequest(exchange)),
    };
  }

  /** One whole request. */
  async visit(handler: (session: S) => unknown = () => {}): Promise<TestExchange> {
    const request = await this.arrive();
    await handler(request.session);
    await request.leave();
    return request.exchange;
  }

  /** One request whose handler fails at its end. */
  async visitThatFails(handler: (session: S) => unknown): Promise<TestExchange> {
    const request = await this.arrive();
    await handler(request.session);
    await request.crash();
    return request.exchange;
  }

  /** One request that reads. */
  async see<T>(read: (session: S) => T): Promise<T> {
    const request = await this.arrive();
    const seen = read(request.session);
    await request.leave();
    return seen;
  }

  async #ended(exchange: TestExchange, finish: () => void | Promise<void>): Promise<void> {
    try {
      await finish();
    } finally {
      this.jar.take(exchange.cookies.map(serializeCookie), "https://shop.example/app/page");
      await Promise.all(exchange.background);
    }
  }
}

/** A store in a place of its own. */
export interface Place {
  readonly store: AnyStore;
  /** The file or folder; `null` for memory. */
  readonly path: string | null;
  /** Opens the same records as another process, or this one after a restart, would. Memory is its own only handle. */
  again(): AnyStore;
  close(): Promise<void>;
}

interface Opener {
  readonly name: string;
  open(): Promise<Place>;
}

export const DIRECTORY: Opener = {
  name: "directory",
  open: () => placed("sessions", (path) => directoryStore(path)),
};

export const SQLITE: Opener = {
  name: "sqlite",
  open: () => placed("sessions.db", (path) => sqliteStore(path)),
};

export const STORES: readonly Opener[] = [
  {
    name: "memory",
    async open() {
      const store = memoryStore();
      return { store, path: null, again: () => store, close: () => store.close() };
    },
  },
  DIRECTORY,
  SQLITE,
];

async function placed(name: string, make: (path: string) => AnyStore): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-seed-"));
  const path = join(folder, name);
  const opened: AnyStore[] = [];
  const again = (): AnyStore => {
    const store = make(path);
    opened.push(store);
    return store;
  };
  return {
    store: again(),
    path,
    again,
    async close() {
      for (const store of opened) await store.close?.();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Registers a test for each of the stores. */
export function onEveryStore(name: string, run: (place: Place) => Promise<void>): void {
  for (const opener of STORES) onStore(opener, name, run);
}

export function onStore(opener: Opener, name: string, run: (place: Place) => Promise<void>): void {
  test(`${name} [${opener.name}]`, async () => {
    const place = await opener.open();
    try {
      await run(place);
    } finally {
      await place.close();
    }
  });
}

export function call(): { readonly signal: AbortSignal } {
  return { signal: new AbortController().signal };
}

/** Everything that is stored, marks and expired records included. */
export async function stored(store: AnyStore): Promise<readonly SessionRecord[]> {
  const page = await store.all?.({ limit: 1000 }, call());
  return page?.records ?? [];
}

/** Prepares a store that no manager has prepared yet. */
export async function setUp(store: AnyStore): Promise<void> {
  await store.setup?.(call());
}

/** Collects what an asynchronous walk gives. */
export async function listed<T>(walk: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of walk) found.push(item);
  return found;
}
