import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { Call, SessionChange } from "../../../src/core/store.ts";
import { Keys } from "../../../src/stores/redis/keys.ts";
import { type RedisStore, type RedisStoreOptions, redisStore } from "../../../src/stores/redis.ts";
import type { RedisServer } from "../../support/servers/redis.ts";
import { type ClientName, openClient } from "./clients.ts";

export const CLIENTS: readonly ClientName[] = ["redis6", "redis5", "ioredis6", "ioredis5", "iovalkey"];
export const NOW: number = Date.UTC(2100, 0, 1);
const MINUTE = 60_000;

export function call(): Call {
  return { signal: new AbortController().signal };
}

export function idOf(name: string): SessionId {
  return name.padEnd(24, "0") as SessionId;
}

export function recordOf(name: string, given: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: idOf(name),
    epoch: 1,
    version: 1,
    secretHash: "h".repeat(43),
    labels: [],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + 30 * MINUTE,
    endsAt: NOW + 720 * MINUTE,
    fields: {},
    ...given,
  };
}

export function changeOf(given: Partial<SessionChange>): SessionChange {
  return { now: NOW, epoch: 1, ...given };
}

/** A store on a server, with a prefix of its own, and the names of its keys. */
export interface Opened {
  readonly store: RedisStore;
  readonly keys: Keys;
  readonly prefix: string;
}

/** Opens a store for one test; what was opened ends with it. */
export async function storeOn(
  server: RedisServer,
  client: ClientName = "redis6",
  options: RedisStoreOptions = {},
): Promise<Opened> {
  const prefix = options.prefix ?? `${randomUUID()}:`;
  const opened = await openClient({ client, topology: "standalone", ports: [server.port] });
  const store = redisStore(opened.client, { ...options, prefix });
  onTestFinished(async () => {
    await store.close();
    await opened.end();
  });
  return { store, keys: new Keys(prefix), prefix };
}

/** The commands that the server carries out meanwhile, by name, each with how often, scripts' own among them. */
export async function commandsDuring(
  server: RedisServer,
  work: () => Promise<unknown>,
): Promise<Map<string, number>> {
  await server.cli("CONFIG", "RESETSTAT");
  await work();
  const lines = (await server.cli("INFO", "commandstats")).split("\n");
  const found = lines.map((line) => /^cmdstat_([^:]+):calls=(\d+)/.exec(line.trim()));
  const counts = found
    .filter((match) => match !== null)
    .map(([, name = "", count]) => [name, Number(count)] as const);
  // What the counting itself sends, and what clients send at their start and to keep a connection.
  const others = new Set([
    "info",
    "config|resetstat",
    "ping",
    "client|setinfo",
    "hello",
    "command|docs",
    "command",
  ]);
  return new Map(counts.filter(([name]) => !others.has(name)));
}
