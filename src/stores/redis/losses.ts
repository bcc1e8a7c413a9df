import type { IoredisClient, IoredisCluster } from "./clients.ts";

/**
 * Counts the ends of the connections of an ioredis client. What was under way on one is sent again by the client itself, so
 * that an answer which came over such an end may be to the second sending. One that never was ready carried nothing.
 */
export class Losses {
  #count = 0;
  readonly #client: IoredisClient;
  readonly #watched = new Map<IoredisClient, Watch>();

  constructor(client: IoredisClient, cluster: IoredisCluster | undefined) {
    this.#client = client;
    this.#came(client);
    if (cluster === undefined) return;
    client.on("+node", this.#came);
    client.on("-node", this.#went);
    for (const node of cluster.nodes("all")) this.#came(node);
  }

  get count(): number {
    return this.#count;
  }

  /** Takes the listeners away. */
  close(): void {
    this.#client.off("+node", this.#came);
    this.#client.off("-node", this.#went);
    for (const watch of this.#watched.values()) watch.end();
    this.#watched.clear();
  }

  readonly #lost = (): void => {
    this.#count += 1;
  };

  readonly #came = (node: IoredisClient): void => {
    if (!this.#watched.has(node)) this.#watched.set(node, new Watch(node, this.#lost));
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
  readonly #node: IoredisClient;
  readonly #lost: () => void;
  #ready: boolean;

  constructor(node: IoredisClient, lost: () => void) {
    this.#node = node;
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
    if (this.#ready) this.#lost();
    this.#ready = false;
  };
}
