import type { AnyStore, DisposableStore } from "./core/store.ts";
import { storeAddress } from "./open-store/address.ts";
import { findDriver } from "./open-store/driver.ts";
import { openAt } from "./open-store/openers.ts";

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
 * The parameters `prefix` (Redis), `table` and `schema` (SQL) name where the sessions are, and `notify` is PostgreSQL's option of that
 * name; all others are the driver's. The driver has to be installed: `lmdb`, `redis` or `ioredis`, `pg` or `postgres`, `mysql2` or `mariadb`; the first that is found is taken.
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
  return await openAt(storeAddress(url), findDriver);
}
