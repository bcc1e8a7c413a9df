import { refuseConfig } from "../../core/errors.ts";
import type { IoredisClient, IoredisCluster } from "./clients.ts";
import { Forgotten } from "./forgotten.ts";
import { Gathered } from "./gathered.ts";
import { Losses } from "./losses.ts";
import {
  type Ear,
  ignore,
  inOrder,
  INVALIDATED,
  keysIn,
  type Route,
  type Router,
  telling,
  toldOnce,
  type Tracked,
  trackingOn,
} from "./router.ts";
import { slotOf } from "./slot.ts";

/** Refuses what would make reads stale or move keys behind the store's back. Throws `ERR_SESSION_CONFIG`. */
export function refuseIoredisOptions(options: unknown): void {
  const {
    keyPrefix,
    scaleReads = "master",
    role = "master",
    redisOptions,
  } = (options ?? {}) as Readonly<Record<string, unknown>>;
  const nodeOptions = (redisOptions ?? {}) as Readonly<Record<string, unknown>>;
  if (keyPrefix || nodeOptions["keyPrefix"]) {
    refuseConfig(
      "The client has a keyPrefix, which the channel of the store would not share. Use the store's prefix.",
    );
  }
  if (scaleReads !== "master") {
    refuseConfig(
      'The client reads from replicas, where a session that ended may still be. Leave scaleReads "master".',
    );
  }
  if (role !== "master")
    refuseConfig('The client talks to a replica, which takes no writes. Leave role "master".');
}

/** For `Redis` and `Cluster` of ioredis and iovalkey. */
export function ioredisRouter(client: IoredisClient): Router {
  const cluster = isCluster(client) ? client : undefined;
  const losses = new Losses(client, cluster);
  const forgotten = new Forgotten();
  const gathered = new Gathered();
  client.on("close", forgotten.reject);
  const watched = forgets(client)
    ? (reply: Promise<unknown>) => forgotten.watched(reply)
    : (reply: Promise<unknown>) => reply;
  return {
    cluster: cluster !== undefined,
    resends: false,
    sharesConnection: true,
    losses: () => losses.count,
    close() {
      losses.close();
      client.off("close", forgotten.reject);
    },
    route: (key) => (cluster === undefined ? routeOf(client) : clusterRoute(cluster, key)),
    seek(key) {
      connect(client);
      if (cluster === undefined || client.status !== "ready") return;
      const node = nodeOf(cluster, key);
      if (node !== undefined) connect(node);
      cluster.refreshSlotsCache?.(ignore);
    },
    send(_key, command, _call, settled) {
      const [name = "", ...parts] = command;
      // A cluster has none: each of its nodes has one.
      gathered.begin(client.stream);
      return telling(watched(client.call(name, ...parts)), settled);
    },
    sendOn: (connection, commands) =>
      inOrder(
        commands.map(([name = "", ...parts]) => watched((connection as IoredisClient).call(name, ...parts))),
      ),
    async primaries() {
      if (cluster === undefined) return [client];
      const nodes = cluster.nodes("master");
      for (const node of nodes) connect(node);
      return nodes;
    },
    listen(channel, heard) {
      const own = client.duplicate();
      // Its trouble is that of the client too, which the application sees.
      own.on("error", ignore);
      own.on("message", (from: string, message: string) => {
        if (from === channel) heard(message);
      });
      // Only now, and each time: before, a client that queues nothing rejects it, and one whose server stays away forgets it.
      own.on("ready", () => void own.subscribe(channel).catch(ignore));
      connect(own);
      return { close: async () => own.disconnect() };
    },
    ...(isAlone(client) && {
      track: (beginning: string, ear: Ear) => tracking(client, beginning, toldOnce(ear)),
    }),
  };
}

function tracking(client: IoredisClient, beginning: string, ear: Ear): Tracked {
  // A connection that comes back is another to the server, which tells it nothing.
  const oneLife = { lazyConnect: true, retryStrategy: () => null, autoResubscribe: false };
  const own = client.duplicate({ ...oneLife, protocol: 2, replyMapping: undefined } as never);
  own.on("error", ear.lost);
  own.on("close", ear.lost);
  // As buffers, which leaves lists of keys as they are.
  own.on("messageBuffer", (_channel: unknown, message: unknown) => ear.keys(keysIn(message)));
  async function begun(): Promise<void> {
    await own.connect();
    const [name = "", ...parts] = trackingOn(await own.call("CLIENT", "ID"), beginning);
    await own.call(name, ...parts);
    await own.subscribe(INVALIDATED);
  }
  begun().then(ear.hears, ear.lost);
  // In small letters: version 5 looks for it so among what a subscriber may send.
  return { answers: () => own.call("ping"), close: async () => own.disconnect() };
}

/** Whether there is one server, which no other takes the place of. */
function isAlone(client: IoredisClient): boolean {
  return !isCluster(client) && Reflect.get(client.options, "sentinels") == null;
}

/** Nodes of a cluster reject what was under way, whatever is set. */
function forgets(client: IoredisClient): boolean {
  return !isCluster(client) && Reflect.get(client.options, "autoResendUnfulfilledCommands") === false;
}

function isCluster(client: IoredisClient): client is IoredisCluster {
  return (client as Partial<IoredisCluster>).isCluster === true;
}

function routeOf(client: IoredisClient): Route {
  // One that was closed for good says so by rejecting.
  return { connection: client, isReady: client.status === "ready" || client.status === "end" };
}

function clusterRoute(cluster: IoredisCluster, key: string): Route | undefined {
  if (cluster.status !== "ready" || key === "") return routeOf(cluster);
  const node = nodeOf(cluster, key);
  return node === undefined ? undefined : { connection: node, isReady: node.status === "ready" };
}

/** The connection to the primary that serves the key, as far as the client knows it. */
function nodeOf(cluster: IoredisCluster, key: string): IoredisClient | undefined {
  const address = cluster.slots[slotOf(key)]?.[0];
  return cluster.nodes("master").find(({ options }) => {
    const { host, port } = options as { readonly host?: string; readonly port?: number };
    return `${host}:${port}` === address;
  });
}

/** Starts a connection that waits for its first command to. */
function connect(client: IoredisClient): void {
  if (client.status === "wait") client.connect().catch(ignore);
}
