import { afterAll, afterEach, beforeAll, describe } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { withServers } from "../support/servers/programs.ts";
import { CACHED_NAMES, type EngineName, ENGINES, need, STRICT_NAMES } from "./support/engines.ts";
import { openPlace, type Place } from "./support/places.ts";

/** Makes a store that nobody used before. */
export type Opener = () => Promise<AnyStore>;

/** What rules are told of the store that they are tried on. */
export interface Variant {
  readonly open: Opener;
  readonly engine: EngineName;
  /** Opens a store at a new place once more for every time it is called: handles as of several processes. */
  places(): Promise<readonly Place[]>;
  /** Opens the store of a place; closed after the test. */
  openAt(place: Place): Promise<AnyStore>;
}

/** A pooler changes how PostgreSQL is reached, not how it answers: the storms go through it. */
const IN_PROCESS: readonly EngineName[] = STRICT_NAMES.filter((name) => name !== "pgbouncer");
/** The same, and those with a cache: in one process nothing is to be seen of it. */
export const CACHED_TOO: readonly EngineName[] = [...IN_PROCESS, ...CACHED_NAMES];

/** Starting a database server, on a machine with other things to do. */
const START_MS = 120_000;

/** Describes the same rules for every store there is, by each of its clients. */
export function everyStore(
  rules: (open: Opener, variant: Variant) => void,
  engines: readonly EngineName[] = IN_PROCESS,
): void {
  for (const engine of engines)
    withServers(ENGINES[engine].needs, () => {
      ENGINES[engine].clients.forEach((client, index) => storeBy(engine, client, index, rules));
    });
}

function storeBy(
  engine: EngineName,
  client: string,
  index: number,
  rules: (open: Opener, variant: Variant) => void,
): void {
  describe(client === engine ? `in ${engine}` : `in ${engine} by ${client}`, () => {
    const needed = need(engine);
    const opened: AnyStore[] = [];
    beforeAll(async () => void (await needed.running()), START_MS);
    afterEach(async () => {
      for (const store of opened.splice(0)) await store.close?.();
    });
    afterAll(() => needed.over(), START_MS);
    const places = async (): Promise<readonly Place[]> => (await needed.running()).places();
    const openAt = async (place: Place): Promise<AnyStore> => {
      const store = await openPlace(place);
      opened.push(store);
      return store;
    };
    const open = async (): Promise<AnyStore> => {
      const place = (await places())[index];
      if (place === undefined) throw new RangeError(`${engine} has no client ${index}.`);
      return await openAt(place);
    };
    rules(open, { open, engine, places, openAt });
  });
}

/** A store whose client sends every write twice by itself, and takes the second answer. */
export function resending(inner: AnyStore): AnyStore {
  const twice =
    <Args extends unknown[], Answer>(method: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      await method.apply(inner, args);
      return await method.apply(inner, args);
    };
  return new Proxy(Object.create(inner) as AnyStore, {
    get(_heir, name: keyof AnyStore) {
      if (name === "traits") return { ...inner.traits, resends: true };
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== "function") return value;
      if (name === "create" || name === "update" || name === "delete") return twice(value as never);
      return value.bind(inner) as unknown;
    },
  });
}
