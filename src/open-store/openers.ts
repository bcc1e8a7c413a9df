import type { AnyStore, DisposableStore } from "../core/store.ts";
import { openFile, openLmdb, openMemory } from "./embedded.ts";
import { openMysql } from "./mysql.ts";
import { openPostgres } from "./postgres.ts";
import { openRedis, openRedisCluster, openRedisSentinel } from "./redis.ts";
import { type StoreAddress, unknownScheme } from "./address.ts";
import { type FindDriver } from "./driver.ts";

type Opener = (address: StoreAddress, find: FindDriver) => Promise<AnyStore & DisposableStore>;

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

/** Opens the store at an address, with the drivers that `find` finds. */
export async function openAt(address: StoreAddress, find: FindDriver): Promise<AnyStore & DisposableStore> {
  const open = OPENERS[address.scheme];
  if (open === undefined) throw unknownScheme(Object.keys(OPENERS));
  return await open(address, find);
}
