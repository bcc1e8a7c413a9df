import { mkdtemp, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import type { SessionId } from "../../src/core/record.ts";
import type { AnyStore, SessionChange } from "../../src/core/store.ts";
import { postgresStore } from "../../src/stores/postgres.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { PostgresServer } from "../../test/support/servers/postgres.ts";
import { CALL, LARGE, recordWith, SMALL } from "./records.ts";
import { atOnce, type Both, type Way } from "./way.ts";

const MANY = 64;

/** As servers are set up by default: an acknowledged write survives a power cut. */
const DURABLE = { fsync: "on", full_page_writes: "on" };

/** One store for all calls, or one for each: those of different stores never travel together. */
interface Stores {
  readonly shared: AnyStore;
  readonly apart: readonly AnyStore[];
  /** Sessions, as many as there are stores apart. */
  readonly ids: readonly SessionId[];
}

export const SQL_WAYS: readonly Way[] = [
  together(
    "coalesced reads, PostgreSQL",
    openPostgres,
    `${MANY} sessions are read at once`,
    async (store, id) => await store.read(id, CALL),
  ),
  together(
    "coalesced writes, PostgreSQL",
    openPostgres,
    `one field of ${MANY} sessions each is written at once`,
    setOne,
  ),
  together("coalesced touches, PostgreSQL", openPostgres, `${MANY} sessions are touched at once`, touch),
  together(
    "coalesced writes, SQLite",
    openSqlite,
    `one field of ${MANY} sessions each is written at once, each to survive a power cut`,
    setOne,
  ),
  {
    name: "named statements, PostgreSQL",
    deed: "a row is selected by its key, 64 times at once",
    with: "each connection prepares the statement once, under a name",
    without: "it is parsed and planned each time",
    open: async () => {
      const server = await PostgresServer.start({ settings: DURABLE });
      const pool = poolOf(server);
      await pool.query(
        "CREATE TABLE t AS SELECT n::text AS id, repeat('x', 300) AS data FROM generate_series(1, 10000) n",
      );
      await pool.query("ALTER TABLE t ADD PRIMARY KEY (id)");
      const text = "SELECT data FROM t WHERE id = $1";
      return {
        with: () => atOnce(MANY, (place) => pool.query({ name: "by_id", text, values: [String(place)] })),
        without: () => atOnce(MANY, (place) => pool.query({ text, values: [String(place)] })),
        close: async () => {
          await pool.end();
          await server.stop();
        },
      };
    },
  },
  {
    name: "field-level writes, PostgreSQL",
    deed: "one small field of a session of 100 kB is written",
    with: "that field is sent, and long texts have rows of their own",
    without: "the whole session is written, as one text",
    open: async () => {
      const { stores, pool, close } = await startedPostgres(1, LARGE);
      await pool.query("CREATE TABLE whole (id text PRIMARY KEY, data text)");
      const whole = JSON.stringify(LARGE);
      await pool.query("INSERT INTO whole VALUES ('a', $1)", [whole]);
      const update = { name: "whole", text: "UPDATE whole SET data = $1 WHERE id = 'a'", values: [whole] };
      return {
        with: async () => {
          await setOne(stores.shared, stores.ids[0] as SessionId);
          return 1;
        },
        without: async () => {
          await pool.query(update);
          return 1;
        },
        close,
      };
    },
  },
  {
    name: "field-level reads, PostgreSQL",
    deed: "the sessions of a user are listed, ten of 100 kB",
    with: "the library's own fields of each are read: where it was begun, and when it was used",
    without: "each is read with all of its fields",
    open: async () => {
      const server = await PostgresServer.start({ settings: DURABLE });
      const pool = poolOf(server);
      const store = postgresStore(pool);
      await store.setup(CALL);
      const records = Array.from({ length: 10 }, () => ({ ...recordWith(LARGE), labels: ["user:ann"] }));
      for (const record of records) await store.create(record, CALL);
      return {
        with: async () => {
          const listed = await store.listByLabel("user:ann", { limit: 10 }, CALL);
          if (listed.records.length !== 10) throw new Error("Not all of the sessions were listed.");
          return 1;
        },
        without: async () => {
          await Promise.all(records.map(({ id }) => store.read(id, CALL)));
          return 1;
        },
        close: async () => {
          await store.close();
          await pool.end();
          await server.stop();
        },
      };
    },
  },
];

/** A way whose one side has all calls in one store, and whose other side has each in a store of its own over the same connections. */
function together(
  name: string,
  open: () => Promise<{ readonly stores: Stores; close(): Promise<void> }>,
  deed: string,
  call: (store: AnyStore, id: SessionId) => Promise<unknown>,
): Way {
  return {
    name,
    deed,
    with: "one store: they travel together",
    without: `${MANY} stores over the same connections: each goes by itself`,
    async open(): Promise<Both> {
      const { stores, close } = await open();
      const { shared, apart, ids } = stores;
      return {
        with: () => atOnce(MANY, (place) => call(shared, ids[place] as SessionId)),
        without: () => atOnce(MANY, (place) => call(apart[place] as AnyStore, ids[place] as SessionId)),
        close,
      };
    },
  };
}

async function setOne(store: AnyStore, id: SessionId): Promise<void> {
  await changed(store, id, { set: { theme: JSON.stringify(String(Math.random())) } });
}

async function touch(store: AnyStore, id: SessionId): Promise<void> {
  await changed(store, id, { accessedAt: Date.now(), expiresAt: Date.now() + 3_600_000 });
}

async function changed(store: AnyStore, id: SessionId, change: Partial<SessionChange>): Promise<void> {
  const { kind } = await store.update(id, { now: Date.now(), epoch: 1, ...change }, CALL);
  if (kind !== "done") throw new Error(`The session could not be changed: ${kind}.`);
}

async function openPostgres(): Promise<{ readonly stores: Stores; close(): Promise<void> }> {
  return await startedPostgres(MANY, SMALL);
}

async function startedPostgres(count: number, fields: Readonly<Record<string, string>>) {
  const server = await PostgresServer.start({ settings: DURABLE });
  const pool = poolOf(server);
  const stores = await filled(count, () => postgresStore(pool), fields);
  const close = async (): Promise<void> => {
    await pool.end();
    await server.stop();
  };
  return { stores, pool, close };
}

function poolOf({ host, port, user, database }: PostgresServer): Pool {
  const pool = new Pool({ host, port, user, database, max: 10 });
  // It tells of connections that end with their server.
  pool.on("error", () => undefined);
  return pool;
}

async function openSqlite(): Promise<{ readonly stores: Stores; close(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-ways-"));
  const database = new DatabaseSync(join(folder, "sessions.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  const stores = await filled(MANY, () => sqliteStore(database, { durability: "power" }), SMALL);
  return {
    stores,
    close: async () => {
      database.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function filled(
  count: number,
  open: () => AnyStore,
  fields: Readonly<Record<string, string>>,
): Promise<Stores> {
  const shared = open();
  await shared.setup?.(CALL);
  const records = Array.from({ length: count }, () => recordWith(fields));
  for (const record of records) await shared.create(record, CALL);
  return { shared, apart: Array.from({ length: count }, open), ids: records.map(({ id }) => id) };
}
