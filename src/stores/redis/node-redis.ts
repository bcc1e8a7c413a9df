import { refuseConfig } from "../../core/errors.ts";
import type { NodeRedisClient, NodeRedisCluster, NodeRedisNode, NodeRedisSentinel } from "./clients.ts";
import { holdForThisTurn } from "./dead-socket.ts";
import {
  type Ear,
  ignore,
  inOrder,
  INVALIDATED,
  keysIn,
  type Listening,
  type Route,
  type Router,
  telling,
  toldOnce,
  type Tracked,
  trackingOn,
} from "./router.ts";
import { type CommandOptions, Retractable } from "./retractable.ts";
import { slotOf } from "./slot.ts";

/**
 * RESP type 37 is the map of protocol 3: as a list it reads the same as with protocol 2. All else comes as by default. The client's
 * timeout is for what waits in its queue, as the deadline of each call is; it makes a timer and a signal for every command.
 */
const OPTIONS: CommandOptions = { typeMapping: { 37: Array }, timeout: 0 };

/** Commands of one turn keep their order on one connection. */
function sendOnBy(queue: Retractable): Router["sendOn"] {
  return (connection, commands) => {
    const client = connection as NodeRedisClient;
    return inOrder(
      commands.map((command) => queue.send((own, options) => client.sendCommand(own, options), command)),
    );
  };
}

/** What was under way on a connection that is lost rejects, and is never sent again. */
const USUAL = { resends: false, losses: () => 0, sharesConnection: true };

/**
 * When the client tells, by the event of that name, that a connection was lost, takes back what is queued and holds the
 * connections. Returns how to stop that.
 */
function withdrawing(
  queue: Retractable,
  client: NodeRedisClient | NodeRedisCluster | NodeRedisSentinel,
  event: string,
  connections: () => readonly (NodeRedisClient | undefined)[],
): () => void {
  const lost = (): void => {
    for (const connection of connections()) if (connection !== undefined) holdForThisTurn(connection);
    queue.withdraw();
  };
  client.on(event, lost);
  return () => void client.off(event, lost);
}

/** By default node-redis gives a connection up for good when its socket timed out, and all calls would fail until a restart. */
function refuseGivingUp({ options }: NodeRedisClient): void {
  const { socketTimeout, reconnectStrategy } = (options?.socket ?? {}) as Readonly<Record<string, unknown>>;
  if (!socketTimeout || reconnectStrategy !== undefined) return;
  refuseConfig(
    "The client has a socketTimeout and the default reconnectStrategy, which ends it for good when that passes. Give a reconnectStrategy, such as (tries) => Math.min(20 * 2 ** tries, 500).",
  );
}

/** For `createClient`. */
export function nodeRedisRouter(client: NodeRedisClient): Router {
  refuseGivingUp(client);
  const queue = new Retractable(OPTIONS);
  const sendBy = (own: string[], options: object): Promise<unknown> => client.sendCommand(own, options);
  return {
    ...USUAL,
    close: withdrawing(queue, client, "error", () => [client]),
    cluster: false,
    route: () => ({ connection: client, isReady: client.isReady || !client.isOpen }),
    // It connects again by itself.
    seek: ignore,
    send: (_key, command, call, settled) => queue.send(sendBy, command, call, settled),
    sendOn: sendOnBy(queue),
    primaries: async () => [client],
    listen(channel, heard) {
      const own = client.duplicate();
      // Its trouble is that of the client too, which the application sees.
      own.on("error", () => holdForThisTurn(own));
      const subscribed = own.connect().then(() => own.subscribe(channel, heard));
      subscribed.catch(ignore);
      return {
        close: async () => {
          if (own.isOpen) own.destroy();
          await subscribed.catch(ignore);
        },
      };
    },
    track: (beginning, ear) => tracking(client, beginning, toldOnce(ear)),
  };
}

/** A subscription as buffers, which leaves lists of keys as they are. */
type Buffered = (channel: string, heard: (message: unknown) => void, buffers: true) => Promise<unknown>;

