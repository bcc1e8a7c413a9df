import { Client } from "pg";
import { PostgresServer } from "../../../test/support/servers/postgres.ts";
import { openPostgres, type PostgresLocation } from "../../../test/stores/postgres/clients.ts";
import type { Counters, Engine, OpenStore } from "./engine.ts";

/** As a site sets it on a machine of its own: durable, with memory for what is in use. */
const SETTINGS = {
  fsync: "on",
  full_page_writes: "on",
  shared_buffers: "2GB",
  effective_cache_size: "8GB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  wal_compression: "on",
  autovacuum: "on",
  random_page_cost: "1.1",
};

const CONNECTIONS = 8;

/** To see what happens, and not what a site would set. */
const BOOKKEEPING = {
  shared_preload_libraries: "pg_stat_statements",
  log_min_messages: "log",
  log_lock_waits: "on",
  deadlock_timeout: "20ms",
  log_checkpoints: "off",
  logging_collector: "on",
};

export async function startPostgres(): Promise<Engine> {
  const server = await PostgresServer.start({ settings: { ...SETTINGS, ...BOOKKEEPING } });
  const { host, port, user, database } = server;
  const location: PostgresLocation = {
    driver: "pg-pool",
    host,
    port,
    user,
    database,
    connections: CONNECTIONS,
    durability: "power",
  };
  const at = JSON.stringify(location);
  const client = new Client({ host, port, user, database });
  await client.connect();
  await client.query("CREATE EXTENSION pg_stat_statements");
  const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
  return {
    name: "postgres",
    version: rows[0]?.server_version ?? "unknown",
    settings: {
      ...SETTINGS,
      synchronous_commit: "on, but off while loading",
      ...BOOKKEEPING,
      client: `pg 8.23, a pool of ${CONNECTIONS}`,
    },
    counted:
      "statements, rows, pages looked at (8 KiB, found in memory or not), pages made dirty, bytes of log",
    location: { engine: "postgres", at },
    open: () => openPostgresAt(at),
    counters: () => countersOf(client),
    atRest: () => relationSizes(client),
    relax: () => commitsWait(client, "off"),
    async settle() {
      await commitsWait(client, "on");
      await client.query("VACUUM ANALYZE");
      await client.query("CHECKPOINT");
    },
    processIds: () => [server.process.pid],
    lockWaits: () => lockWaits(client),
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}

export async function openPostgresAt(at: string): Promise<OpenStore> {
  const store = await openPostgres(at);
  return { store, close: () => store.close() };
}

async function countersOf(client: Client): Promise<Counters> {
  const { rows } = await client.query<Record<string, string>>(`
    SELECT sum(calls) AS statements, sum(rows) AS rows, sum(shared_blks_hit + shared_blks_read) AS pages,
      sum(shared_blks_dirtied) AS dirtied, sum(wal_bytes) AS "log bytes"
    FROM pg_stat_statements WHERE query ~ 'holdfast' AND query !~ 'pg_stat_statements'`);
  return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]));
}

/** Tables with what they keep beside themselves, and indexes. */
async function relationSizes(client: Client): Promise<Record<string, number>> {
  const { rows } = await client.query<{ name: string; bytes: string }>(`
    SELECT relname AS name, CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END AS bytes
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
      AND relname LIKE 'holdfast%' ORDER BY relname`);
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

/** The server tells of each wait for a lock that lasts longer than `deadlock_timeout`, and how long it was when it is over. */
async function lockWaits(client: Client): Promise<Counters> {
  const { rows } = await client.query<{ log: string }>("SELECT pg_read_file(pg_current_logfile()) AS log");
  const waits = [...(rows[0]?.log ?? "").matchAll(/acquired .* after ([\d.]+) ms/g)].map(([, ms]) =>
    Number(ms),
  );
  return { "over 20 ms": waits.length, "ms the longest": Math.max(0, ...waits) };
}

/** Commits need not reach the disk while sessions are loaded: a load is not what is measured. */
async function commitsWait(client: Client, wait: "on" | "off"): Promise<void> {
  await client.query(`ALTER SYSTEM SET synchronous_commit = ${wait}`);
  await client.query("SELECT pg_reload_conf()");
}
