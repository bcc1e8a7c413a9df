import { globSync, statSync } from "node:fs";
import type { SessionId } from "../../../src/index.ts";
import { encodeText, Keys } from "../../../src/stores/redis/keys.ts";
import { transportOf } from "../../../src/stores/redis/clients.ts";
import { RedisCluster, type RedisKind, RedisServer } from "../../../test/support/servers/redis.ts";
import { openClient, openRedis, type RedisLocation } from "../../../test/stores/redis/clients.ts";
import { forEach } from "../measure.ts";
import { type Counters, type Engine, type OpenStore, QUIET } from "./engine.ts";

/** As a site sets it that keeps its sessions over a restart: at most the last second is lost. */
const SETTINGS = { appendonly: "yes", appendfsync: "everysec", "maxmemory-policy": "noeviction" };
const ARGS = flagsOf(SETTINGS);
const CLIENT = { client: "redis 6.3, commandOptions.timeout 0" };

/** @param extra settings beside those above. */
export async function startRedis(
  name: "redis" | "redis-packed" | "valkey",
  kind: RedisKind,
  extra: Readonly<Record<string, string>> = {},
): Promise<Engine> {
  const server = await RedisServer.start({ kind, args: [...ARGS, ...flagsOf(extra)] });
  const at: RedisLocation = {
    client: "redis6",
    topology: "standalone",
    ports: [server.port],
    prefix: "holdfast:",
  };
  return engineOf(name, [server], at, { topology: "one server", ...extra }, () => server.stop());
}

export async function startRedisCluster(): Promise<Engine> {
  const cluster = await RedisCluster.start({ args: ARGS });
  const ports = cluster.nodes.map(({ port }) => port);
  const at: RedisLocation = { client: "redis6", topology: "cluster", ports, prefix: "holdfast:" };
  const topology = "3 primaries and 3 replicas, all on this machine";
  return engineOf("redis-cluster", cluster.nodes, at, { topology }, () => cluster.stop());
}

async function engineOf(
  name: "redis" | "redis-packed" | "valkey" | "redis-cluster",
  nodes: readonly RedisServer[],
  location: RedisLocation,
  settings: Readonly<Record<string, string>>,
  stop: () => Promise<void>,
): Promise<Engine> {
  const at = JSON.stringify(location);
  const [first] = nodes;
  const server = (await first?.cli("INFO", "server")) ?? "";
  return {
    ...QUIET,
    name,
    version: valueOf(server, name === "valkey" ? "valkey_version" : "redis_version"),
    settings: { ...settings, ...SETTINGS, save: "off", ...CLIENT },
    counted:
      "commands that servers ran, those within scripts and on replicas too, and their microseconds by command",
    location: { engine: name, at },
    open: () => openRedisAt(at),
    counters: async () => sumOf(await Promise.all(nodes.map(countersOf))),
    async atRest() {
      const memory = await Promise.all(nodes.map((node) => node.cli("INFO", "memory")));
      const files = nodes.flatMap(({ folder }) => globSync(`${folder}/appendonlydir/*`));
      return {
        memory: memory.reduce((sum, text) => sum + Number(valueOf(text, "used_memory")), 0),
        "append-only files": files.reduce((sum, file) => sum + statSync(file).size, 0),
      };
    },
    processIds: () => nodes.map(({ process }) => process.pid),
    expireAt: (sessions, moment) => expireAt(location, sessions, moment),
    stop,
  };
}

function flagsOf(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

export async function openRedisAt(at: string): Promise<OpenStore> {
  const store = await openRedis(at);
  return { store, close: () => store.close() };
}

async function expireAt(
  location: RedisLocation,
  sessions: readonly { readonly id: SessionId; readonly user: string }[],
  moment: number,
): Promise<number> {
  const keys = new Keys(location.prefix);
  const labels = new Set(sessions.map(({ user }) => keys.label(encodeText(`user:${user}`))));
  const all = [...sessions.map(({ id }) => keys.record(id)), ...labels];
  const { client, end } = await openClient(location);
  const transport = transportOf(client);
  const call = { signal: new AbortController().signal };
  await forEach(
    64,
    all,
    async (key) => void (await transport.send(key, ["PEXPIREAT", key, String(moment)], call)),
  );
  await end();
  return all.length;
}

async function countersOf(node: RedisServer): Promise<Counters> {
  const [commands, stats] = await Promise.all([node.cli("INFO", "commandstats"), node.cli("INFO", "stats")]);
  const lines = [...commands.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)]
    .map(([, name = "", calls, micros]) => ({ name, calls: Number(calls), micros: Number(micros) }))
    .filter(({ name }) => !/^(info|ping|replconf|command|client|hello|cluster|psync)/.test(name));
  return {
    ...Object.fromEntries(lines.map(({ name, calls }) => [name, calls])),
    // What a script does is in its own time as well.
    microseconds: lines
      .filter(({ name }) => /^(eval|evalsha|fcall)/.test(name))
      .reduce((sum, { micros }) => sum + micros, 0),
    expired: Number(valueOf(stats, "expired_keys")),
  };
}

function sumOf(all: readonly Counters[]): Counters {
  const sum: Record<string, number> = {};
  for (const counters of all)
    for (const [name, count] of Object.entries(counters)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function valueOf(info: string, name: string): string {
  return new RegExp(`^${name}:([^\\r\\n]*)`, "m").exec(info)?.[1] ?? "";
}
