// Tries the stores that are reached over the network on the runtime that runs this. HOLDFAST_REDIS and HOLDFAST_POSTGRES say where they are.
import { randomUUID } from "node:crypto";
import type { AnyStore } from "../../../src/index.ts";
import type { OpenedStore, StoreSubject } from "../../../src/testing/index.ts";
import { openPostgres, type PostgresDriverName } from "../../stores/postgres/clients.ts";
import { type ClientName, openRedis } from "../../stores/redis/clients.ts";
import { tryStores } from "./support/trial.ts";

// The contract's worker processes import this program, and open their stores by it.
export { openPostgres, openRedis };

interface Place {
  readonly name: string;
  readonly open: (location: string) => Promise<AnyStore>;
  readonly export: string;
  /** A location that nobody else uses. */
  fresh(): object;
  readonly sweeps: true | string;
  readonly effort: number;
}

function subject(place: Place): StoreSubject {
  async function handle(location: string): Promise<OpenedStore> {
    const store = await place.open(location);
    await store.setup?.({ signal: new AbortController().signal });
    return { store, close: async () => store.close?.() };
  }
  return {
    name: place.name,
    effort: place.effort,
    async open() {
      const location = JSON.stringify(place.fresh());
      return {
        ...(await handle(location)),
        openAgain: () => handle(location),
        worker: { module: new URL(import.meta.url), export: place.export, location },
      };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: place.sweeps,
      setup: true,
      subscribe: true,
      dispose: true,
      "second handle": true,
      processes: true,
      damage: "what is spoilt behind the store's back is tried on the Node of the tools",
    },
  };
}

function redis(client: ClientName): StoreSubject {
  return subject({
    name: `redis by ${client}`,
    open: openRedis,
    export: "openRedis",
    fresh: () => ({
      client,
      topology: "standalone",
      ports: [Number(process.env["HOLDFAST_REDIS"])],
      prefix: `${randomUUID()}:`,
    }),
    sweeps: "the engine removes expired records",
    effort: 0.02,
  });
}

function postgres(driver: PostgresDriverName): StoreSubject {
  const where = JSON.parse(process.env["HOLDFAST_POSTGRES"] ?? "{}") as object;
  return subject({
    name: `postgres by ${driver}`,
    open: openPostgres,
    export: "openPostgres",
    fresh: () => ({
      ...where,
      driver,
      schema: `rules_${randomUUID().replaceAll("-", "")}`,
      notify: true,
      connections: 2,
    }),
    sweeps: true,
    effort: 0.02,
  });
}

await tryStores({
  redis6: () => redis("redis6"),
  ioredis6: () => redis("ioredis6"),
  "pg-pool": () => postgres("pg-pool"),
  "postgres.js": () => postgres("postgres.js"),
});
