// What engines tell of changes, by each of their clients. The bound is an hour: nothing here is seen because it passed.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { AnyStore } from "../../../src/core/store.ts";
import { cached, type CachedStore } from "../../../src/stores/cached.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { withServers } from "../../support/servers/programs.ts";
import { PostgresServer } from "../../support/servers/postgres.ts";
import { type RedisKind, RedisServer } from "../../support/servers/redis.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { until as comesTrue } from "../../support/servers/server-process.ts";
import { openPostgres, type PostgresDriverName } from "../postgres/clients.ts";
import { clientOn } from "../postgres/support.ts";
import { openClient, openRedis } from "../redis/clients.ts";
import { CLIENTS } from "../redis/support.ts";
import { call, idOf, NOW, recordOf } from "../records.ts";

const KEPT = { ...call(), kept: true } as const;
const PATIENCE_MS = 20_000;

function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  return comesTrue(what, holds, PATIENCE_MS);
}

/** An engine as one process and another reach it, each by a store of its own. */
interface Reached {
  readonly here: CachedStore<AnyStore>;
  readonly there: AnyStore;
  /** What the store under the cache told of its hearing: `hears` and `deaf`. */
  readonly word: string[];
}

async function reached(open: () => Promise<AnyStore>): Promise<Reached> {
  const [beneath, there] = [await open(), await open()];
  const here = cached(beneath, { staleness: "1h" });
  onTestFinished(async () => {
    await Promise.allSettled([here.close?.(), there.close?.()]);
  });
  await here.setup?.(call());
  const word: string[] = [];
  beneath.track?.({ hears: () => word.push("hears"), deaf: () => word.push("deaf"), changed: () => {} });
  await until("changes are told", () => here.cacheFigures().told && word.includes("hears"));
  return { here, there, word };
}

async function version(store: AnyStore, name: string): Promise<number | undefined> {
  return (await store.read(idOf(name), KEPT))?.version;
}

/** Puts a record, and has it kept. The word of its creation, where there is one, may drop it once more. */
async function kept({ here, there }: Reached, name: string): Promise<void> {
  await there.create(recordOf(name), call());
  await until("the record is kept", async () => {
    const { hits } = here.cacheFigures();
    await version(here, name);
    await version(here, name);
    return here.cacheFigures().hits === hits + 2;
  });
}

async function changesElsewhere(pair: Reached): Promise<void> {
  const { here, there } = pair;
  for (const name of ["a", "b", "c"]) await kept(pair, name);
  const set = { a: "2" };
  await there.update(idOf("a"), { now: NOW, epoch: 1, set }, call());
  await until("the change is seen", async () => (await version(here, "a")) === 2);
  const renew = { secretHash: "n".repeat(43), nextEpoch: 2 };
  await there.update(idOf("a"), { now: NOW, epoch: 1, renew, set }, call());
  await until("the new secret is seen", async () => (await version(here, "a")) === 3);
  const labelled = { ...renew, nextEpoch: 3, labels: ["user:2"] };
  await there.update(idOf("a"), { now: NOW, epoch: 2, renew: labelled, set }, call());
  await until("the new labels are seen", async () => (await version(here, "a")) === 4);
  await there.delete(idOf("a"), {}, call());
  await until("the end is seen", async () => (await version(here, "a")) === undefined);
  await there.deleteByLabel?.("user:1", [], call());
  for (const name of ["b", "c"])
    await until("the revocation is seen", async () => (await version(here, name)) === undefined);
}

/** What is changed while nobody hears of it is seen all the same, as soon as changes are told again. */
async function cutOff(pair: Reached, cut: () => Promise<unknown>): Promise<void> {
  const { here, there, word } = pair;
  await kept(pair, "d");
  word.length = 0;
  await cut();
  await there.update(idOf("d"), { now: NOW, epoch: 1, set: { a: "2" } }, call());
  await until("changes are told again", () => word.includes("hears"));
  expect(await version(here, "d")).toBe(2);
  await kept(pair, "e");
  await there.delete(idOf("e"), {}, call());
  await until("and are", async () => (await version(here, "e")) === undefined);
}

