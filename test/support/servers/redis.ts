import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Folder, givenFolder, serverFolder } from "./folder.ts";
import { programOf } from "./programs.ts";
import { ServerProcess, startOnFreePort, until } from "./server-process.ts";

export type RedisKind = "redis" | "valkey";

export interface RedisOptions {
  /** Which engine; Redis unless said otherwise. */
  readonly kind?: RedisKind;
  /** Settings as on the command line: `["--appendonly", "yes"]`. */
  readonly args?: readonly string[];
  /** Where its files lie; a temporary folder unless given. */
  readonly folder?: string;
}

/** What the sentinels call the primary that they watch over. */
export const SENTINEL_NAME = "holdfast";

const execute = promisify(execFile);

/** A Redis or Valkey server on a free port of this machine, in a folder of its own. Keeps nothing over a kill unless set to. */
export class RedisServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly kind: RedisKind;
  readonly process: ServerProcess;
  readonly #folder: Folder;

  private constructor(kind: RedisKind, port: number, folder: Folder, args: readonly string[]) {
    this.kind = kind;
    this.port = port;
    this.#folder = folder;
    this.process = new ServerProcess({
      name: `${kind}-server on ${port}`,
      program: programOf(kind, `${kind}-server`),
      args,
      ready: async () => (await this.cli("PING")) === "PONG",
    });
  }

  static start({ kind = "redis", args = [], folder }: RedisOptions = {}): Promise<RedisServer> {
    return RedisServer.#launch(kind, async (port, at) => [...settingsOf(port, at), ...args], folder);
  }

  /** A sentinel that watches over the primary at that port. */
  static startSentinel(kind: RedisKind, primaryPort: number): Promise<RedisServer> {
    return RedisServer.#launch(kind, async (port, folder) => {
      const file = join(folder, "sentinel.conf");
      await writeFile(file, sentinelSettings(primaryPort));
      return [file, "--sentinel", "--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    });
  }

  static #launch(
    kind: RedisKind,
    argsFor: (port: number, folder: string) => Promise<readonly string[]>,
    given?: string,
  ): Promise<RedisServer> {
    return startOnFreePort(async (port) => {
      const folder = given === undefined ? await serverFolder(kind) : givenFolder(given);
      const server = new RedisServer(kind, port, folder, await argsFor(port, folder.path));
      try {
        await server.process.start();
        return server;
      } catch (error) {
        await folder.remove();
        throw error;
      }
    });
  }

  get url(): string {
    return `redis://${this.host}:${this.port}`;
  }

  /** The folder of its files. */
  get folder(): string {
    return this.#folder.path;
  }

  /** Runs one command by the command line client, and gives what it prints. Rejects on an error reply. */
  async cli(...command: string[]): Promise<string> {
    const program = programOf(this.kind, `${this.kind}-cli`);
    const { stdout } = await execute(program, ["-e", "-h", this.host, "-p", String(this.port), ...command]);
    return stdout.trim();
  }

  async stop(): Promise<void> {
    await this.process.kill();
    await this.#folder.remove();
  }
}

function sentinelSettings(primaryPort: number): string {
  return [
    `sentinel monitor ${SENTINEL_NAME} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${SENTINEL_NAME} 1000`,
    `sentinel failover-timeout ${SENTINEL_NAME} 5000`,
    "",
  ].join("\n");
}

function settingsOf(port: number, folder: string): string[] {
  const settings = { port, bind: "127.0.0.1", dir: folder, save: "", appendonly: "no", daemonize: "no" };
  // A replica is to follow at once: by default it waits 5 s for more replicas to come.
  const replication = { "repl-diskless-sync-delay": 0 };
  return Object.entries({ ...settings, ...replication }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ]);
}

