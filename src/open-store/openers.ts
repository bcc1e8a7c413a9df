import type { AnyStore, DisposableStore } from "../core/store.ts";
import { type StoreAddress, unknownScheme } from "./address.ts";
import type { FindDriver } from "./driver.ts";

type Opener = (address: StoreAddress, find: FindDriver) => Promise<AnyStore & DisposableStore>;

/** Each loads its own store alone: a program that is started for one look at it is not to load them all. */
const OPENERS: Readonly<Record<string, () => Promise<Opener>>> = {
  memory: async () => (await import("./memory.ts")).openMemory,
  file: async () => (await import("./file.ts")).openFile,
  lmdb: async () => (await import("./lmdb.ts")).openLmdb,
  redis: async () => (await import("./redis.ts")).openRedis,
  rediss: async () => (await import("./redis.ts")).openRedis,
  "redis+cluster": async () => (await import("./redis.ts")).openRedisCluster,
  "rediss+cluster": async () => (await import("./redis.ts")).openRedisCluster,
  "redis+sentinel": async () => (await import("./redis.ts")).openRedisSentinel,
  postgres: async () => (await import("./postgres.ts")).openPostgres,
  postgresql: async () => (await import("./postgres.ts")).openPostgres,
  mysql: async () => (await import("./mysql.ts")).openMysql,
  mariadb: async () => (await import("./mysql.ts")).openMysql,
};

/** Opens the store at an address, with the drivers that `find` finds. */
export async function openAt(address: StoreAddress, find: FindDriver): Promise<AnyStore & DisposableStore> {
  const load = OPENERS[address.scheme];
  if (load === undefined) throw unknownScheme(Object.keys(OPENERS));
  const open = await load();
  return await open(address, find);
}
