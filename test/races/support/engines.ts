import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerName } from "../../../scripts/servers.mjs";
import type { MysqlDriverName, MysqlLocation } from "../../stores/mysql/clients.ts";
import type { PostgresDriverName, PostgresLocation } from "../../stores/postgres/clients.ts";
import type { ClientName, RedisLocation } from "../../stores/redis/clients.ts";
import { type MysqlKind, MysqlServer } from "../../support/servers/mysql.ts";
import { PgBouncer, PostgresServer } from "../../support/servers/postgres.ts";
import { RedisCluster, RedisServer } from "../../support/servers/redis.ts";
import type { Place, StoreName } from "./places.ts";

/** Something that a suite can keep sessions in: started once for the suite, it has a new place for every test. */
export interface Engine {
  /** The servers that have to be installed. */
  readonly needs: readonly ServerName[];
  /** The clients that it is reached by. */
  readonly clients: readonly string[];
  start(): Promise<RunningEngine>;
}

export interface RunningEngine {
  /** A place that nobody used before, once for each client in the order of `clients`: all reach the same sessions. */
  places(): Promise<readonly Place[]>;
  stop(): Promise<void>;
}

/** Made of numbers, so that it is a name everywhere. */
let used = 0;
function newName(): string {
  used += 1;
  return `place_${process.pid}_${used}`;
}

function inFolder(store: StoreName, file: string): Engine {
  return {
    needs: [],
    clients: [store],
    async start() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-races-"));
      return {
        async places() {
          return [{ store, location: join(await mkdtemp(join(folder, "place-")), file) }];
        },
        stop: () => rm(folder, { recursive: true, force: true }),
      };
    },
  };
}

function redisPlaces(
  clients: readonly ClientName[],
  where: Pick<RedisLocation, "topology" | "ports">,
): () => Promise<readonly Place[]> {
  return async () => {
    const prefix = `${newName()}:`;
    return clients.map((client) => placeOf("redis", { ...where, client, prefix } satisfies RedisLocation));
  };
}

function placeOf(store: StoreName, location: object): Place {
  return { store, location: JSON.stringify(location) };
}

/** For an hour, so that nothing but what the engine tells can be why a change is seen. */
const COVERED = { cached: { staleness: "1h" } } as const;

function redis(clients: readonly ClientName[], more: Partial<RedisLocation> = {}): Engine {
  return {
    needs: ["redis"],
    clients,
    async start() {
      const server = await RedisServer.start();
      const where = { topology: "standalone", ports: [server.port], ...more } as const;
      return { places: redisPlaces(clients, where), stop: () => server.stop() };
    },
  };
}

function redisCluster(clients: readonly ClientName[]): Engine {
  return {
    needs: ["redis"],
    clients,
    async start() {
      // No fail-over but what a test of faults asks for: on a busy machine a node may be silent for long.
      const cluster = await RedisCluster.start({ args: ["--cluster-node-timeout", "30000"] });
      const where = { topology: "cluster", ports: cluster.addresses.map(({ port }) => port) } as const;
      return { places: redisPlaces(clients, where), stop: () => cluster.stop() };
    },
  };
}

function postgresPlaces(
  drivers: readonly PostgresDriverName[],
  { host, port, user, database }: PostgresServer | PgBouncer,
  more: Partial<PostgresLocation> = {},
): () => Promise<readonly Place[]> {
  return async () => {
    const where = { host, port, user, database, table: newName(), ...more };
    return drivers.map((driver) => placeOf("postgres", { ...where, driver } satisfies PostgresLocation));
  };
}

function postgres(drivers: readonly PostgresDriverName[], more: Partial<PostgresLocation> = {}): Engine {
  return {
    needs: ["postgres"],
    clients: drivers,
    async start() {
      const server = await PostgresServer.start();
      return { places: postgresPlaces(drivers, server, more), stop: () => server.stop() };
    },
  };
}

function pgbouncer(drivers: readonly PostgresDriverName[]): Engine {
  return {
    needs: ["postgres", "pgbouncer"],
    clients: drivers,
    async start() {
      const server = await PostgresServer.start();
      const bouncer = await PgBouncer.start(server);
      return {
        // postgres.js sends many statements ahead, and a pooler of transactions gives their answers to the wrong ones when
        // one of them was prepared on another connection.
        places: postgresPlaces(drivers, bouncer, { prepare: false }),
        async stop() {
          await bouncer.stop();
          await server.stop();
        },
      };
    },
  };
}

function mysql(kind: MysqlKind, drivers: readonly MysqlDriverName[]): Engine {
  return {
    needs: [kind],
    clients: drivers,
    async start() {
      const server = await MysqlServer.start(kind);
      const { host, port, user, password, database } = server;
      const where = { host, port, user, password, database, connections: 4 };
      return {
        async places() {
          const table = newName();
          return drivers.map((driver) =>
            placeOf("mysql", { ...where, driver, table } satisfies MysqlLocation),
          );
        },
        stop: () => server.stop(),
      };
    },
  };
}

/** Every engine, by what a suite calls it. */
export const ENGINES = {
  memory: inFolder("memory", ""),
  directory: inFolder("directory", "sessions"),
  sqlite: inFolder("sqlite", "sessions.db"),
  lmdb: inFolder("lmdb", "sessions.lmdb"),
  redis: redis(["redis6", "ioredis6"]),
  "redis cluster": redisCluster(["redis6", "ioredis6"]),
  postgres: postgres(["pg-pool", "postgres.js"]),
  pgbouncer: pgbouncer(["pg-pool", "postgres.js"]),
  mariadb: mysql("mariadb", ["mariadb", "mysql2"]),
  mysql: mysql("mysql", ["mysql2", "mariadb"]),
  "redis, cached": redis(["redis6"], COVERED),
  "postgres, cached": postgres(["pg-pool"], { ...COVERED, notify: "changes" }),
} as const satisfies Readonly<Record<string, Engine>>;

export type EngineName = keyof typeof ENGINES;
const ENGINE_NAMES: readonly EngineName[] = Object.keys(ENGINES) as EngineName[];
/** Those with a cache: a process sees what another wrote when it is told, or after the bound. */
export const CACHED_NAMES: readonly EngineName[] = ENGINE_NAMES.filter((name) => name.endsWith(", cached"));
/** Those in which every process sees at once what another wrote. */
export const STRICT_NAMES: readonly EngineName[] = ENGINE_NAMES.filter(
  (name) => !CACHED_NAMES.includes(name),
);

/** The need of one suite for an engine. */
export interface Need {
  /** Starts the engine where no suite of this file has done so before. */
  running(): Promise<RunningEngine>;
  /** Stops it when no suite of this file needs it any more. */
  over(): Promise<void>;
}

const needed = new Map<EngineName, { suites: number; running: Promise<RunningEngine> | null }>();

/** Suites of one file share an engine: each says so before the first of them runs. */
export function need(name: EngineName): Need {
  const shared = needed.get(name) ?? { suites: 0, running: null };
  needed.set(name, shared);
  shared.suites += 1;
  return {
    running: () => (shared.running ??= ENGINES[name].start()),
    async over() {
      shared.suites -= 1;
      if (shared.suites > 0 || shared.running === null) return;
      await (await shared.running).stop();
    },
  };
}
