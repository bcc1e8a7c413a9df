import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../src/open-store.ts";
import { storeAddress } from "../src/open-store/address.ts";
import { driversOf, findDriver } from "../src/open-store/driver.ts";
import { SessionError, SessionManager } from "../src/index.ts";
import { testExchange } from "./support/exchange.ts";
import { MysqlServer } from "./support/servers/mysql.ts";
import { PostgresServer } from "./support/servers/postgres.ts";
import { withServers } from "./support/servers/programs.ts";
import { RedisCluster, RedisSentinel, RedisServer } from "./support/servers/redis.ts";
import { until } from "./support/servers/server-process.ts";

/** What the URL's store gives back of a session that it was given, by another manager and another client. */
async function roundTrip(url: string): Promise<unknown> {
  const one = new SessionManager({ store: await openStore(url) });
  const first = testExchange();
  const session = await one.startRequest(first);
  session.set("cart", ["rope"]);
  // A cluster is found, and a pool filled, in the background.
  await until("the session is saved", () => succeeds(async () => one.finishSuccessfulRequest(first)));
  await one.close();
  const other = new SessionManager({ store: await openStore(url) });
  const cookie = first.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const second = testExchange({ cookie });
  await until("the store can be reached", () => succeeds(async () => other.startRequest(second)));
  const seen = (await other.startRequest(testExchange({ cookie }))).data;
  const copy = { ...seen };
  await other.close();
  return copy;
}

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  return await work().then(
    () => true,
    () => false,
  );
}

describe("openStore", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "holdfast-open-"))));
  afterAll(() => rm(folder, { recursive: true }));

  test("opens a SQLite file, by a path or a whole URL, and a folder by its slash", async () => {
    const file = join(folder, "sessions.db");
    expect(await roundTrip(`file:${file}`)).toEqual({ cart: ["rope"] });
    expect(await roundTrip(pathToFileURL(join(folder, "other.db")).href)).toEqual({ cart: ["rope"] });
    expect(await roundTrip(`file:${folder}/sessions/`)).toEqual({ cart: ["rope"] });
    expect(await roundTrip(`file:${folder}/sessions`)).toEqual({ cart: ["rope"] });
  });

  test("opens an LMDB file, by a path or a whole URL", async () => {
    const file = join(folder, "sessions.lmdb");
    expect(await roundTrip(`lmdb:${file}`)).toEqual({ cart: ["rope"] });
    const url = pathToFileURL(join(folder, "other.lmdb")).href.replace("file:", "lmdb:");
    expect(await roundTrip(url)).toEqual({ cart: ["rope"] });
  });

  test("opens memory, which is new each time", async () => {
    const store = await openStore("memory:");
    expect(store.traits.durability).toBe("none");
    await store.close();
  });

  test("refuses what is no URL of a store, and repeats nothing of it", async () => {
    for (const url of [
      "",
      "sessions.db",
      "http://x:secret@host/",
      "redis://x:secret@host:port/",
      "mysql://x:secret@host",
    ]) {
      const error = await openStore(url).catch((thrown: unknown) => thrown);
      expect([url, SessionError.is(error) && error.code]).toEqual([url, "ERR_SESSION_CONFIG"]);
      expect(String((error as Error).message)).not.toContain("secret");
      expect(String((error as Error).cause ?? "")).not.toContain("secret");
    }
  });

  test("names the command that installs a driver when none is there", async () => {
    await expect(findDriver(["holdfast-none-such", "holdfast-nor-this"])).rejects.toMatchObject({
      code: "ERR_SESSION_CONFIG",
      message: expect.stringContaining("npm install holdfast-none-such") as string,
    });
    expect((await findDriver(["holdfast-none-such", "pg"])).name).toBe("pg");
  });

  test("finds the drivers of a project's own folder first", async () => {
    const project = mkdtempSync(join(tmpdir(), "holdfast-project-"));
    mkdirSync(join(project, "node_modules/pg"), { recursive: true });
    writeFileSync(join(project, "node_modules/pg/index.js"), "exports.mine = true;");
    const find = driversOf(project);
    expect(await find(["pg"])).toMatchObject({ name: "pg", exports: { mine: true } });
    // What the project lacks may be installed beside Holdfast.
    expect((await find(["holdfast-none-such", "mysql2"])).name).toBe("mysql2");
    await expect(find(["holdfast-none-such"])).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
    mkdirSync(join(project, "node_modules/redis"));
    writeFileSync(join(project, "node_modules/redis/index.js"), 'require("part-of-redis");');
    await expect(find(["redis"])).rejects.toMatchObject({
      message: "The package redis could not be loaded.",
    });
    rmSync(project, { recursive: true, force: true });
  });

  test("takes a URL of several hosts apart", () => {
    const address = storeAddress("redis+cluster://me:p%40ss@a:1,[::1]:2,c/name?prefix=x:&other=1");
    expect(address).toMatchObject({
      scheme: "redis+cluster",
      hosts: [
        { host: "a", port: 1 },
        { host: "::1", port: 2 },
        { host: "c", port: undefined },
      ],
      path: "name",
      username: "me",
      password: "p@ss",
    });
    expect(address.parameters.get("prefix")).toBe("x:");
    expect(storeAddress("postgres://h/d?schema=s&sslmode=require").without("schema")).toBe(
      "postgres://h/d?sslmode=require",
    );
  });
});