withServers(["redis"], () => {
  describe.each<RedisKind>(["redis"])("%s", (kind) => {
    let server: RedisServer;
    let used = 0;
    beforeAll(async () => void (server = await RedisServer.start({ kind })));
    afterAll(() => server.stop());

    async function opened(client: (typeof CLIENTS)[number]): Promise<Reached> {
      const prefix = `a,b:${(used += 1)}:`;
      const location = { client, topology: "standalone", ports: [server.port], prefix };
      return await reached(() => openRedis(JSON.stringify(location)));
    }

    test.for(CLIENTS)("by %s what another process changes or ends is seen", async (client) => {
      await changesElsewhere(await opened(client));
    });

    test.for(CLIENTS)(
      "by %s a connection that is lost drops everything, and another is made",
      async (client) => {
        const pair = await opened(client);
        await cutOff(pair, () => server.cli("CLIENT", "KILL", "TYPE", "pubsub"));
        expect(pair.word.slice(0, 2)).toEqual(["deaf", "hears"]);
      },
    );

    test.for(CLIENTS)("by %s an engine that is flushed leaves nothing of what was kept", async (client) => {
      const pair = await opened(client);
      await kept(pair, "a");
      await server.cli("FLUSHALL");
      await until("it is gone", async () => (await version(pair.here, "a")) === undefined);
    });

    test("a server that is not there keeps nothing from being asked of it when it is back", async () => {
      const own = await RedisServer.start({ kind });
      onTestFinished(() => own.stop());
      const location = { client: "redis6", topology: "standalone", ports: [own.port], prefix: "p:" };
      const pair = await reached(() => openRedis(JSON.stringify(location)));
      await kept(pair, "a");
      await own.process.kill();
      await until("the loss is noticed", () => !pair.here.cacheFigures().told);
      expect(pair.here.cacheFigures()).toMatchObject({ records: 0, ended: 0 });
      await own.process.start();
      await until("changes are told again", () => pair.here.cacheFigures().told);
      // This server keeps nothing over a kill.
      expect(await version(pair.here, "a")).toBeUndefined();
      await kept(pair, "b");
    });

    test("a connection that fell silent without a word is noticed, and nothing kept", async () => {
      const proxy = await TcpProxy.start(server.port);
      onTestFinished(() => proxy.close());
      const where = { client: "ioredis6", topology: "standalone", prefix: "silent:" };
      const ports = [proxy.port, server.port];
      const pair = await reached(() => openRedis(JSON.stringify({ ...where, ports: ports.splice(0, 1) })));
      await kept(pair, "a");
      proxy.swallow("replies");
      await until("the silence is noticed", () => !pair.here.cacheFigures().told);
      await pair.there.update(idOf("a"), { now: NOW, epoch: 1, set: { a: "2" } }, call());
      await proxy.heal();
      await until("changes are told again", () => pair.here.cacheFigures().told);
      expect(await version(pair.here, "a")).toBe(2);
    });

    test("a user that may not track is answered by the store each time", async () => {
      await server.cli("ACL", "SETUSER", "plain", "on", "nopass", "~*", "&*", "+@all", "-client|tracking");
      const { client, end } = await openClient({
        client: "ioredis6",
        topology: "standalone",
        ports: [server.port],
      });
      onTestFinished(end);
      const own = (
        client as unknown as {
          duplicate(options: object): Parameters<typeof redisStore>[0] & { disconnect(): void };
        }
      ).duplicate({ username: "plain", password: "any" });
      onTestFinished(() => own.disconnect());
      const store = cached(redisStore(own, { prefix: "untracked:" }), { staleness: "1h" });
      onTestFinished(() => store.close());
      await store.create(recordOf("a"), call());
      for (let time = 0; time < 3; time += 1) expect(await version(store, "a")).toBe(1);
      expect(store.cacheFigures()).toMatchObject({ told: false, hits: 0, misses: 3, records: 0 });
    });

    test("closing the store ends its connections, and the client's stays", async () => {
      const count = async (): Promise<number> => (await server.cli("CLIENT", "LIST")).split("\n").length;
      const { client, end } = await openClient({
        client: "redis6",
        topology: "standalone",
        ports: [server.port],
      });
      onTestFinished(end);
      const before = await count();
      const store = cached(redisStore(client, { prefix: "closing:" }));
      await store.setup(call());
      await until("changes are told", () => store.cacheFigures().told);
      expect(await count()).toBe(before + 1);
      await store.close();
      await until("its connection is gone", async () => (await count()) === before);
    });
  });
});

withServers(["postgres"], () => {
  describe("postgres", () => {
    let server: PostgresServer;
    let used = 0;
    beforeAll(async () => void (server = await PostgresServer.start()), 90_000);
    afterAll(() => server.stop());

    async function opened(driver: PostgresDriverName): Promise<Reached> {
      const { host, port, user, database } = server;
      const where = { driver, host, port, user, database, notify: "changes", table: `t${(used += 1)}` };
      return await reached(() => openPostgres(JSON.stringify(where)));
    }

    test.for<PostgresDriverName>(["pg-pool", "pg-client", "postgres.js"])(
      "by %s what another process changes or ends is seen, and a touch is not told",
      async (driver) => {
        const pair = await opened(driver);
        await changesElsewhere(pair);
        await kept(pair, "t");
        await pair.there.update(idOf("t"), { now: NOW, epoch: 1, accessedAt: NOW + 5 }, call());
        // What is told after it has come, so it would have come by now.
        await kept(pair, "u");
        await pair.there.delete(idOf("u"), {}, call());
        await until("the end is seen", async () => (await version(pair.here, "u")) === undefined);
        expect((await pair.here.read(idOf("t"), KEPT))?.accessedAt).toBe(NOW);
        expect((await pair.here.read(idOf("t"), call()))?.accessedAt).toBe(NOW + 5);
      },
    );

    test.for<PostgresDriverName>(["pg-pool", "postgres.js"])(
      "by %s a connection that is lost drops everything, and another is made",
      async (driver) => {
        const pair = await opened(driver);
        const admin = await clientOn(server);
        await cutOff(pair, () =>
          admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE 'listen%'",
          ),
        );
      },
    );

    test("by a client alone, whose connection is lost, nothing is kept any more", async () => {
      const pair = await opened("pg-client");
      await kept(pair, "a");
      const admin = await clientOn(server);
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
      );
      await until("the loss is noticed", () => !pair.here.cacheFigures().told);
      expect(pair.here.cacheFigures()).toMatchObject({ records: 0, ended: 0 });
    });
  });
});
