import type { NodeRedisClient, NodeRedisCluster, NodeRedisSentinel } from "./clients.ts";
import { checkAborted, type Listening, type Transport } from "./transport.ts";

/** RESP type 37 is the map of protocol 3: as a list it reads the same as with protocol 2. All else comes as by default. */
const TYPE_MAPPING = { 37: Array };

/** The client takes a command out of its own queue when the signal aborts before it was written. */
function optionsFor(signal: AbortSignal): object {
  return { abortSignal: signal, typeMapping: TYPE_MAPPING };
}

/** For `createClient`. */
export function nodeRedisTransport(client: NodeRedisClient): Transport {
  async function send(_key: string, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    checkAborted(signal);
    return client.sendCommand(command as string[], optionsFor(signal));
  }
  return {
    cluster: false,
    send,
    sendToAll: async (command, signal) => [await send("", command, signal)],
    // Commands of one turn stay in order on the one connection.
    sendAndWait: (key, command, wait, signal) =>
      Promise.all([send(key, command, signal), send(key, wait, signal)]),
    listen(channel, heard) {
      const own = client.duplicate();
      // The client connects again by itself; its trouble is seen by the calls of the store.
      own.on("error", ignore);
      const subscribed = own.connect().then(() => own.subscribe(channel, heard));
      subscribed.catch(ignore);
      return {
        close: async () => {
          if (own.isOpen) own.destroy();
          await subscribed.catch(ignore);
        },
      };
    },
  };
}

/** For `createCluster`. Reads are told to be writes, so that they go to the primary whatever `useReplicas` says. */
export function nodeRedisClusterTransport(cluster: NodeRedisCluster): Transport {
  async function send(key: string, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    checkAborted(signal);
    return cluster.sendCommand(key, false, command as string[], optionsFor(signal));
  }
  return {
    cluster: true,
    send,
    async sendToAll(command, signal) {
      checkAborted(signal);
      const clients = await Promise.all(cluster.masters.map((node) => cluster.nodeClient(node as never)));
      return Promise.all(
        clients.map((client) =>
          (client as NodeRedisClient).sendCommand(command as string[], optionsFor(signal)),
        ),
      );
    },
    sendAndWait: (key, command, wait, signal) =>
      Promise.all([send(key, command, signal), send(key, wait, signal)]),
    listen: (channel, heard) => shared(cluster, channel, heard),
  };
}

/** For `createSentinel`. */
export function nodeRedisSentinelTransport(sentinel: NodeRedisSentinel): Transport {
  async function send(_key: string, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    checkAborted(signal);
    return sentinel.sendCommand(false, command as string[], optionsFor(signal));
  }
  return {
    cluster: false,
    send,
    sendToAll: async (command, signal) => [await send("", command, signal)],
    async sendAndWait(_key, command, wait, signal) {
      checkAborted(signal);
      return (await sentinel.use((client) =>
        Promise.all(
          [command, wait].map((each) => client.sendCommand(false, each as string[], optionsFor(signal))),
        ),
      )) as [unknown, unknown];
    },
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

function ignore(): void {}
