import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, test } from "vitest";
import { type OpenedStore, storeContract, type StoreSubject } from "../../../src/testing/index.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisCluster, type RedisKind, RedisSentinel, RedisServer } from "../../support/servers/redis.ts";
import { type ClientName, openRedis, type RedisLocation, type Topology } from "./clients.ts";
import { laggingSubject } from "../cached/support.ts";
import { damageOf } from "./damage.ts";

/** What the subjects of one topology share: a server, or several. */
interface Place {
  ports: readonly number[];
  stop(): Promise<void>;
}

const START = {
  async standalone(kind: RedisKind): Promise<Place> {
    const server = await RedisServer.start({ kind });
    return { ports: [server.port], stop: () => server.stop() };
  },
  async sentinel(kind: RedisKind): Promise<Place> {
    const sentinel = await RedisSentinel.start({ kind });
    return { ports: sentinel.addresses.map(({ port }) => port), stop: () => sentinel.stop() };
  },
  async cluster(kind: RedisKind): Promise<Place> {
    const cluster = await RedisCluster.start({ kind });
    return { ports: cluster.addresses.map(({ port }) => port), stop: () => cluster.stop() };
  },
} satisfies Record<Topology, (kind: RedisKind) => Promise<Place>>;

function subjectOf(
  name: string,
  client: ClientName,
  topology: Topology,
  place: () => Place,
  effort: number,
  more: Partial<RedisLocation> = {},
): StoreSubject {
  return {
    name,
    effort,
    async open() {
      // A prefix of its own, so that no subject finds what another left.
      const where = { client, topology, ports: place().ports };
      const location: RedisLocation = { ...where, prefix: `${randomUUID()}:`, ...more };
      const text = JSON.stringify(location);
      const damage = await damageOf(location, effort);
      const first = await handleOf(text);
      return {
        ...first,
        close: async () => {
          await first.close();
          await damage.close();
        },
        openAgain: () => handleOf(text),
        worker: {
          module: new URL("./clients.ts", import.meta.url),
          export: "openRedis",
          location: text,
        },
        damage: damage.ways,
      };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: "the engine removes expired records",
      setup: true,
      subscribe: true,
      dispose: true,
      "second handle": true,
      processes: true,
      damage: true,
    },
  };
}

async function handleOf(location: string): Promise<OpenedStore> {
  const store = await openRedis(location);
  await store.setup({ signal: new AbortController().signal });
  return { store, close: () => store.close() };
}

/** Holds a store that is covered by a cache to the same contract, and to it as one process sees it that takes what is kept. */
export function cachedContractOf(kind: RedisKind, rows: readonly Row[]): void {
  withServers([kind], () => {
    describe(`${kind}, cached`, () => {
      let place: Place | undefined;
      beforeAll(async () => {
        place = await START.standalone(kind);
      });
      afterAll(() => place?.stop());
      for (const [client, effort] of rows) {
        const name = `${kind} by ${client}, cached`;
        const more = { cached: { staleness: "1h" } } as const;
        const subject = subjectOf(name, client, "standalone", () => place as Place, effort, more);
        storeContract({ test, describe }, subject);
        storeContract({ test, describe }, laggingSubject(subject));
      }
    });
  });
}

/** A client, and how much work the random rules do. */
type Row = readonly [ClientName, number];

/** Holds the store to its contract by each client, all on the same servers. */
export function contractOf(kind: RedisKind, topology: Topology, rows: readonly Row[]): void {
  withServers([kind], () => {
    describe(`${kind}, ${topology}`, () => {
      let place: Place | undefined;
      beforeAll(async () => {
        place = await START[topology](kind);
      });
      afterAll(() => place?.stop());
      for (const [client, effort] of rows) {
        const name = `${kind} by ${client}, ${topology}`;
        storeContract(
          { test, describe },
          subjectOf(name, client, topology, () => place as Place, effort),
        );
      }
    });
  });
}
