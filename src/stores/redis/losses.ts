import type { IoredisClient, IoredisCluster } from "./clients.ts";

/**
 * Counts the ends of the connections of an ioredis client. What was under way on one is sent again by the client itself, so
 * that an answer which came over such an end may be to the second sending.
 */
export class Losses {
  #count = 0;
  readonly #client: IoredisClient;
  readonly #nodes = new Set<IoredisClient>();

  constructor(client: IoredisClient, cluster: IoredisCluster | undefined) {
    this.#client = client;
    client.on("close", this.#lost);
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
    this.#client.off("close", this.#lost);
    this.#client.off("+node", this.#came);
    this.#client.off("-node", this.#went);
    for (const node of this.#nodes) node.off("close", this.#lost);
    this.#nodes.clear();
  }

  readonly #lost = (): void => {
    this.#count += 1;
  };

  readonly #came = (node: IoredisClient): void => {
    if (this.#nodes.has(node)) return;
    this.#nodes.add(node);
    node.on("close", this.#lost);
  };

  readonly #went = (node: IoredisClient): void => {
    this.#lost();
    this.#nodes.delete(node);
    node.off("close", this.#lost);
  };
}
