import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PostgresServer } from "../../test/support/servers/postgres.ts";
import { RedisServer } from "../../test/support/servers/redis.ts";
import { CountingProxy } from "./counting-proxy.ts";
import type { StoreName } from "./table.ts";
import type { EngineAddresses } from "./words.ts";

/** As a site sets it that keeps its sessions over a restart: at most the last second is lost. */
const REDIS = { appendonly: "yes", appendfsync: "everysec", "maxmemory-policy": "noeviction" };

/** As a site sets it on a machine of its own: durable, with memory for what is in use. */
const POSTGRES = {
  fsync: "on",
  synchronous_commit: "on",
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  random_page_cost: "1.1",
};

/** What the engines and their clients were set to, for the results. */
export const SETTINGS: Readonly<Record<StoreName, string>> = {
  memory: "in the process of the server",
  sqlite:
    "WAL, synchronous NORMAL; Holdfast and by hand through node:sqlite, the peer through better-sqlite3",
  redis: `${said(REDIS)}; node-redis 6.3, one connection, commandOptions.timeout 0, for every subject`,
  postgres: `${said(POSTGRES)}; pg 8.23, a pool of 10, for every subject`,
};

function said(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

/** An engine that runs for one group. */
export interface RunningEngine {
  /** Where a subject finds it. Each gets a folder of its own. */
  addresses(): Promise<EngineAddresses>;
  /** The same, past a proxy that counts; `null` where nothing goes over a wire. */
  counted(): Promise<{ readonly proxy: CountingProxy; readonly addresses: EngineAddresses } | null>;
  stop(): Promise<void>;
}

export async function startEngine(store: StoreName): Promise<RunningEngine> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-bench-"));
  const own = (): Promise<string> => mkdtemp(join(folder, "subject-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true, maxRetries: 5 });
  switch (store) {
    case "memory":
    case "sqlite":
      return { addresses: async () => ({ folder: await own() }), counted: async () => null, stop: remove };
    case "redis": {
      const args = Object.entries(REDIS).flatMap(([name, value]) => [`--${name}`, value]);
      const server = await RedisServer.start({ args });
      const at = async (port: number): Promise<EngineAddresses> => ({
        folder: await own(),
        redis: `redis://127.0.0.1:${port}`,
      });
      return running(server.port, at, () => Promise.all([server.stop(), remove()]));
    }
    case "postgres": {
      const server = await PostgresServer.start({ settings: POSTGRES });
      const { user, database } = server;
      const at = async (port: number): Promise<EngineAddresses> => ({
        folder: await own(),
        postgres: `postgres://${user}@127.0.0.1:${port}/${database}`,
      });
      return running(server.port, at, () => Promise.all([server.stop(), remove()]));
    }
  }
}

function running(
  port: number,
  at: (port: number) => Promise<EngineAddresses>,
  stop: () => Promise<unknown>,
): RunningEngine {
  return {
    addresses: () => at(port),
    async counted() {
      const proxy = await CountingProxy.start(port);
      return { proxy, addresses: await at(proxy.port) };
    },
    stop: async () => void (await stop()),
  };
}
