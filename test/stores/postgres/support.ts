import { Client, Pool } from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, onTestFinished } from "vitest";
import type { SessionChange } from "../../../src/core/store.ts";
import {
  type PostgresStore,
  type PostgresStoreOptions,
  postgresStore,
} from "../../../src/stores/postgres.ts";
import { until as comesTrue } from "../../support/servers/server-process.ts";
import { PostgresServer } from "../../support/servers/postgres.ts";

import { call, NOW } from "../records.ts";

export { call, idOf, NOW, recordOf } from "../records.ts";

const PATIENCE_MS = 10_000;
/** Making a database takes a while where many make one at once. */
const START_MS = 90_000;

/** One server for the tests of a file. */
export function useServer(settings: Readonly<Record<string, string>> = {}): () => PostgresServer {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    server = await PostgresServer.start({ settings });
  }, START_MS);
  afterAll(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error("The server starts before the first test.");
    return server;
  };
}

/** How to reach a server, or a pooler before one. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export function addressOf({ host, port, user, database }: Address): Address {
  return { host, port, user, database };
}

/** A pool that ends with the test. */
export function poolOn(address: Address, options: object = {}): Pool {
  const pool = new Pool({ ...addressOf(address), max: 4, ...options });
  onTestFinished(async () => {
    if (!pool.ending) await pool.end();
  });
  return pool;
}

export async function clientOn(address: Address): Promise<Client> {
  const client = new Client(addressOf(address));
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

export function sqlOn(address: Address, options: postgres.Options<{}> = {}): postgres.Sql {
  const sql = postgres({ ...addressOf(address), max: 4, onnotice: () => {}, ...options });
  onTestFinished(() => sql.end({ timeout: 1 }));
  return sql;
}

let schemas = 0;

/** A name that no other test of this process has. */
export function freshSchema(): string {
  return `s${process.pid}_${(schemas += 1)}`;
}

/** A store in a schema of its own, set up. */
export async function storeOn(
  client: Parameters<typeof postgresStore>[0],
  options: PostgresStoreOptions = {},
): Promise<PostgresStore> {
  const store = postgresStore(client, { schema: freshSchema(), durability: "process", ...options });
  await store.setup(call());
  return store;
}

export function changeOf(given: Partial<SessionChange> = {}): SessionChange {
  return { now: NOW, epoch: 1, ...given };
}

/** Asks again and again until it holds. */
export function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  return comesTrue(what, holds, PATIENCE_MS);
}

/** Resolves once so many statements of others wait for a lock. */
export async function waitersAre(admin: Client, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await admin.query("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    return rows.length >= count;
  }, `${count} statements wait for a lock`);
}
