import { SessionError } from "../core/errors.ts";
import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type MysqlPool, mysqlStore } from "../stores/mysql.ts";
import type { StoreAddress } from "./address.ts";
import { type Driver, type FindDriver, withClient } from "./driver.ts";
import { named } from "./named.ts";

const OPTIONS = ["table", "durability"] as const;
const DEFAULT_PORT = 3306;
const CONNECT_MS = 2000;

type Pool = MysqlPool & { query(sql: string): Promise<unknown>; end(): Promise<unknown> };
type CreatePool = (options: object) => Pool;

export async function openMysql(
  address: StoreAddress,
  find: FindDriver,
): Promise<AnyStore & DisposableStore> {
  const { client, release } = await connectMysql(address, find);
  return withClient(mysqlStore(client, named(address, OPTIONS)), release);
}

/** A pool of the database that a URL names, and what can be asked through it. */
export interface MysqlConnection {
  readonly client: MysqlPool;
  /** Runs one statement without parameters, and gives its rows by the names of their columns. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  release(): Promise<unknown>;
}

export async function connectMysql(address: StoreAddress, find: FindDriver): Promise<MysqlConnection> {
  if (address.path === "") {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "The URL of a MySQL store names a database: mysql://user@host/database.",
    );
  }
  const driver = await find(address.scheme === "mariadb" ? ["mariadb", "mysql2"] : ["mysql2", "mariadb"]);
  const pool = (await createPoolOf(driver, find))(settingsOf(address));
  return {
    client: pool,
    async query(sql) {
      const answer = (await pool.query(sql)) as never[];
      // mysql2 gives the rows and then the columns, mariadb the rows.
      return driver.name === "mysql2" ? (answer[0] ?? []) : answer;
    },
    // A connection that was being made and comes to nothing makes the end reject, when nobody needs it any more.
    release: () => pool.end().catch(() => undefined),
  };
}

/** mysql2 has its promises in a module of their own. */
async function createPoolOf(driver: Driver, find: FindDriver): Promise<CreatePool> {
  const { exports } = driver.name === "mysql2" ? await find(["mysql2/promise"]) : driver;
  return exports["createPool"] as CreatePool;
}

/** In parts rather than as a URL: the drivers' own readers of URLs disagree on what they decode. */
function settingsOf({ hosts, path, username, password, parameters }: StoreAddress): object {
  const [{ host, port = DEFAULT_PORT } = { host: "localhost" }] = hosts;
  const own: readonly string[] = OPTIONS;
  const others = [...parameters]
    .filter(([name]) => !own.includes(name))
    .map(([name, text]) => [name, valueOf(text)]);
  return {
    connectTimeout: CONNECT_MS,
    ...Object.fromEntries(others),
    host,
    port,
    database: path,
    ...(username !== "" && { user: username }),
    ...(password !== "" && { password }),
  };
}

/** A parameter such as `ssl={"rejectUnauthorized":true}` or `connectionLimit=20`. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