/** With protocol 2 the keys come as messages, which every version of the client hands on; those of protocol 3 it keeps to itself. */
function tracking(client: NodeRedisClient, beginning: string, ear: Ear): Tracked {
  // A connection that comes back is another to the server, which tells it nothing.
  const socket = { ...client.options?.socket, reconnectStrategy: false };
  const needsProtocol3 = { maintNotifications: "disabled", clientSideCache: undefined };
  const own = client.duplicate({ RESP: 2, socket, ...needsProtocol3 } as never);
  own.on("error", ear.lost);
  own.on("end", ear.lost);
  async function begun(): Promise<void> {
    await own.connect();
    await own.sendCommand(trackingOn(await own.sendCommand(["CLIENT", "ID"]), beginning) as string[]);
    await (own.subscribe as Buffered)(INVALIDATED, (message) => ear.keys(keysIn(message)), true);
  }
  begun().then(ear.hears, ear.lost);
  return {
    answers: () => own.sendCommand(["PING"]),
    close: async () => {
      if (own.isOpen) own.destroy();
    },
  };
}

/** For `createCluster`. Reads are told to be writes, so that they go to the primary whatever `useReplicas` says. */
export function nodeRedisClusterRouter(cluster: NodeRedisCluster): Router {
  const queue = new Retractable(OPTIONS);
  const clientOf = (key: string): NodeRedisClient | undefined => cluster.slots[slotOf(key)]?.master.client;
  const anyReady = (): NodeRedisClient | undefined =>
    cluster.masters.map((node) => node.client).find((client) => client?.isReady === true);

  function route(key: string): Route | undefined {
    const client = key === "" ? anyReady() : clientOf(key);
    return client === undefined ? undefined : { connection: client, isReady: client.isReady };
  }
  return {
    ...USUAL,
    close: withdrawing(queue, cluster, "node-error", () => cluster.masters.map((node) => node.client)),
    cluster: true,
    route,
    seek(key) {
      const node = cluster.slots[slotOf(key)]?.master;
      if (node !== undefined && node.client === undefined) void connected(cluster, node).catch(ignore);
      // Version 5 looks for the slots anew only when a node redirects it, which one that is dead never does.
      const other = anyReady();
      if (other !== undefined) void cluster._slots?.rediscover?.(other as never).catch(ignore);
    },
    send: (key, command, call, settled) => {
      const send = (own: string[], options: object): Promise<unknown> =>
        cluster.sendCommand(key, false, own, options);
      // Newer ones copy the command, and keep their queue whole.
      return cluster._executeWithPolicies === undefined
        ? queue.send(send, command, call, settled)
        : telling(send(command as string[], { ...OPTIONS, abortSignal: call.signal }), settled);
    },
    sendOn: sendOnBy(queue),
    primaries: () => Promise.all(cluster.masters.map((node) => connected(cluster, node))),
    listen: (channel, heard) => shared(cluster, channel, heard),
  };
}

async function connected(cluster: NodeRedisCluster, node: NodeRedisNode): Promise<object> {
  return (await cluster.nodeClient(node as never)) as object;
}

/** For `createSentinel`. */
export function nodeRedisSentinelRouter(sentinel: NodeRedisSentinel): Router {
  const queue = new Retractable(OPTIONS);
  const sendBy = (own: string[], options: object): Promise<unknown> =>
    sentinel.sendCommand(false, own, options);
  return {
    ...USUAL,
    close: withdrawing(queue, sentinel, "client-error", () => []),
    // It sends again, on a connection of its own choice, and does not tell.
    resends: true,
    cluster: false,
    route: () => ({ connection: sentinel, isReady: sentinel.isReady || !sentinel.isOpen }),
    seek: ignore,
    send: (_key, command, call, settled) => queue.send(sendBy, command, call, settled),
    // It may have several connections to the primary; one is lent for the while, and nobody else has it.
    sharesConnection: false,
    sendOn: async (_connection, commands) =>
      (await sentinel.use((client) =>
        Promise.all(commands.map((command) => client.sendCommand(false, command as string[], OPTIONS))),
      )) as unknown[],
    primaries: async () => [sentinel],
    listen: (channel, heard) => shared(sentinel, channel, heard),
  };
}

/** Hears by the client's own connection for that, which it keeps over fail-overs and shares with the application. */
function shared(
  client: NodeRedisCluster | NodeRedisSentinel,
  channel: string,
  heard: (message: string) => void,
): Listening {
  // A function of its own: unsubscribing goes by it, and must not take another store's away.
  const listener = (message: string): void => heard(message);
  const subscribed = client.subscribe(channel, listener);
  subscribed.catch(ignore);
  return {
    close: async () => {
      await subscribed.then(() => client.unsubscribe(channel, listener as never)).catch(ignore);
    },
  };
}
