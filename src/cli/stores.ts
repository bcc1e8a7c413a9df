import { existsSync } from "node:fs";
import type { AnyStore, Call, DisposableStore, Page, SessionRecord } from "../index.ts";
import { type StoreAddress, storeAddress } from "../open-store/address.ts";
import { driversOf } from "../open-store/driver.ts";
import { pathOf } from "../open-store/path.ts";
import { openAt } from "../open-store/openers.ts";
import { bounded, type Limits } from "./bounded.ts";
import { Ending, endingOf, EXIT, refuseUsage } from "./exit.ts";
import { refusePassword, shownUrl, withPassword } from "./secrets.ts";
import type { World } from "./world.ts";

/** Records that are asked for at a time. */
const PAGE = 500;

/** Where a URL may come from. */
export interface UrlSource {
  /** The argument or option of the command line. */
  readonly given: string | undefined;
  readonly variable: "HOLDFAST_STORE" | "HOLDFAST_FROM" | "HOLDFAST_TO";
}

/** The address of the store that the command line names, or else the environment. Refuses what would show a password. */
export function addressOf({ given, variable }: UrlSource, world: World): OpenAddress {
  if (given !== undefined) refusePassword(given, variable);
  const url = given ?? world.environment[variable];
  if (url === undefined || url === "") {
    refuseUsage(
      `Which store? Give its URL, such as redis://localhost:6379 or file:sessions.db, or set the environment variable ${variable}.`,
    );
  }
  return { shown: shownUrl(url), address: storeAddress(withPassword(url, world.environment)) };
}

export interface OpenAddress {
  readonly address: StoreAddress;
  /** The URL as it may be printed. */
  readonly shown: string;
}

/** A store that the program opened, with a deadline for each call. */
export class OpenedStore {
  readonly store: AnyStore & DisposableStore;
  readonly shown: string;
  readonly #limits: Limits;

  constructor(store: AnyStore & DisposableStore, shown: string, limits: Limits) {
    this.store = store;
    this.shown = shown;
    this.#limits = limits;
  }

  /**
   * Makes one call. Rejects when the store does not answer in time, or the program is told to stop. The store's own answer comes
   * first: at the deadline it says why it could not.
   */
  async call<T>(work: (store: AnyStore, call: Call) => T | Promise<T> | undefined): Promise<T> {
    const late = new Ending(EXIT.unreachable, `The store ${this.shown} does not answer.`);
    try {
      return await bounded(this.#limits, late, async (signal) => (await work(this.store, { signal })) as T);
    } catch (error) {
      if (this.#limits.stopped.aborted) throw new Ending(EXIT.stopped, "Stopped.");
      throw this.#named(error);
    }
  }

  #named(error: unknown): Ending {
    const { code, message } = endingOf(error);
    if (code !== EXIT.unreachable || error instanceof Ending) return new Ending(code, message);
    return new Ending(code, `The store ${this.shown} cannot be reached, or fails. ${message}`);
  }

  /** @throws {@link Ending} when the store cannot do something. */
  demand(ability: keyof AnyStore, what: string): void {
    if (this.store[ability] !== undefined) return;
    throw new Ending(EXIT.refused, `The store ${this.shown} cannot ${what}.`);
  }

  /** Every record, marks and expired ones included. */
  async *records(): AsyncGenerator<SessionRecord, void, void> {
    this.demand("all", "list all sessions. Name a user with --user");
    yield* this.#pages((after) => this.call((store, call) => store.all?.({ limit: PAGE, ...after }, call)));
  }

  /** Those that bear a label; without the application's fields. */
  async *labelled(label: string): AsyncGenerator<SessionRecord, void, void> {
    this.demand("listByLabel", "find the sessions of a user");
    yield* this.#pages((after) =>
      this.call((store, call) => store.listByLabel?.(label, { limit: PAGE, ...after }, call)),
    );
  }

  async *#pages(
    page: (after: { readonly after?: string }) => Promise<Page>,
  ): AsyncGenerator<SessionRecord, void, void> {
    let after: string | undefined;
    do {
      const { records, next } = await page(after === undefined ? {} : { after });
      yield* records;
      after = next;
    } while (after !== undefined);
  }

  async close(): Promise<void> {
    // What a dead network keeps open ends with the process.
    await Promise.race([
      this.store.close(),
      new Promise((resolve) => setTimeout(resolve, CLOSING_MS).unref()),
    ]);
  }
}

/** How long a store may take to let go of its client. */
const CLOSING_MS = 2000;

/** Opens a store that is there already: a file that was mistyped is not made. */
export async function openExisting(
  { address, shown }: OpenAddress,
  world: World,
  timeoutMs: number,
): Promise<OpenedStore> {
  if (["file", "lmdb"].includes(address.scheme) && !existsSync(pathOf(address.rest))) {
    throw new Ending(
      EXIT.refused,
      `There is no ${pathOf(address.rest)}. \`holdfast setup\` makes it; or is the path another one?`,
    );
  }
  return await openAny({ address, shown }, world, timeoutMs);
}

export async function openAny(
  { address, shown }: OpenAddress,
  world: World,
  timeoutMs: number,
): Promise<OpenedStore> {
  const store = await openAt(address, driversOf(world.folder));
  return new OpenedStore(store, shown, { timeoutMs, stopped: world.stopped });
}

/** Opens the store, does the work, and closes it whatever came of it. */
export async function using<T>(
  opening: Promise<OpenedStore>,
  work: (opened: OpenedStore) => Promise<T>,
): Promise<T> {
  const opened = await opening;
  try {
    return await work(opened);
  } finally {
    await opened.close().catch(() => undefined);
  }
}
