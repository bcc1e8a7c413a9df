// Opens the store over each client from a text, as worker processes, fault suites and storms do.
import { Client, Pool } from "pg";
import postgres from "postgres";
import type { Subscribable, Trackable } from "../../../src/core/store.ts";
import { cached, type CachedOptions } from "../../../src/stores/cached.ts";
import {
  type PostgresClient,
  type PostgresStore,
  type PostgresStoreOptions,
  postgresStore,
} from "../../../src/stores/postgres.ts";

export type PostgresDriverName = "pg-pool" | "pg-client" | "postgres.js";

/** Where a store is and how it is reached; as JSON it is the `location` of {@link openPostgres}. */
export interface PostgresLocation {
  readonly driver: PostgresDriverName;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly schema?: string;
  readonly table?: string;
  /** `"process"` unless given: the servers of the tests run without fsync. */
  readonly durability?: PostgresStoreOptions["durability"];
  readonly notify?: PostgresStoreOptions["notify"];
  /** Covers the store with a cache. */
  readonly cached?: CachedOptions;
  /** Connections at most, where the driver has several; 4 unless given. */
  readonly connections?: number;
  /** For postgres.js: whether it prepares statements; true unless given. */
  readonly prepare?: boolean;
}

/** A store that was opened; its `close` closes its client too. */
export type OpenedPostgres = PostgresStore & Partial<Subscribable & Trackable>;

/** Opens a store, without setting it up. */
export async function openPostgres(location: string): Promise<OpenedPostgres> {
  const where = JSON.parse(location) as PostgresLocation;
  const { schema, table, notify, durability = "process", cached: covered } = where;
  const { client, end } = await clientFor(where);
  const store: OpenedPostgres = postgresStore(client, {
    durability,
    ...(schema !== undefined && { schema }),
    ...(table !== undefined && { table }),
    ...(notify !== undefined && { notify }),
  });
  const release = store.close.bind(store);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= release().then(async () => void (await end())));
  Object.assign(store, { close });
  return covered === undefined ? store : cached(store, covered);
}

/** A client that is connected or connects by itself, and how to end it. */
export async function clientFor(
  where: PostgresLocation,
): Promise<{ readonly client: PostgresClient; end(): Promise<unknown> }> {
  const { host, port, user, database, connections = 4, prepare = true } = where;
  switch (where.driver) {
    case "pg-pool": {
      const pool = new Pool({ host, port, user, database, max: connections });
      return { client: pool, end: () => pool.end() };
    }
    case "pg-client": {
      const client = new Client({ host, port, user, database });
      await client.connect();
      return { client, end: () => client.end() };
    }
    case "postgres.js": {
      // A connection that is lost while the client fetches types leaves a rejection to nobody, which ends the process.
      const backoff = (tries: number): number => Math.min(0.02 * 2 ** tries, 0.5);
      const own = { fetch_types: false, backoff, onnotice: () => {} };
      const sql = postgres({ host, port, user, database, max: connections, prepare, ...own });
      return { client: sql, end: () => sql.end({ timeout: 1 }) };
    }
  }
}
