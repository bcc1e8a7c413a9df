import mysql from "mysql2/promise";
import { type MysqlKind, MysqlServer } from "../../../test/support/servers/mysql.ts";
import { type MysqlLocation, openMysql } from "../../../test/stores/mysql/clients.ts";
import type { Counters, Engine, OpenStore } from "./engine.ts";

const FLUSH = "innodb-flush-log-at-trx-commit";

/** As a site sets it on a machine of its own: durable, with memory for what is in use. */
const SETTINGS = {
  [FLUSH]: "1",
  "innodb-doublewrite": "1",
  "innodb-buffer-pool-size": "4G",
};
const LOG_SIZE = { mariadb: { "innodb-log-file-size": "2G" }, mysql: { "innodb-redo-log-capacity": "2G" } };

const CONNECTIONS = 10;

export async function startMysql(kind: MysqlKind): Promise<Engine> {
  const settings = { ...SETTINGS, ...LOG_SIZE[kind] };
  const args = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  const server = await MysqlServer.start(kind, { args });
  const { host, port, user, password, database } = server;
  const driver = "mysql2";
  const location: MysqlLocation = {
    driver,
    host,
    port,
    user,
    password,
    database,
    durability: "power",
    connections: CONNECTIONS,
  };
  const at = JSON.stringify(location);
  const connection = await mysql.createConnection({ host, port, user, password, database });
  const [rows] = await connection.query("SELECT version() AS version");
  return {
    name: kind,
    version: String((rows as { version: string }[])[0]?.version),
    settings: {
      ...settings,
      [FLUSH]: "1, but 2 while loading",
      "skip-log-bin": "yes",
      client: `${driver} 3.24, a pool of ${CONNECTIONS}`,
    },
    counted:
      "statements, rows found by a key, rows read on along an index, rows written, pages looked at (16 KiB)",
    location: { engine: kind, at },
    open: () => openMysqlAt(at),
    counters: () => countersOf(connection),
    atRest: () => tableSizes(connection, database),
    relax: () => flushes(connection, 2),
    settle: async () => {
      await flushes(connection, 1);
      await connection.query(
        "ANALYZE TABLE holdfast_sessions, holdfast_sessions_fields, holdfast_sessions_labels",
      );
    },
    processIds: () => [server.process.pid],
    lockWaits: () => lockWaits(connection),
    async stop() {
      await connection.end();
      await server.stop();
    },
  };
}

export async function openMysqlAt(at: string): Promise<OpenStore> {
  const store = openMysql(at);
  return { store, close: () => store.close() };
}

/** Commits need not reach the disk while sessions are loaded: a load is not what is measured. */
async function flushes(connection: mysql.Connection, when: 1 | 2): Promise<void> {
  await connection.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${when}`);
}

async function countersOf(connection: mysql.Connection): Promise<Counters> {
  const status = await statusOf(connection);
  const sum = (...names: readonly string[]): number =>
    names.reduce((total, name) => total + (status[name] ?? 0), 0);
  return {
    statements: sum(
      "Com_select",
      "Com_insert",
      "Com_update",
      "Com_delete",
      "Com_delete_multi",
      "Com_update_multi",
    ),
    "rows by key": sum("Handler_read_key", "Handler_read_first", "Handler_read_last"),
    "rows read on": sum("Handler_read_next", "Handler_read_prev"),
    "rows scanned": sum("Handler_read_rnd_next"),
    "rows written": sum("Innodb_rows_inserted", "Innodb_rows_updated", "Innodb_rows_deleted"),
    pages: sum("Innodb_buffer_pool_read_requests"),
  };
}

async function lockWaits(connection: mysql.Connection): Promise<Counters> {
  const status = await statusOf(connection);
  const of = (name: string): number => status[name] ?? 0;
  return {
    "waits for rows": of("Innodb_row_lock_waits"),
    "ms altogether": of("Innodb_row_lock_time"),
    "ms the longest": of("Innodb_row_lock_time_max"),
    deadlocks: of("Innodb_deadlocks"),
  };
}

async function statusOf(connection: mysql.Connection): Promise<Record<string, number>> {
  const [rows] = await connection.query("SHOW GLOBAL STATUS");
  const pairs = rows as { Variable_name: string; Value: string }[];
  return Object.fromEntries(pairs.map(({ Variable_name, Value }) => [Variable_name, Number(Value)]));
}

async function tableSizes(connection: mysql.Connection, database: string): Promise<Record<string, number>> {
  const [rows] = await connection.query(
    `SELECT name, file_size AS bytes FROM information_schema.innodb_${
      (await isMariadb(connection)) ? "sys_" : ""
    }tablespaces WHERE name LIKE ?`,
    [`${database}/%`],
  );
  const pairs = rows as { name: string; bytes: string | number }[];
  return Object.fromEntries(pairs.map(({ name, bytes }) => [name.split("/")[1] ?? name, Number(bytes)]));
}

async function isMariadb(connection: mysql.Connection): Promise<boolean> {
  const [rows] = await connection.query("SELECT version() AS version");
  return String((rows as { version: string }[])[0]?.version).includes("MariaDB");
}
