import type { AnyStore, DisposableStore } from "./core/store.ts";
import { openFile, openLmdb, openMemory } from "./open-store/embedded.ts";
import { openMysql } from "./open-store/mysql.ts";
import { openPostgres } from "./open-store/postgres.ts";
import { openRedis, openRedisCluster, openRedisSentinel } from "./open-store/redis.ts";
import { type StoreAddress, storeAddress, unknownScheme } from "./open-store/address.ts";

type Opener = (address: StoreAddress) => Promise<AnyStore & DisposableStore>;

const OPENERS: Readonly<Record<string, Opener>> = {
  memory: openMemory,
  file: openFile,
  lmdb: openLmdb,
  redis: openRedis,
  rediss: openRedis,
  "redis+cluster": openRedisCluster,
  "rediss+cluster": openRedisCluster,
  "redis+sentinel": openRedisSentinel,
  postgres: openPostgres,
  postgresql: openPostgres,
  mysql: openMysql,
  mariadb: openMysql,
};

/**
 * Opens the store that a URL names, with a client of its own, for tools and configuration files.
 *
 * | URL | store |
 * |---|---|
 * | `memory:` | memory |
 * | `file:data/sessions.db` | SQLite |
 * | `file:data/sessions/` (a folder, or a slash at the end) | directory |
 * | `lmdb:data/sessions.lmdb` | LMDB |
 * | `redis://host:6379/0`, `rediss://…` | Redis or Valkey |
 * | `redis+cluster://host:7000,host:7001` | Redis Cluster |
 * | `redis+sentinel://host:26379,host:26380/name` | the primary of that name |
 * | `postgres://user@host/database` | PostgreSQL |
 * | `mysql://user@host/database`, `mariadb://…` | MySQL or MariaDB |
 *
 * The parameters `prefix` (Redis), `table` and `schema` (SQL) name where the sessions are; all others are the driver's. The
 * driver has to be installed: `lmdb`, `redis` or `ioredis`, `pg` or `postgres`, `mysql2` or `mariadb`; the first that is found is taken.
 *
 * Nothing is connected to yet that the first call could not connect to later: a server that is down is an outage, not an
 * error of this function. `close()` of the store lets go of the client as well.
 *
 * @throws {SessionError} `ERR_SESSION_CONFIG` for a URL that names no store, and for a driver that is not installed, naming
 *   the command that installs one. No message holds the URL, which may hold a password.
 *
 * @example
 * const sessions = new SessionManager({ store: await openStore(process.env.SESSION_STORE ?? "file:sessions.db") });
 */
export async function openStore(url: string): Promise<AnyStore & DisposableStore> {
  const address = storeAddress(url);
  const open = OPENERS[address.scheme];
  if (open === undefined) throw unknownScheme(Object.keys(OPENERS));
  return await open(address);
}
