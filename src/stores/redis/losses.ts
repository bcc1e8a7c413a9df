import type { IoredisClient, IoredisCluster } from "./clients.ts";

/**
 * Counts the ends of the connections of an ioredis client. What was under way on one is sent again by the client itself, so
 * that an answer which came over such an end may be to the second sending. One that never was ready carried nothing, nor did a node
 * of a cluster that was dropped before the cluster was ready: it was asked where the slots are, and no more.
 */
export class Losses {
  #count = 0;
  readonly #client: IoredisClient;
  readonly #cluster: IoredisCluster | undefined;
  readonly #watched = new Map<IoredisClient, Watch>();

  constructor(client: IoredisClient, cluster: IoredisCluster | undefined) {
    this.#client = client;
    this.#cluster = cluster;
    this.#watched.set(client, new Watch(client, true, this.#lost));
    if (cluster === undefined) return;
    client.on("+node", this.#came);
    client.on("-node", this.#went);
    client.on("ready", this.#served);
    for (const node of cluster.nodes("all")) this.#came(node);
  }

  get count(): number {
    return this.#count;
  }

  /** Takes the listeners away. */
  close(): void {
    this.#client.off("+node", this.#came);
    this.#client.off("-node", this.#went);
    this.#client.off("ready", this.#served);
    for (const watch of this.#watched.values()) watch.end();
    this.#watched.clear();
  }

  readonly #lost = (): void => {
    this.#count += 1;
  };

  readonly #came = (node: IoredisClient): void => {
    if (this.#watched.has(node)) return;
    this.#watched.set(node, new Watch(node, this.#cluster?.status === "ready", this.#lost));
  };

  readonly #served = (): void => {
    for (const watch of this.#watched.values()) watch.serves = true;
  };

  readonly #went = (node: IoredisClient): void => {
    const watch = this.#watched.get(node);
    this.#watched.delete(node);
    watch?.leave();
    watch?.end();
  };
}

/** Whether one connection is ready, and tells when it was and ended. */
class Watch {
  /** Whether commands may have been sent on it. */
  serves: boolean;
  readonly #node: IoredisClient;
  readonly #lost: () => void;
  #ready: boolean;

  constructor(node: IoredisClient, serves: boolean, lost: () => void) {
    this.#node = node;
    this.serves = serves;
    this.#lost = lost;
    this.#ready = node.status === "ready";
    node.on("ready", this.#begins);
    node.on("close", this.leave);
  }

  end(): void {
    this.#node.off("ready", this.#begins);
    this.#node.off("close", this.leave);
  }

  readonly #begins = (): void => {
    this.#ready = true;
  };

  readonly leave = (): void => {
    if (this.#ready && this.serves) this.#lost();
    this.#ready = false;
  };
}
