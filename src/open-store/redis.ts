import { SessionError } from "../core/errors.ts";
import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type RedisStoreClient, redisStore } from "../stores/redis.ts";
import type { StoreAddress } from "./address.ts";
import { type Driver, findDriver, withClient } from "./driver.ts";
import { named } from "./named.ts";

const DRIVERS = ["redis", "ioredis", "iovalkey"] as const;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;

/** What a connection waits for at most: a network that swallows everything is noticed, and connected to anew. */
const PATIENCE = { connectTimeout: 2000, socketTimeout: 5000 };
const RETRY_MS = 500;

/** The parts of node-redis and of ioredis that are called here; `redisStore` looks at the rest by itself. */
interface NodeRedisLike {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  destroy(): unknown;
}
interface IoredisLike {
  on(event: "error", listener: () => void): unknown;
  disconnect(): void;
}
type NodeRedisFunction = (options: object) => NodeRedisLike;
type IoredisClass = new (...options: readonly unknown[]) => IoredisLike;

/** What a client has to be made of, for either family of drivers. */
interface Plan {
  readonly nodeRedis: {
    readonly make: "createClient" | "createCluster" | "createSentinel";
    readonly options: object;
  };
  readonly ioredis: { readonly make: "Redis" | "Cluster"; readonly options: readonly unknown[] };
}

export function openRedis(address: StoreAddress): Promise<AnyStore & DisposableStore> {
  const url = address.without("prefix", "durability");
  return opened(address, {
    nodeRedis: { make: "createClient", options: { url, ...NODE_REDIS } },
    ioredis: { make: "Redis", options: [url, PATIENCE] },
  });
}

export function openRedisCluster(address: StoreAddress): Promise<AnyStore & DisposableStore> {
  const nodes = hostsOf(address, DEFAULT_PORT);
  const tls = address.scheme.startsWith("rediss");
  const login = loginOf(address);
  const rootNodes = nodes.map((socket) => ({ socket: { ...socket, ...(tls && { tls }) } }));
  const defaults = { ...NODE_REDIS, ...login, socket: { ...NODE_REDIS.socket, ...(tls && { tls }) } };
  const redisOptions = { ...PATIENCE, ...login, ...(tls && { tls: {} }) };
  return opened(address, {
    nodeRedis: {
      make: "createCluster",
      options: { rootNodes, defaults, commandOptions: NODE_REDIS.commandOptions },
    },
    ioredis: { make: "Cluster", options: [nodes, { redisOptions }] },
  });
}

export function openRedisSentinel(address: StoreAddress): Promise<AnyStore & DisposableStore> {
  const name = address.path;
  if (name === "") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "The URL of sentinels ends with the name of the primary that they watch over: redis+sentinel://host:26379/name.",
    );
  }
  const nodes = hostsOf(address, DEFAULT_SENTINEL_PORT);
  const login = loginOf(address);
  return opened(address, {
    nodeRedis: {
      make: "createSentinel",
      options: {
        name,
        sentinelRootNodes: nodes,
        nodeClientOptions: { ...NODE_REDIS, ...login },
        sentinelClientOptions: NODE_REDIS,
        commandOptions: NODE_REDIS.commandOptions,
      },
    },
    ioredis: { make: "Redis", options: [{ sentinels: nodes, name, ...PATIENCE, ...login }] },
  });
}

/** A timeout of the driver's own for each command costs more than the command; the core has a deadline anyway. */
const NODE_REDIS = {
  commandOptions: { timeout: 0 },
  pingInterval: 1000,
  socket: { ...PATIENCE, reconnectStrategy: (tries: number): number => Math.min(20 * 2 ** tries, RETRY_MS) },
};

async function opened(address: StoreAddress, plan: Plan): Promise<AnyStore & DisposableStore> {
  const driver = await findDriver(DRIVERS);
  const { client, release } =
    driver.name === "redis" ? nodeRedisClient(driver, plan.nodeRedis) : ioredisClient(driver, plan.ioredis);
  const store = redisStore(client as unknown as RedisStoreClient, named(address, ["prefix", "durability"]));
  return withClient(store, release);
}

interface OpenClient {
  readonly client: object;
  release(): Promise<void>;
}

function nodeRedisClient({ exports }: Driver, { make, options }: Plan["nodeRedis"]): OpenClient {
  const client = (exports[make] as NodeRedisFunction)(options);
  client.on("error", ignore);
  const stopConnecting = keepConnecting(client);
  return {
    client,
    async release() {
      stopConnecting();
      client.destroy();
    },
  };
}

function ioredisClient({ exports }: Driver, { make, options }: Plan["ioredis"]): OpenClient {
  const client = new (exports[make] as IoredisClass)(...options);
  client.on("error", ignore);
  return { client, release: async () => client.disconnect() };
}

/** A cluster or sentinels that cannot be reached at first make `connect` reject once and for all, so it is called again. */
function keepConnecting(client: NodeRedisLike): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const connect = (): void =>
    void client.connect().catch(() => {
      if (!stopped) timer = setTimeout(connect, RETRY_MS);
    });
  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

function hostsOf({ hosts }: StoreAddress, defaultPort: number): { host: string; port: number }[] {
  return hosts.map(({ host, port }) => ({ host, port: port ?? defaultPort }));
}

function loginOf({ username, password }: StoreAddress): { username?: string; password?: string } {
  return { ...(username !== "" && { username }), ...(password !== "" && { password }) };
}

/** The calls learn of what is wrong, and reject. */
function ignore(): void {}
