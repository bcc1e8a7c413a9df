// Opens MySQL stores by a location: what tests and their worker processes need to reach the same tables.
import { createPool as createMariadbPool } from "mariadb";
import mysqlCallbacks from "mysql2";
import mysql from "mysql2/promise";
import { type MysqlStore, type MysqlStoreOptions, mysqlStore } from "../../../src/stores/mysql.ts";

export type MysqlDriverName = "mysql2" | "mysql2 with callbacks" | "mariadb";

/** Where a store is, as JSON on the way between processes. */
export interface MysqlLocation extends Pick<MysqlStoreOptions, "table" | "durability"> {
  readonly driver: MysqlDriverName;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The most connections of the pool; 10 unless said otherwise. */
  readonly connections?: number;
  /** How long a connection attempt may take, in milliseconds; as the driver has it unless said otherwise. */
  readonly connectTimeout?: number;
}

/** Opens a store on tables that are there, or that its `setup` makes. Closing it ends its pool. */
export function openMysql(location: string): MysqlStore {
  return openAt(JSON.parse(location) as MysqlLocation);
}

export function openAt(location: MysqlLocation): MysqlStore {
  const { table, durability = "process" } = location;
  const { pool, end } = poolAt(location);
  const store = mysqlStore(pool, table === undefined ? { durability } : { durability, table });
  const close = store.close.bind(store);
  let ended: Promise<void> | undefined;
  store.close = async () => {
    await close();
    await (ended ??= end());
  };
  return store;
}

type Pool = Parameters<typeof mysqlStore>[0];

/** A pool of the driver that the location names. */
export function poolAt(location: MysqlLocation): { readonly pool: Pool; end(): Promise<void> } {
  const { driver, host, port, user, password, database, connections = 10 } = location;
  const { connectTimeout = driver === "mariadb" ? 1000 : 10_000 } = location;
  const account = { host, port, user, password, database };
  const options = { ...account, connectionLimit: connections, connectTimeout };
  switch (driver) {
    case "mysql2": {
      const pool = mysql.createPool(options);
      return { pool, end: () => ended(pool.end()) };
    }
    case "mysql2 with callbacks": {
      const pool = mysqlCallbacks.createPool(options);
      return { pool, end: () => ended(pool.promise().end()) };
    }
    case "mariadb": {
      const pool = createMariadbPool({ ...options, allowPublicKeyRetrieval: true });
      return { pool, end: () => pool.end() };
    }
  }
}

/** Ending a pool of mysql2 rejects when a connection that was being made comes to nothing, which is no matter any more. */
function ended(end: Promise<unknown>): Promise<void> {
  return end.then(
    () => undefined,
    () => undefined,
  );
}
