import type { ServerName } from "../../../scripts/servers.mjs";
import type { Place } from "../../races/support/places.ts";
import type { MysqlDriverName, MysqlLocation } from "../../stores/mysql/clients.ts";
import type { PostgresDriverName, PostgresLocation } from "../../stores/postgres/clients.ts";
import type { ClientName, RedisLocation } from "../../stores/redis/clients.ts";
import { type MysqlKind, MysqlServer } from "../../support/servers/mysql.ts";
import { PgBouncer, PostgresServer } from "../../support/servers/postgres.ts";
import { type RedisKind, RedisServer } from "../../support/servers/redis.ts";
import type { ServerProcess } from "../../support/servers/server-process.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";

/** An engine, and clients that reach it. */
export interface Deployment<Where extends Deployed = Deployed> {
  readonly name: string;
  /** What its places are reached by, in their order. */
  readonly clients: readonly string[];
  /** The servers that have to be installed. */
  readonly needs: readonly ServerName[];
  /** The most connections that one server process of the application has open. */
  readonly connections: number;
  /** @param folder Where its server keeps its files; a temporary folder unless given. */
  start(folder?: string): Promise<Where>;
}

export interface Deployed {
  /** The same sessions by each client. */
  readonly places: readonly Place[];
  /** How many connections of clients are open. */
  connections(): Promise<number>;
  /** Ends all trouble, where an outage failed on the way. */
  restore(): Promise<void>;
  stop(): Promise<void>;
}

/** One server, and a proxy before it through which alone it is reached. */
export interface Single extends Deployed {
  readonly proxy: TcpProxy;
  /** What keeps the sessions. */
  readonly server: ServerProcess;
}

/** Connections of a pool: fewer than there are requests at once, so that some wait for their turn. */
const POOL = 3;

/** With every write on the disk before it is acknowledged, so that a kill loses nothing. */
export const DURABLE: readonly string[] = ["--appendonly", "yes", "--appendfsync", "always"];

export interface SingleRedis extends Single {
  readonly redis: RedisServer;
}

export function redis(clients: readonly ClientName[], kind: RedisKind = "redis"): Deployment<SingleRedis> {
  return {
    name: `${kind} by ${clients.join(" and ")}`,
    clients,
    needs: [kind],
    connections: 1,
    async start(folder) {
      const server = await RedisServer.start({ kind, args: DURABLE, ...at(folder) });
      const proxy = await TcpProxy.start(server.port);
      const where = {
        topology: "standalone",
        ports: [proxy.port],
        prefix: "faults:",
        options: { durability: "power" },
      } as const;
      const places = placesOf("redis", clients, (client) => ({ ...where, client }) satisfies RedisLocation);
      return { ...single(server, proxy, places), redis: server };
    },
  };
}

export interface SinglePostgres extends Single {
  readonly postgres: PostgresServer;
}

export function postgres(drivers: readonly PostgresDriverName[]): Deployment<SinglePostgres> {
  return {
    name: `PostgreSQL by ${drivers.join(" and ")}`,
    clients: drivers,
    needs: ["postgres"],
    connections: POOL,
    async start(folder) {
      const server = await PostgresServer.start(at(folder));
      const proxy = await TcpProxy.start(server.port);
      return { ...single(server, proxy, postgresPlaces(drivers, server, proxy.port)), postgres: server };
    },
  };
}

export function pgbouncer(drivers: readonly PostgresDriverName[]): Deployment<Pooled> {
  return {
    name: `PostgreSQL behind pgbouncer by ${drivers.join(" and ")}`,
    clients: drivers,
    needs: ["postgres", "pgbouncer"],
    connections: POOL,
    async start() {
      const server = await PostgresServer.start();
      const bouncer = await PgBouncer.start(server, 2 * POOL);
      const proxy = await TcpProxy.start(bouncer.port);
      const one = single(server, proxy, postgresPlaces(drivers, server, proxy.port));
      return {
        ...one,
        pooler: bouncer.process,
        async restore() {
          await one.restore();
          if (!bouncer.process.runs) await bouncer.process.start();
        },
        async stop() {
          await bouncer.stop();
          await one.stop();
        },
      };
    },
  };
}

/** With a pooler between the proxy and the server. */
export interface Pooled extends Single {
  readonly pooler: ServerProcess;
}

export function mysql(kind: MysqlKind, drivers: readonly MysqlDriverName[]): Deployment<SingleMysql> {
  return {
    name: `${kind} by ${drivers.join(" and ")}`,
    clients: drivers,
    needs: [kind],
    connections: POOL,
    async start(folder) {
      const server = await MysqlServer.start(kind, { args: ["--innodb-lock-wait-timeout=1"], ...at(folder) });
      const proxy = await TcpProxy.start(server.port);
      const { host, user, password, database } = server;
      const where = { host, port: proxy.port, user, password, database, connections: POOL };
      const places = placesOf("mysql", drivers, (driver) => ({ ...where, driver }) satisfies MysqlLocation);
      return { ...single(server, proxy, places), mysql: server };
    },
  };
}

export interface SingleMysql extends Single {
  readonly mysql: MysqlServer;
}

function at(folder: string | undefined): { readonly folder?: string } {
  return folder === undefined ? {} : { folder };
}

function postgresPlaces(
  drivers: readonly PostgresDriverName[],
  server: PostgresServer,
  port: number,
): readonly Place[] {
  const { host, user, database } = server;
  const where = { host, port, user, database, connections: POOL };
  return placesOf("postgres", drivers, (driver) => ({ ...where, driver }) satisfies PostgresLocation);
}

export function placesOf<Client>(
  store: Place["store"],
  clients: readonly Client[],
  location: (client: Client) => object,
): readonly Place[] {
  return clients.map((client) => ({ store, location: JSON.stringify(location(client)) }));
}

function single(
  server: { readonly process: ServerProcess; stop(): Promise<void> },
  proxy: TcpProxy,
  places: readonly Place[],
): Single {
  return {
    places,
    proxy,
    server: server.process,
    connections: async () => proxy.connections,
    async restore() {
      if (!server.process.runs) await server.process.start();
      server.process.resume();
      await proxy.heal();
      proxy.cutDeaf();
    },
    async stop() {
      await proxy.close();
      await server.stop();
    },
  };
}
