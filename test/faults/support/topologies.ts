import { partitionOf } from "../../../src/stores/redis/keys.ts";
import type { ClientName, RedisLocation, Topology } from "../../stores/redis/clients.ts";
import { RedisCluster, RedisSentinel, type RedisServer } from "../../support/servers/redis.ts";
import { until } from "../../support/servers/server-process.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { type Deployed, type Deployment, DURABLE, placesOf } from "./deployments.ts";
import type { Load } from "./load.ts";
import { FELT, type Outage } from "./outages.ts";

export interface Clustered extends Deployed {
  readonly cluster: RedisCluster;
}

export interface Watched extends Deployed {
  readonly sentinel: RedisSentinel;
}

/**
 * Three primaries with a replica each. A write counts as done when the replica has it too, so that a fail-over loses
 * nothing: by default it may.
 */
export function redisCluster(clients: readonly ClientName[]): Deployment<Clustered> {
  return {
    name: `a Redis Cluster by ${clients.join(" and ")}, each write confirmed by the replica`,
    clients,
    needs: ["redis"],
    // One to each node, and one that learns of changes.
    connections: 8,
    async start() {
      const cluster = await RedisCluster.start({ args: DURABLE });
      const { nodes } = cluster;
      return {
        cluster,
        ...overNodes("cluster", clients, cluster.addresses, nodes, 1),
        stop: () => cluster.stop(),
      };
    },
  };
}

/** A primary, two replicas and three sentinels. Where both replicas have to confirm a write, whichever takes over has it. */
export function redisSentinel(clients: readonly ClientName[], replicas: 0 | 2): Deployment<Watched> {
  return {
    name: `Redis with Sentinel by ${clients.join(" and ")}, each write confirmed by ${replicas} replicas`,
    clients,
    needs: ["redis"],
    connections: 8,
    async start() {
      const sentinel = await RedisSentinel.start({ args: DURABLE });
      return {
        sentinel,
        ...overNodes("sentinel", clients, sentinel.addresses, sentinel.data, replicas),
        stop: () => sentinel.stop(),
      };
    },
  };
}

function overNodes(
  topology: Topology,
  clients: readonly ClientName[],
  addresses: readonly { readonly port: number }[],
  nodes: readonly RedisServer[],
  replicas: number,
): Deployed {
  const where = {
    topology,
    ports: addresses.map(({ port }) => port),
    prefix: "faults:",
    options: { replicas },
  };
  return {
    places: placesOf("redis", clients, (client) => ({ ...where, client }) satisfies RedisLocation),
    connections: async () => (await Promise.all(nodes.map(connectionsTo))).reduce((sum, one) => sum + one, 0),
    async restore() {
      for (const node of nodes) {
        if (!node.process.runs) await node.process.start();
        node.process.resume();
      }
    },
    stop: async () => {},
  };
}

/** What loses one reply, wherever it is. */
export interface Lossy extends Deployed {
  readonly proxy: Pick<TcpProxy, "loseReply">;
}

/** A cluster whose every node is reached through a proxy. */
export function proxiedCluster(clients: readonly ClientName[]): Deployment<Lossy> {
  return {
    name: "a Redis Cluster",
    clients,
    needs: ["redis"],
    connections: 8,
    async start() {
      const cluster = await RedisCluster.start();
      const ports = cluster.addresses.map(({ port }) => port);
      return await behindProxies("cluster", clients, ports, cluster.nodes, () => cluster.stop());
    },
  };
}

/** Servers under the eyes of sentinels, each reached through a proxy; the sentinels are reached directly. */
export function proxiedSentinel(clients: readonly ClientName[]): Deployment<Lossy> {
  return {
    name: "Redis with Sentinel",
    clients,
    needs: ["redis"],
    connections: 8,
    async start() {
      const sentinel = await RedisSentinel.start();
      const ports = sentinel.addresses.map(({ port }) => port);
      return await behindProxies("sentinel", clients, ports, sentinel.data, () => sentinel.stop());
    },
  };
}

async function behindProxies(
  topology: Topology,
  clients: readonly ClientName[],
  ports: readonly number[],
  nodes: readonly RedisServer[],
  stop: () => Promise<void>,
): Promise<Lossy> {
  const proxies = await Promise.all(nodes.map(({ port }) => TcpProxy.start(port)));
  const through = Object.fromEntries(nodes.map(({ port }, index) => [port, proxies[index]?.port ?? 0]));
  const where = { topology, ports, prefix: "faults:", through };
  return {
    places: placesOf("redis", clients, (client) => ({ ...where, client }) satisfies RedisLocation),
    proxy: { loseReply: (matches, instead) => loseOne(proxies, matches, instead) },
    connections: async () => proxies.reduce((sum, { connections }) => sum + connections, 0),
    async restore() {
      for (const proxy of proxies) {
        await proxy.heal();
        proxy.cutDeaf();
      }
    },
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await stop();
    },
  };
}

