import { expect, test } from "vitest";
import { MysqlServer } from "./mysql.ts";
import { PgBouncer, PostgresServer } from "./postgres.ts";
import { withServers } from "./programs.ts";
import { RedisCluster, RedisSentinel, RedisServer } from "./redis.ts";
import { until } from "./server-process.ts";

withServers(["redis", "valkey"], () => {
  test.each(["redis", "valkey"] as const)("%s starts, is killed, starts again, and stops", async (kind) => {
    const server = await RedisServer.start({ kind });
    await server.cli("SET", "a", "1");
    const { pid } = server.process;
    await server.process.restart();
    expect(server.process.pid).not.toBe(pid);
    // It keeps nothing, so that no test finds what another left.
    expect(await server.cli("GET", "a")).toBe("");
    await server.stop();
    expect(server.process.runs).toBe(false);
  });

  test.each(["redis", "valkey"] as const)(
    "a cluster of %s fails over when a primary is killed",
    async (kind) => {
      const cluster = await RedisCluster.start({ kind });
      const primary = await cluster.primaryOf("a");
      await primary.process.kill();
      await until("another serves the slot", async () => (await cluster.primaryOf("a")) !== primary);
      await primary.process.start();
      await cluster.settled();
      await cluster.stop();
    },
  );

  test("sentinels name another primary when the first is killed", async () => {
    const sentinel = await RedisSentinel.start();
    const primary = await sentinel.primary();
    await primary.process.kill();
    await until("another is named", async () => (await sentinel.primary()) !== primary);
    await primary.process.start();
    await sentinel.settled();
    await sentinel.stop();
  });
});

withServers(["postgres", "pgbouncer"], () => {
  test("PostgreSQL and a pooler before it start, are killed, start again, and stop", async () => {
    const server = await PostgresServer.start();
    const bouncer = await PgBouncer.start(server);
    await server.process.restart();
    await bouncer.process.restart();
    await bouncer.stop();
    await server.stop();
  });
});

withServers(["mariadb", "mysql"], () => {
  test.each(["mariadb", "mysql"] as const)("%s starts, is killed, starts again, and stops", async (kind) => {
    const server = await MysqlServer.start(kind);
    await server.process.restart();
    await server.stop();
  });
});
