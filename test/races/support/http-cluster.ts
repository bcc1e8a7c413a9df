import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client, type Reply, type RequestOptions } from "./http-client.ts";
import {
  type Kind,
  KINDS,
  type OrderReply,
  type Orders,
  type ServerConfig,
  type ServerOptions,
} from "./http-orders.ts";
import type { Place } from "./places.ts";

const PROGRAM = fileURLToPath(new URL("./http-server.ts", import.meta.url));

/** A process that has closed everything ends well before; one that does not is held by a leak. */
const ENDING_MS = 15_000;

type Input<Name extends keyof Orders> = Parameters<Orders[Name]>;
type Result<Name extends keyof Orders> = Awaited<ReturnType<Orders[Name]>>;
type Exit = readonly [code: number | null, signal: NodeJS.Signals | null];

/** One server process, and how to reach it. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<Exit>;
  readonly #client: Client;
  readonly #waiting = new Map<number, (reply: OrderReply) => void>();
  #orders = 0;
  #expected = false;
  /** Why the process ended, if it did so by itself. */
  crash: string | null = null;

  private constructor(child: ChildProcess, exited: Promise<Exit>, client: Client, told: () => string) {
    this.#child = child;
    this.#exited = exited;
    this.#client = client;
    void exited.then(() => {
      if (!this.#expected) this.crash = told();
      for (const [number, answer] of this.#waiting)
        answer({ kind: "failed", number, message: `The process ended. ${told()}` });
    });
    child.on("message", (reply: OrderReply) => {
      if (reply.kind === "ready") return;
      this.#waiting.get(reply.number)?.(reply);
      this.#waiting.delete(reply.number);
    });
  }

  static async start(config: ServerConfig): Promise<ServerProcess> {
    const child = fork(PROGRAM, [JSON.stringify(config)], {
      execArgv: [],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on("data", (text: Buffer) => (errors += text.toString()));
    const exited = once(child, "exit") as Promise<unknown> as Promise<Exit>;
    const first = await Promise.race([once(child, "message"), exited.then(() => null)]);
    const reply = first?.[0] as OrderReply | undefined;
    if (reply?.kind !== "ready") throw new Error(`A server did not start. ${errors}`);
    return new ServerProcess(child, exited, new Client(reply.ports), () => errors);
  }

  /** Sends a request. Resolves with the head of the response; never rejects. */
  request(kind: Kind, query: string, options: RequestOptions = {}): Promise<Reply> {
    return this.#client.request(kind, query, options);
  }

  /** Gives an order. Rejects when it fails, and when the process ends before it is done. */
  async order<Name extends keyof Orders>(name: Name, ...input: Input<Name>): Promise<Result<Name>> {
    if (!this.#child.connected) throw new Error(`${name}: The process has ended.`);
    const number = ++this.#orders;
    const replied = new Promise<OrderReply>((resolve) => this.#waiting.set(number, resolve));
    // Whether it can be sent is told by the end of the process.
    this.#child.send({ number, name, argument: input[0] }, () => {});
    const reply = await replied;
    if (reply.kind === "failed") throw new Error(`${name}: ${reply.message}`);
    return (reply.kind === "done" ? reply.result : undefined) as Result<Name>;
  }

  /** Ends the process as a crash does: at once, whatever it was doing. */
  async kill(): Promise<void> {
    this.#expected = true;
    this.#child.kill("SIGKILL");
    await this.#exited;
    this.#client.close();
  }

  /**
   * Has the process close everything, and waits until it ended by itself. Rejects when it does not, naming what still
   * held it, and when it does not end well.
   */
  async stop(): Promise<void> {
    this.#expected = true;
    this.#client.close();
    const active = await this.order("close");
    const insist = setTimeout(() => this.#child.kill("SIGKILL"), ENDING_MS);
    const [code, signal] = await this.#exited;
    clearTimeout(insist);
    if (signal !== null) throw new Error(`A closed server process did not end. Active: ${active.join(", ")}`);
    if (code !== 0) throw new Error(`A closed server process ended with code ${code}.`);
  }
}

/** Several server processes over one store. */
export class Cluster {
  readonly servers: ServerProcess[] = [];
  readonly #configs: readonly ServerConfig[];

  private constructor(configs: readonly ServerConfig[]) {
    this.#configs = configs;
  }

  /**
   * Starts so many processes, three unless said otherwise. They take turns in the places, which are one place by several
   * clients. Sessions of a memory store are in one process, so that there is one.
   */
  static async start(places: readonly Place[], options: ServerOptions = {}, size = 3): Promise<Cluster> {
    const configs = places.map((place) => ({ place, options }));
    const cluster = new Cluster(configs);
    const count = places[0]?.store === "memory" ? 1 : size;
    // All at once, so that they set the store up together too.
    const started = await Promise.allSettled(
      Array.from({ length: count }, (_, index) => ServerProcess.start(cluster.#configOf(index))),
    );
    for (const one of started) if (one.status === "fulfilled") cluster.servers.push(one.value);
    const failed = started.find((one) => one.status === "rejected");
    if (failed === undefined) return cluster;
    await cluster.close();
    throw failed.reason;
  }

  get size(): number {
    return this.servers.length;
  }

  /** Every kind of server of every process. */
  get doors(): { readonly server: number; readonly kind: Kind }[] {
    return this.servers.flatMap((_, server) => KINDS.map((kind) => ({ server, kind })));
  }

  at(index: number): ServerProcess {
    const server = this.servers[index % this.size];
    if (server === undefined) throw new RangeError("The cluster is closed.");
    return server;
  }

  /** What the processes that ended by themselves said of it. */
  get crashes(): string[] {
    return this.servers.flatMap((server) => (server.crash === null ? [] : [server.crash]));
  }

  #configOf(index: number): ServerConfig {
    const config = this.#configs[index % this.#configs.length];
    if (config === undefined) throw new RangeError("Processes need a place for their sessions.");
    return config;
  }

  /** Kills a server process and starts another in its place. */
  async restart(index: number): Promise<void> {
    await this.at(index).kill();
    this.servers[index % this.size] = await ServerProcess.start(this.#configOf(index % this.size));
  }

  /** The sum of every event over the processes. */
  async happened(): Promise<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const server of this.servers) {
      for (const [name, count] of Object.entries(await server.order("happened")))
        sum[name] = (sum[name] ?? 0) + count;
    }
    return sum;
  }

  /** Ends all processes at once, whatever they do. */
  async close(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.kill()));
  }

  /** Has every process close in good order, and sees that it ends by itself. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }
}
