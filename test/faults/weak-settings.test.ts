import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { SessionManager } from "../../src/index.ts";
import { done, noUnhandledRejections, seen, stored } from "../races/rig.ts";
import { openPlace, type Place } from "../races/support/places.ts";
import type { MysqlLocation } from "../stores/mysql/clients.ts";
import type { PostgresLocation } from "../stores/postgres/clients.ts";
import type { RedisLocation } from "../stores/redis/clients.ts";
import { MysqlServer } from "../support/servers/mysql.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import type { ServerProcess } from "../support/servers/server-process.ts";
import { DURABLE } from "./support/deployments.ts";

noUnhandledRejections();

interface Kept {
  readonly place: Place;
  readonly process: ServerProcess;
  stop(): Promise<void>;
}

const PATIENCE = { timeout: 120_000 };

/** What an increment that was acknowledged just before the server was killed is afterwards; nothing without its session. */
async function afterKill({ place, process, stop }: Kept): Promise<object | null> {
  try {
    const manager = new SessionManager({ store: await openPlace(place), deadline: "10s", sweepEvery: false });
    const cookie = await stored({ manager }, { n: 0 });
    await done({ manager }, cookie, (session) => void session.increment("n"));
    await manager.close();
    await killWhole(process);
    await process.start();
    const again = new SessionManager({ store: await openPlace(place), deadline: "10s", sweepEvery: false });
    const found = await seen({ manager: again }, cookie);
    await again.close();
    return found;
  } finally {
    await stop();
  }
}

/** With the processes that it has for its connections and its log: none of them gets to write anything. */
async function killWhole(server: ServerProcess): Promise<void> {
  server.signal("SIGSTOP");
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(server.pid)], { encoding: "utf8" });
  for (const pid of stdout.split("\n").map(Number)) if (pid > 0) process.kill(pid, "SIGKILL");
  await server.kill();
}

function located(store: Place["store"], location: object): Place {
  return { store, location: JSON.stringify(location) };
}

withServers(["redis"], () => {
  describe("Redis that is killed", PATIENCE, () => {
    async function server(args: readonly string[]): Promise<Kept> {
      const { port, process, stop } = await started(RedisServer.start({ args }));
      const where: RedisLocation = {
        client: "redis6",
        topology: "standalone",
        ports: [port],
        prefix: "weak:",
      };
      return { place: located("redis", where), process, stop };
    }
    test("by default loses what it acknowledged", async () => {
      expect(await afterKill(await server([]))).toBeNull();
    });
    test("with appendonly and appendfsync always keeps it", async () => {
      expect(await afterKill(await server(DURABLE))).toEqual({ n: 1 });
    });
  });
});

withServers(["postgres"], () => {
  describe("PostgreSQL that is killed", PATIENCE, () => {
    async function server(settings: Readonly<Record<string, string>>): Promise<Kept> {
      const running = await started(PostgresServer.start({ settings }));
      const { host, port, user, database } = running;
      const where: PostgresLocation = { driver: "pg-pool", host, port, user, database, durability: "none" };
      const place = located("postgres", where);
      // The tables are there for good, whatever becomes of the sessions.
      const store = await openPlace(place);
      await store.setup?.({ signal: AbortSignal.timeout(10_000) });
      await store.close?.();
      await running.process.stop();
      await running.process.start();
      return { place, process: running.process, stop: running.stop };
    }
    test("with synchronous_commit off may lose what it acknowledged", async () => {
      const slowly = { synchronous_commit: "off", wal_writer_delay: "10s", wal_writer_flush_after: "10000" };
      expect(await afterKill(await server(slowly))).toBeNull();
    });
    test("by default keeps it", async () => {
      expect(await afterKill(await server({}))).toEqual({ n: 1 });
    });
  });
});

withServers(["mariadb"], () => {
  describe("MariaDB that is killed", PATIENCE, () => {
    async function server(flush: string): Promise<Kept> {
      const args = [`--innodb-flush-log-at-trx-commit=${flush}`, "--innodb-flush-log-at-timeout=2700"];
      const running = await started(MysqlServer.start("mariadb", { args }));
      const { host, port, user, password, database } = running;
      const where: MysqlLocation = {
        driver: "mariadb",
        host,
        port,
        user,
        password,
        database,
        durability: "none",
      };
      const place = located("mysql", where);
      const store = await openPlace(place);
      await store.setup?.({ signal: AbortSignal.timeout(10_000) });
      await store.close?.();
      await running.process.stop();
      await running.process.start();
      return { place, process: running.process, stop: running.stop };
    }
    test("with innodb_flush_log_at_trx_commit 0 may lose what it acknowledged", async () => {
      expect(await afterKill(await server("0"))).toBeNull();
    });
    test("with 1, its default, keeps it", async () => {
      expect(await afterKill(await server("1"))).toEqual({ n: 1 });
    });
  });
});

/** With its `stop` bound, to be handed on. */
async function started<Server extends { stop(): Promise<void> }>(
  starting: Promise<Server>,
): Promise<Server & { stop(): Promise<void> }> {
  const server = await starting;
  server.stop = server.stop.bind(server);
  return server;
}