/** Loses the reply to the first request that matches, and to no other. */
async function loseOne(
  proxies: readonly TcpProxy[],
  ...[matches, instead]: Parameters<TcpProxy["loseReply"]>
): Promise<void> {
  let found = false;
  const first = (request: string): boolean => !found && (found = matches(request));
  await Promise.race(proxies.map((proxy) => proxy.loseReply(first, instead)));
}

/** Those of clients, without replicas, sentinels, and who asks. */
async function connectionsTo(node: RedisServer): Promise<number> {
  const list = await node.cli("CLIENT", "LIST", "TYPE", "NORMAL");
  const names = list.split("\n").filter((line) => line !== "" && !/name=sentinel|cmd=client/.test(line));
  return names.length;
}

/** The primary of somebody's session dies, and its replica takes over; then it comes back. */
async function failedOver({ cluster }: Clustered, load: Load): Promise<void> {
  const key = keyOf(load);
  const primary = await cluster.primaryOf(key);
  await primary.process.kill();
  await load.refuses(1);
  await until("another serves the slot", async () => (await cluster.primaryOf(key)) !== primary);
  await primary.process.start();
}

/** The primary of somebody's session stands still until its replica has taken over, and then goes on. */
async function superseded({ cluster }: Clustered, load: Load): Promise<void> {
  const key = keyOf(load);
  const primary = await cluster.primaryOf(key);
  const replica = await replicaOf(cluster, primary);
  primary.process.pause();
  await until("the replica took over", async () => (await replica.cli("ROLE")).startsWith("master"));
  primary.process.resume();
  await load.answers(FELT);
}

/** The slots of all shared sessions move to another node and back, key by key, while they are used. */
async function moved({ cluster }: Clustered, load: Load): Promise<void> {
  for (const { id } of load.accounts) await moveSlot(cluster, await slotOf(cluster, id));
  for (const { id } of load.accounts) await moveSlot(cluster, await slotOf(cluster, id));
}

export const OF_CLUSTERS: Readonly<Record<string, Outage<Clustered>>> = {
  "a primary is killed and its replica takes over": failedOver,
  "a primary stands still and its replica takes over": superseded,
  "slots move to another node and back": moved,
};

/** The primary dies, and a replica takes over; then it comes back. */
async function elected({ sentinel }: Watched, load: Load): Promise<void> {
  const primary = await sentinel.primary();
  await primary.process.kill();
  await load.refuses(1);
  await until("another is named", async () => (await sentinel.primary()) !== primary);
  await primary.process.start();
  await until(
    "both others follow",
    async () => {
      const info = await (await sentinel.primary()).cli("INFO", "replication");
      return (info.match(/state=online/g) ?? []).length === 2;
    },
    60_000,
  );
}

export const OF_SENTINELS: Readonly<Record<string, Outage<Watched>>> = {
  "the primary is killed and a replica takes over": elected,
};

async function replicaOf(cluster: RedisCluster, primary: RedisServer): Promise<RedisServer> {
  const role = await primary.cli("ROLE");
  const found = cluster.nodes.find(({ port }) => role.includes(String(port)));
  if (found === undefined) throw new Error(`${role} names no replica of ours.`);
  return found;
}

/** Any key of a shared session. */
function keyOf(load: Load): string {
  return `{${partitionOf(load.accounts[0]?.id ?? "")}}`;
}

/** The slot that a session's record is in. */
async function slotOf({ nodes }: RedisCluster, id: string): Promise<number> {
  return Number(await nodes[0]?.cli("CLUSTER", "KEYSLOT", `{${partitionOf(id)}}`));
}

/** Moves a slot to the next primary, as the engine's own tool does. */
async function moveSlot(cluster: RedisCluster, slot: number): Promise<void> {
  const number = String(slot);
  const primaries = await cluster.primaries();
  const source = await ownerOf(cluster, number);
  const target = primaries[(primaries.indexOf(source) + 1) % primaries.length];
  if (target === undefined) throw new Error("There is no other primary.");
  const [from, to] = await Promise.all([source, target].map((node) => node.cli("CLUSTER", "MYID")));
  await target.cli("CLUSTER", "SETSLOT", number, "IMPORTING", from ?? "");
  await source.cli("CLUSTER", "SETSLOT", number, "MIGRATING", to ?? "");
  for (;;) {
    const key = await source.cli("CLUSTER", "GETKEYSINSLOT", number, "1");
    if (key === "") break;
    await source.cli("MIGRATE", target.host, String(target.port), key, "0", "5000");
  }
  for (const node of [target, source]) await node.cli("CLUSTER", "SETSLOT", number, "NODE", to ?? "");
}

async function ownerOf(cluster: RedisCluster, slot: string): Promise<RedisServer> {
  for (const node of await cluster.primaries()) {
    const ranges =
      (await node.cli("CLUSTER", "NODES")).split("\n").find((line) => line.includes("myself")) ?? "";
    const mine = ranges
      .split(" ")
      .slice(8)
      .some((range) => {
        const [low = 0, high = low] = range.split("-").map(Number);
        return low <= Number(slot) && Number(slot) <= high;
      });
    if (mine) return node;
  }
  throw new Error(`Nobody serves slot ${slot}.`);
}
