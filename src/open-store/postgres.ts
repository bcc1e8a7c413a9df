import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type PgPool, type PostgresJsSql, postgresStore } from "../stores/postgres.ts";
import type { StoreAddress } from "./address.ts";
import { findDriver, withClient } from "./driver.ts";
import { named } from "./named.ts";

const OPTIONS = ["schema", "table", "durability"] as const;
const CONNECT_MS = 2000;

/** By default it ends the process when a connection is lost at a bad moment, and waits for up to 20 s before it makes another. */
const POSTGRES_JS = {
  connect_timeout: CONNECT_MS / 1000,
  fetch_types: false,
  backoff: (tries: number): number => Math.min(0.02 * 2 ** tries, 0.5),
  onnotice: () => undefined,
};

type PoolClass = new (options: object) => PgPool & { end(): Promise<unknown> };
type PostgresFunction = (
  url: string,
  options: object,
) => PostgresJsSql & { end(options: object): Promise<unknown> };

export async function openPostgres(address: StoreAddress): Promise<AnyStore & DisposableStore> {
  const driver = await findDriver(["pg", "postgres"]);
  const url = address.without(...OPTIONS);
  const options = named(address, OPTIONS);
  if (driver.name === "pg") {
    const Pool = partOf(driver.exports, "Pool") as PoolClass;
    const pool = new Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
    return withClient(postgresStore(pool, options), () => pool.end());
  }
  const open = driver.exports["default"] as PostgresFunction;
  const sql = open(url, POSTGRES_JS);
  return withClient(postgresStore(sql, options), () => sql.end({ timeout: 1 }));
}

/** Versions of `pg` that are CommonJS alone show all that they export as one default. */
function partOf(exports: Readonly<Record<string, unknown>>, name: string): unknown {
  return exports[name] ?? Reflect.get(exports["default"] as object, name);
}
