import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, onTestFinished } from "vitest";
import { createClient } from "redis";
import type { AnyStore } from "../../../src/core/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import { PostgresServer } from "../../support/servers/postgres.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import type { OpenStore } from "./scenarios.ts";

/** Describes suites on stores in memory and in a file, and on those of real servers. */
export function onEveryEngine(suite: (open: OpenStore) => void): void {
  describe("on memory", () => {
    suite(perTest(memoryStore));
  });
  describe("on SQLite", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-bridge-"));
    afterAll(() => rmSync(folder, { recursive: true }));
    suite(async () => closing(sqliteStore(join(folder, "sessions.db"))));
  });
  withServers(["redis"], () => describe("on Redis", () => suite(onRedis())));
  withServers(["postgres"], () => describe("on PostgreSQL", () => suite(onPostgres())));
}

/** The memory of a process is one store, whichever server of the test asks for it. */
function perTest(make: () => AnyStore): OpenStore {
  let current: AnyStore | undefined;
  return async () => {
    if (current !== undefined) return current;
    onTestFinished(() => {
      current = undefined;
    });
    current = make();
    return current;
  };
}

function onRedis(): OpenStore {
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server?.stop());
  return async () => {
    const client = createClient({ url: `redis://127.0.0.1:${server?.port}` });
    await client.connect();
    const store = closing(redisStore(client));
    onTestFinished(() => client.destroy());
    return store;
  };
}

function onPostgres(): OpenStore {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await PostgresServer.start({});
  }, 90_000);
  afterAll(() => server?.stop());
  return async () => {
    if (server === undefined) throw new Error("The server starts before the first test.");
    const { host, port, user, database } = server;
    const pool = new Pool({ host, port, user, database, max: 3 });
    onTestFinished(() => pool.end());
    return closing(postgresStore(pool, { durability: "process" }));
  };
}

function closing<Store extends AnyStore>(store: Store): Store {
  onTestFinished(() => store.close?.());
  return store;
}