/** Serves one session from a URL in a process of its own, closes the manager, and has nothing else to do. */
async function endsByItself(url: string): Promise<void> {
  const program = `
    import { openStore } from ${JSON.stringify(new URL("../src/open-store.ts", import.meta.url).href)};
    const store = await openStore(${JSON.stringify(url)});
    await new Promise((resolve) => setTimeout(resolve, 100));
    await store.read("A".repeat(24), { signal: AbortSignal.timeout(5000) }).catch(() => {});
    await store.close();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  expect(code).toBe(0);
}

withServers(["redis", "postgres", "mariadb"], () => {
  test("opens Redis, with a prefix, and lets go of it", async () => {
    const server = await RedisServer.start();
    const url = `${server.url}/0?prefix=shop:`;
    expect(await roundTrip(url)).toEqual({ cart: ["rope"] });
    expect(await server.cli("KEYS", "*")).toMatch(/^shop:/);
    await endsByItself(url);
    await server.stop();
    // A server that is down is no error before the first call, and hinders nobody from closing.
    await endsByItself(url);
  });

  test("opens a Redis Cluster by any of its nodes", async () => {
    const cluster = await RedisCluster.start();
    const url = `redis+cluster://${cluster.addresses.map(({ host, port }) => `${host}:${port}`).join(",")}`;
    expect(await roundTrip(url)).toEqual({ cart: ["rope"] });
    await endsByItself(url);
    await cluster.stop();
    await endsByItself(url);
  });

  test("opens the primary that sentinels name", async () => {
    const sentinel = await RedisSentinel.start();
    const hosts = sentinel.addresses.map(({ host, port }) => `${host}:${port}`).join(",");
    expect(await roundTrip(`redis+sentinel://${hosts}/${sentinel.name}`)).toEqual({ cart: ["rope"] });
    await expect(openStore(`redis+sentinel://${hosts}`)).rejects.toMatchObject({
      code: "ERR_SESSION_CONFIG",
    });
    await sentinel.stop();
  });

  test("opens PostgreSQL, with a schema and a table, and lets go of it", async () => {
    const server = await PostgresServer.start();
    const url = `${server.url}?schema=shop&table=visits&durability=process`;
    expect(await roundTrip(url)).toEqual({ cart: ["rope"] });
    const telling = await openStore(`${url}&notify=changes`);
    expect(telling.track).toBeTypeOf("function");
    await telling.close();
    await expect(openStore(`${url}&notify=loudly`)).rejects.toMatchObject({ code: "ERR_SESSION_CONFIG" });
    await endsByItself(url);
    await server.stop();
    await endsByItself(url);
  });

  test.each(["mysql", "mariadb"])("opens MariaDB by %s:, with a table, and lets go of it", async (scheme) => {
    const server = await MysqlServer.start("mariadb");
    const url = `${server.url.replace("mysql:", `${scheme}:`)}?table=visits`;
    expect(await roundTrip(url)).toEqual({ cart: ["rope"] });
    await endsByItself(url);
    await server.stop();
    await endsByItself(url);
  });
});