/** Three primaries, each with a replica. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[];

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  static async start({ kind = "redis", args = [] }: RedisOptions = {}): Promise<RedisCluster> {
    const own = {
      enabled: "yes",
      "config-file": "nodes.conf",
      "node-timeout": "1500",
      "announce-ip": "127.0.0.1",
    };
    const settings = Object.entries(own).flatMap(([name, value]) => [`--cluster-${name}`, value]);
    const nodes: RedisServer[] = [];
    const cluster = new RedisCluster(nodes);
    try {
      // One after another, so that none is offered a port which another is about to take.
      for (let count = 0; count < 6; count += 1)
        nodes.push(await RedisServer.start({ kind, args: [...settings, ...args] }));
      const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
      await createCluster(kind, addresses);
      await cluster.settled();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.nodes.map(({ host, port }) => ({ host, port }));
  }

  /** Resolves when every running node sees all slots served, and each primary has a replica that follows, if all run. */
  async settled(): Promise<void> {
    const up = this.nodes.filter((node) => node.process.runs);
    await until("the cluster serves all slots", async () => {
      const states = await Promise.all(up.map((node) => node.cli("CLUSTER", "INFO").catch(() => "")));
      return states.every((state) => state.includes("cluster_state:ok"));
    });
    if (up.length < this.nodes.length) return;
    await until("every replica follows", async () => {
      const roles = await Promise.all(up.map((node) => node.cli("INFO", "replication").catch(() => "")));
      return (
        roles.filter((role) => role.includes("role:master")).length === 3 &&
        roles.filter((role) => role.includes("master_link_status:up")).length === 3
      );
    });
  }

  /** The nodes that are primaries now, asked of themselves. */
  async primaries(): Promise<RedisServer[]> {
    const up = this.nodes.filter((node) => node.process.runs);
    const roles = await Promise.all(up.map((node) => node.cli("ROLE").catch(() => "")));
    return up.filter((_, index) => roles[index]?.startsWith("master"));
  }

  /** The primary that serves the key; waits while a fail-over leaves it without. */
  async primaryOf(key: string): Promise<RedisServer> {
    const found: RedisServer[] = [];
    await until(`a primary serves ${key}`, async () => {
      found.push(...(await this.#primariesOf(key)));
      return found.length > 0;
    });
    return found[0] as RedisServer;
  }

  async #primariesOf(key: string): Promise<RedisServer[]> {
    const [first] = this.nodes.filter((node) => node.process.runs);
    const slot = Number(await first?.cli("CLUSTER", "KEYSLOT", key));
    const primaries = await this.primaries();
    const tables = await Promise.all(primaries.map((node) => node.cli("CLUSTER", "NODES")));
    return primaries.filter((_, index) =>
      rangesOf(tables[index] ?? "").some(([low, high]) => low <= slot && slot <= high),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }
}

async function createCluster(kind: RedisKind, addresses: readonly string[]): Promise<void> {
  const program = programOf(kind, `${kind}-cli`);
  await execute(program, ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
}

/** The slots of the node that was asked, out of its own line of `CLUSTER NODES`. */
function rangesOf(nodes: string): [number, number][] {
  const own = nodes.split("\n").find((line) => line.includes("myself")) ?? "";
  const parts = own
    .split(" ")
    .slice(8)
    .filter((part) => /^\d/.test(part));
  return parts.map((part) => {
    const [low, high = low] = part.split("-").map(Number);
    return [low ?? 0, high ?? 0];
  });
}

/** A primary, two replicas, and three sentinels that watch over them. */
export class RedisSentinel {
  readonly data: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];

  private constructor(data: readonly RedisServer[], sentinels: readonly RedisServer[]) {
    this.data = data;
    this.sentinels = sentinels;
  }

  static async start({ kind = "redis", args = [] }: RedisOptions = {}): Promise<RedisSentinel> {
    const data: RedisServer[] = [];
    const sentinels: RedisServer[] = [];
    const whole = new RedisSentinel(data, sentinels);
    try {
      const primary = await RedisServer.start({ kind, args });
      data.push(primary);
      const follow = ["--replicaof", `127.0.0.1 ${primary.port}`];
      for (let count = 0; count < 2; count += 1)
        data.push(await RedisServer.start({ kind, args: [...args, ...follow] }));
      for (let count = 0; count < 3; count += 1)
        sentinels.push(await RedisServer.startSentinel(kind, primary.port));
      await whole.settled();
      return whole;
    } catch (error) {
      await whole.stop();
      throw error;
    }
  }

  readonly name = SENTINEL_NAME;

  get addresses(): readonly { readonly host: string; readonly port: number }[] {
    return this.sentinels.map(({ host, port }) => ({ host, port }));
  }

  /** Resolves when all sentinels know of each other and of both replicas, and agree that all is well. */
  async settled(): Promise<void> {
    await until("the sentinels know of each other and of the replicas", async () => {
      const told = await Promise.all(
        this.sentinels.map((one) => one.cli("INFO", "sentinel").catch(() => "")),
      );
      return told.every((info) => /status=ok,address=[^,]*,slaves=2,sentinels=3/.test(info));
    });
  }

  /** The primary as the first sentinel that runs knows it. */
  async primary(): Promise<RedisServer> {
    const asked = this.sentinels.find((one) => one.process.runs);
    const address = await asked?.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SENTINEL_NAME);
    const port = Number(address?.split("\n")[1]);
    const found = this.data.find((one) => one.port === port);
    if (found === undefined) throw new Error(`The sentinel names ${address}, which is none of ours.`);
    return found;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.sentinels, ...this.data].map((one) => one.stop()));
  }
}
