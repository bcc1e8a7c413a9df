import { refuseConfig } from "../../core/errors.ts";
import type { IoredisClient, IoredisCluster } from "./clients.ts";
import { slotOf } from "./slot.ts";
import { checkAborted, NotSent, tooLate, type Transport } from "./transport.ts";

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
export function ioredisTransport(client: IoredisClient): Transport {
  // These clients queue what they cannot send yet and never take it back, so what is sent waits here until it can be.
  const nodeFor = isCluster(client) ? (key: string) => nodeOf(client, key) : () => client;

  async function send(key: string, command: readonly string[], signal: AbortSignal): Promise<unknown> {
    checkAborted(signal);
    if (client.status !== "ready") await ready(client, signal);
    const node = nodeFor(key);
    if (node !== client && node !== undefined && node.status !== "ready") await ready(node, signal);
    const [name = "", ...parts] = command;
    return client.call(name, ...parts);
  }
  return {
    cluster: isCluster(client),
    send,
    async sendToAll(command, signal) {
      checkAborted(signal);
      if (!isCluster(client)) return [await send("", command, signal)];
      await ready(client, signal);
      const [name = "", ...parts] = command;
      return Promise.all(
        client.nodes("master").map(async (node) => {
          await ready(node, signal);
          return node.call(name, ...parts);
        }),
      );
    },
    async sendAndWait(key, command, [wait = "", ...parts], signal) {
      checkAborted(signal);
      if (client.status !== "ready") await ready(client, signal);
      const node = nodeFor(key) ?? client;
      if (node.status !== "ready") await ready(node, signal);
      const [name = "", ...rest] = command;
      return Promise.all([client.call(name, ...rest), node.call(wait, ...parts)]);
    },
    listen(channel, heard) {
      const own = client.duplicate();
      own.on("error", ignore);
      own.on("message", (from: string, message: string) => {
        if (from === channel) heard(message);
      });
      const subscribed = own.subscribe(channel);
      subscribed.catch(ignore);
      return { close: async () => own.disconnect() };
    },
  };
}

function isCluster(client: IoredisClient): client is IoredisCluster {
  return (client as Partial<IoredisCluster>).isCluster === true;
}

/** The connection to the primary that serves the key, as far as the client knows it. */
function nodeOf(cluster: IoredisCluster, key: string): IoredisClient | undefined {
  const address = cluster.slots[slotOf(key)]?.[0];
  return address === undefined
    ? undefined
    : cluster.nodes("master").find(({ options }) => {
        const { host, port } = options as { readonly host?: string; readonly port?: number };
        return `${host}:${port}` === address;
      });
}

/** Resolves when the client can send at once. Rejects when the signal aborts first, or when it was closed for good. */
function ready(client: IoredisClient, signal: AbortSignal): Promise<void> {
  if (client.status === "ready") return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      client.off("ready", done);
      client.off("end", ended);
      signal.removeEventListener("abort", late);
      if (error === undefined) resolve();
      else reject(error);
    };
    const done = (): void => settle();
    const ended = (): void => settle(new NotSent("The connection to Redis was closed."));
    const late = (): void => settle(tooLate(signal));
    if (signal.aborted) return late();
    if (client.status === "end") return ended();
    client.on("ready", done);
    client.on("end", ended);
    signal.addEventListener("abort", late, { once: true });
    // With lazyConnect the first command would connect.
    if (client.status === "wait") client.connect().catch(ignore);
  });
}

function ignore(): void {}
