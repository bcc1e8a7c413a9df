import { SessionError } from "../core/errors.ts";
import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type RedisStoreClient, redisStore } from "../stores/redis.ts";
import type { StoreAddress } from "./address.ts";
import { type Driver, type FindDriver, withClient } from "./driver.ts";
import { named } from "./named.ts";

const DRIVERS = ["redis", "ioredis", "iovalkey"] as const;
export const DEFAULT_PORT = 6379;
export const DEFAULT_SENTINEL_PORT = 26_379;

/** What a connection waits for at most: a network that swallows everything is noticed, and connected to anew. */
const PATIENCE = { connectTimeout: 2000, socketTimeout: 5000 };
const RETRY_MS = 500;

/** The parts of node-redis and of ioredis that are called here; `redisStore` looks at the rest by itself. */
interface NodeRedisLike {
  on(event: "error", listener: () => void): unknown;
  connect(): Promise<unknown>;
  sendCommand(words: readonly string[]): Promise<unknown>;
  destroy(): unknown;
}
interface IoredisLike {
  on(event: "error", listener: () => void): unknown;
  call(name: string, ...words: readonly string[]): Promise<unknown>;
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

export function openRedis(address: StoreAddress, find: FindDriver): Promise<AnyStore & DisposableStore> {
  const url = address.without("prefix", "durability");
  return opened(address, find, {
    nodeRedis: { make: "createClient", options: { url, ...NODE_REDIS } },
    ioredis: { make: "Redis", options: [url, PATIENCE] },
  });
}

export function openRedisCluster(
  address: StoreAddress,
  find: FindDriver,
): Promise<AnyStore & DisposableStore> {
  const nodes = hostsOf(address, DEFAULT_PORT);
  const tls = address.scheme.startsWith("rediss");
  const login = loginOf(address);
  const rootNodes = nodes.map((socket) => ({ socket: { ...socket, ...(tls && { tls }) } }));
  const defaults = { ...NODE_REDIS, ...login, socket: { ...NODE_REDIS.socket, ...(tls && { tls }) } };
  const redisOptions = { ...PATIENCE, ...login, ...(tls && { tls: {} }) };
  return opened(address, find, {
    nodeRedis: {
      make: "createCluster",
      options: { rootNodes, defaults, commandOptions: NODE_REDIS.commandOptions },
    },
    ioredis: { make: "Cluster", options: [nodes, { redisOptions }] },
  });
}

export function openRedisSentinel(
  address: StoreAddress,
  find: FindDriver,
): Promise<AnyStore & DisposableStore> {
  const name = address.path;
  if (name === "") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "The URL of sentinels ends with the name of the primary that they watch over: redis+sentinel://host:26379/name.",
    );
  }
  const nodes = hostsOf(address, DEFAULT_SENTINEL_PORT);
  const login = loginOf(address);
  return opened(address, find, {
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

/** One server, and what can be asked of it. */
export interface RedisConnection {
  /** Sends one command and gives its answer: texts, numbers, and lists of them. */
  command(...words: string[]): Promise<unknown>;
  release(): Promise<void>;
}

/** Connects to one server by itself, with the login and the encryption of a URL: a node of a cluster, a sentinel, a primary. */
export async function connectRedis(
  address: StoreAddress,
  { host, port }: { readonly host: string; readonly port: number },
  find: FindDriver,
): Promise<RedisConnection> {
  const driver = await find(DRIVERS);
  const tls = address.scheme.startsWith("rediss");
  const login = loginOf(address);
  if (driver.name === "redis") {
    const socket = { ...NODE_REDIS.socket, host, port, ...(tls && { tls }) };
    const client = (driver.exports["createClient"] as NodeRedisFunction)({ ...NODE_REDIS, ...login, socket });
    client.on("error", ignore);
    const stopConnecting = keepConnecting(client);
    return {
      command: (...words) => client.sendCommand(words),
      async release() {
        stopConnecting();
        client.destroy();
      },
    };
  }
  const options = { host, port, ...PATIENCE, ...login, ...(tls && { tls: {} }) };
  const client = new (driver.exports["Redis"] as IoredisClass)(options);
  client.on("error", ignore);
  return {
    command: (name = "", ...words) => client.call(name, ...words),
    release: async () => client.disconnect(),
  };
}

async function opened(
  address: StoreAddress,
  find: FindDriver,
  plan: Plan,
): Promise<AnyStore & DisposableStore> {
  const driver = await find(DRIVERS);
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

export function hostsOf({ hosts }: StoreAddress, defaultPort: number): { host: string; port: number }[] {
  return hosts.map(({ host, port }) => ({ host, port: port ?? defaultPort }));
}

function loginOf({ username, password }: StoreAddress): { username?: string; password?: string } {
  return { ...(username !== "" && { username }), ...(password !== "" && { password }) };
}

/** The calls learn of what is wrong, and reject. */
function ignore(): void {}
