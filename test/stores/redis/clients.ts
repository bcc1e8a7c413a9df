// Opens Redis stores by a text that can be handed to another process. Whoever imports this needs nothing else to reach the same data.
import type * as ioredis from "ioredis";
import type * as redis from "redis";
import { cached, type CachedOptions } from "../../../src/stores/cached.ts";
import {
  type RedisStore,
  type RedisStoreClient,
  type RedisStoreOptions,
  redisStore,
} from "../../../src/stores/redis.ts";

export type ClientName = "redis6" | "redis5" | "ioredis6" | "ioredis5" | "iovalkey";
export type Topology = "standalone" | "sentinel" | "cluster";

/** Where the data is and by which client it is reached. As JSON it is what {@link openRedis} takes. */
export interface RedisLocation {
  readonly client: ClientName;
  readonly topology: Topology;
  /** Of the server, of the sentinels, or of the cluster's nodes. */
  readonly ports: readonly number[];
  readonly prefix: string;
  readonly options?: RedisStoreOptions;
  /** Covers the store with a cache. */
  readonly cached?: CachedOptions;
  /** Through which port each server is reached whose own is the name, where a client learns of servers by itself. */
  readonly through?: Readonly<Record<number, number>>;
}

/** A client of the application, and how the application ends it. */
export interface OpenClient {
  readonly client: RedisStoreClient;
  end(): Promise<void>;
}

const HOST = "127.0.0.1";
const SENTINEL_NAME = "holdfast";

/** Opens the store at a location, by a client of its own that is ended when the store is closed. */
export async function openRedis(location: string): Promise<RedisStore> {
  const { prefix, options, cached: covered, ...where } = JSON.parse(location) as RedisLocation;
  const { client, end } = await openClient(where);
  const store = redisStore(client, { prefix, ...options });
  const close = store.close.bind(store);
  let closing: Promise<void> | undefined;
  store.close = () => (closing ??= close().then(end));
  return covered === undefined ? store : cached(store, covered);
}

type AddressMap = Record<string, { readonly host: string; readonly port: number }> | undefined;

function mapped(through: RedisLocation["through"]): AddressMap {
  if (through === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(through).map(([own, port]) => [`${HOST}:${own}`, { host: HOST, port }]),
  );
}

type NodeRedis = typeof redis;
type Ioredis = Pick<typeof ioredis, "Redis" | "Cluster">;

/** Connects a client with the settings that the store's page recommends. Loads that client alone: workers start by the dozen. */
export async function openClient({
  client,
  topology,
  ports,
  through,
}: Pick<RedisLocation, "client" | "topology" | "ports" | "through">): Promise<OpenClient> {
  switch (client) {
    case "redis6":
      return openNodeRedis(await import("redis"), topology, ports, mapped(through));
    case "redis5":
      return openNodeRedis(
        (await import("redis5")) as unknown as NodeRedis,
        topology,
        ports,
        mapped(through),
      );
    case "ioredis6":
      return openIoredis(await import("ioredis"), topology, ports, mapped(through));
    case "ioredis5":
      return openIoredis((await import("ioredis5")) as unknown as Ioredis, topology, ports, mapped(through));
    case "iovalkey":
      return openIoredis((await import("iovalkey")) as unknown as Ioredis, topology, ports, mapped(through));
  }
}

async function openNodeRedis(
  { createClient, createCluster, createSentinel }: NodeRedis,
  topology: Topology,
  ports: readonly number[],
  nodeAddressMap: AddressMap,
): Promise<OpenClient> {
  const map = nodeAddressMap === undefined ? {} : { nodeAddressMap };
  const nodeOptions = {
    commandOptions: { timeout: 0 },
    pingInterval: 1000,
    socket: {
      connectTimeout: 1000,
      socketTimeout: 4000,
      reconnectStrategy: (retries: number) => Math.min(20 * 2 ** retries, 500),
    },
  };
  const nodes = ports.map((port) => ({ host: HOST, port }));
  const client =
    topology === "standalone"
      ? createClient({ ...nodeOptions, url: `redis://${HOST}:${ports[0]}` })
      : topology === "cluster"
        ? createCluster({
            ...map,
            rootNodes: nodes.map((socket) => ({ socket })),
            defaults: nodeOptions,
            commandOptions: nodeOptions.commandOptions,
          })
        : createSentinel({
            ...map,
            name: SENTINEL_NAME,
            sentinelRootNodes: nodes,
            nodeClientOptions: nodeOptions,
            sentinelClientOptions: nodeOptions,
            commandOptions: nodeOptions.commandOptions,
          });
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    end: async () => {
      await client.destroy();
    },
  };
}

async function openIoredis(
  { Redis, Cluster }: Ioredis,
  topology: Topology,
  ports: readonly number[],
  natMap: AddressMap,
): Promise<OpenClient> {
  const map = natMap === undefined ? {} : { natMap };
  const nodeOptions = {
    connectTimeout: 1000,
    socketTimeout: 4000,
    retryStrategy: (retries: number) => Math.min(20 * 2 ** retries, 500),
    maxLoadingRetryTime: 500,
  };
  const nodes = ports.map((port) => ({ host: HOST, port }));
  const client =
    topology === "standalone"
      ? new Redis({ ...nodeOptions, host: HOST, port: ports[0] ?? 0 })
      : topology === "cluster"
        ? new Cluster(nodes, { ...map, redisOptions: { connectTimeout: 1000, socketTimeout: 4000 } })
        : new Redis({ ...nodeOptions, ...map, sentinels: nodes, name: SENTINEL_NAME });
  client.on("error", () => {});
  if (client instanceof Cluster) await discovered(client);
  return { client, end: async () => client.disconnect() };
}

/**
 * Waits a little until a cluster's client has found out who is a primary, as an application does before it serves: it closes what it
 * connected to for that, and the store takes no end of a connection lightly. One that cannot find out is left to the test.
 */
async function discovered(cluster: ioredis.Cluster): Promise<void> {
  const until = Date.now() + 1000;
  const primaries = (): number => new Set(cluster.slots.map(([address]) => address)).size;
  const isSettled = (): boolean =>
    cluster.status === "ready" && primaries() > 0 && cluster.nodes("master").length === primaries();
  while (!isSettled() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
}
