import type { Engine, EngineName, Location, OpenStore } from "./engine.ts";

/** Keeps hashes compact whose longest field is longer than the 64 bytes of the default. */
const PACKED = { "hash-max-listpack-value": "1024" };

/** Starts an engine by its name. Drivers are loaded only for what is measured. */
export async function startEngine(name: EngineName): Promise<Engine> {
  switch (name) {
    case "memory":
      return (await import("./memory.ts")).startMemory();
    case "directory":
      return (await import("./directory.ts")).startDirectory();
    case "sqlite":
      return (await import("./sqlite.ts")).startSqlite();
    case "lmdb":
      return (await import("./lmdb.ts")).startLmdb();
    case "redis":
    case "valkey":
      return (await import("./redis.ts")).startRedis(name, name);
    case "redis-packed":
      return (await import("./redis.ts")).startRedis(name, "redis", PACKED);
    case "redis-cluster":
      return (await import("./redis.ts")).startRedisCluster();
    case "postgres":
      return (await import("./postgres.ts")).startPostgres();
    case "mariadb":
    case "mysql":
      return (await import("./mysql.ts")).startMysql(name);
  }
}

/** Opens the store that another process works on as well. */
export async function openAt({ engine, at }: Location): Promise<OpenStore> {
  switch (engine) {
    case "memory":
      throw new Error("The memory of one process is not another's.");
    case "directory":
      return (await import("./directory.ts")).openDirectory(at);
    case "sqlite":
      return (await import("./sqlite.ts")).openSqlite(at);
    case "lmdb":
      return (await import("./lmdb.ts")).openLmdb(at);
    case "redis":
    case "redis-packed":
    case "valkey":
    case "redis-cluster":
      return (await import("./redis.ts")).openRedisAt(at);
    case "postgres":
      return (await import("./postgres.ts")).openPostgresAt(at);
    case "mariadb":
    case "mysql":
      return (await import("./mysql.ts")).openMysqlAt(at);
  }
}
