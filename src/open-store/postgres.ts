import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type PgPool, type PostgresJsSql, postgresStore } from "../stores/postgres.ts";
import type { StoreAddress } from "./address.ts";
import { type FindDriver, withClient } from "./driver.ts";
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

type Rows = readonly Readonly<Record<string, unknown>>[];
type PoolClass = new (options: object) => PgPool & {
  on(event: "error", listener: () => void): unknown;
  query(sql: string): Promise<{ readonly rows: Rows }>;
  end(): Promise<unknown>;
};
type PostgresFunction = (
  url: string,
  options: object,
) => PostgresJsSql & { end(options: object): Promise<unknown> };

export async function openPostgres(
  address: StoreAddress,
  find: FindDriver,
): Promise<AnyStore & DisposableStore> {
  const { client, release } = await connectPostgres(address, find);
  const store = postgresStore(client, {
    ...named(address, OPTIONS),
    ...notifyOf(address),
  });
  return withClient(store, release);
}

/** A client of the database that a URL names, and what can be asked through it. */
export interface PostgresConnection {
  readonly client: PgPool | PostgresJsSql;
  /** Runs one statement without parameters, and gives its rows by the names of their columns. */
  query(sql: string): Promise<Rows>;
  release(): Promise<unknown>;
}

export async function connectPostgres(address: StoreAddress, find: FindDriver): Promise<PostgresConnection> {
  const driver = await find(["pg", "postgres"]);
  const url = address.without(...OPTIONS, "notify");
  if (driver.name === "pg") {
    const Pool = partOf(driver.exports, "Pool") as PoolClass;
    const pool = new Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
    // An idle connection that breaks would end the process.
    pool.on("error", () => undefined);
    return {
      client: pool,
      query: async (text) => (await pool.query(text)).rows,
      release: () => pool.end(),
    };
  }
  const open = (driver.exports["default"] ?? driver.exports) as PostgresFunction;
  const sql = open(url, POSTGRES_JS);
  return {
    client: sql,
    query: async (text) => await (sql.unsafe(text) as unknown as PromiseLike<Rows>),
    release: () => sql.end({ timeout: 1 }),
  };
}

/** In a URL everything is a text. The store judges what it is. */
function notifyOf({ parameters }: StoreAddress): { readonly notify?: never } {
  const text = parameters.get("notify");
  if (text === null) return {};
  return { notify: (text === "true" ? true : text) as never };
}

/** Versions of `pg` that are CommonJS alone show all that they export as one default. */
function partOf(exports: Readonly<Record<string, unknown>>, name: string): unknown {
  return exports[name] ?? Reflect.get(exports["default"] as object, name);
}
