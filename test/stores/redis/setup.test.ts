import { Redis } from "ioredis";
import { createClient, createSentinel } from "redis";
import { createSentinel as createSentinel5 } from "redis5";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { SessionError } from "../../../src/core/errors.ts";
import { redisStore, type RedisStoreOptions } from "../../../src/stores/redis.ts";
import type { Router } from "../../../src/stores/redis/router.ts";
import { checkServers } from "../../../src/stores/redis/setup.ts";
import { Transport } from "../../../src/stores/redis/transport.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisCluster, RedisServer } from "../../support/servers/redis.ts";
import { until } from "../../support/servers/server-process.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { type ClientName, openClient } from "./clients.ts";
import { call, changeOf, idOf, recordOf, storeOn } from "./support.ts";

function isConfig(words: RegExp): (error: unknown) => boolean {
  return (error) =>
    SessionError.is(error) && error.code === "ERR_SESSION_CONFIG" && words.test(error.message);
}

async function started(...args: string[]): Promise<RedisServer> {
  const server = await RedisServer.start({ args });
  onTestFinished(() => server.stop());
  return server;
}

describe("options", () => {
  const client = createClient();
  test.each<[RedisStoreOptions, RegExp]>([
    [{ prefix: "a{b}" }, /braces/],
    [{ durability: "disk" } as never, /durability/],
    [{ replicas: -1 }, /replicas/],
    [{ replicas: 1.5 }, /replicas/],
    [{ ttl: 1 } as never, /no option "ttl"/],
  ])("%o is refused", (options, words) => {
    expect(() => redisStore(client, options)).toThrow(expect.toSatisfy(isConfig(words)));
  });

  test.each([undefined, null, {}, "redis://localhost", { get: () => {} }])("%o is no client", (value) => {
    expect(() => redisStore(value as never)).toThrow(expect.toSatisfy(isConfig(/needs a client/)));
  });

  test("ioredis options that would read from replicas or move keys are refused", () => {
    const clients = [
      { keyPrefix: "a:" },
      { role: "slave" as const, sentinels: [{ port: 1 }], name: "x" },
    ].map((options) => new Redis({ ...options, lazyConnect: true }));
    expect(() => redisStore(clients[0] as Redis)).toThrow(expect.toSatisfy(isConfig(/keyPrefix/)));
    expect(() => redisStore(clients[1] as Redis)).toThrow(expect.toSatisfy(isConfig(/replica/)));
  });

  test("node-redis that would give up for good after a silence is refused", () => {
    const giving = createClient({ socket: { socketTimeout: 4000 } });
    expect(() => redisStore(giving)).toThrow(expect.toSatisfy(isConfig(/reconnectStrategy/)));
    redisStore(createClient({ socket: { socketTimeout: 4000, reconnectStrategy: () => 100 } }));
  });

  test("replicas is refused of a client that lends its connection to one call at a time", () => {
    const where = { name: "x", sentinelRootNodes: [{ host: "127.0.0.1", port: 1 }] };
    for (const sentinel of [createSentinel(where), createSentinel5(where)]) {
      const refused = expect.toSatisfy(isConfig(/replicas does not go with createSentinel/));
      expect(() => redisStore(sentinel, { replicas: 1 })).toThrow(refused);
    }
  });
});

/** A transport on which every primary tells this of itself. */
function telling(info: string): Transport {
  const router: Partial<Router> = {
    cluster: false,
    route: (): { connection: object; isReady: boolean } => ({ connection: router, isReady: true }),
    primaries: async () => [router],
    sendOn: async () => [info.replaceAll("\n", "\r\n")],
  };
  return new Transport(router as Router);
}

describe("versions, as INFO tells them", () => {
  const demands = { durability: "none", allowEviction: false } as const;

  test.each(["5.0.14", "6.0.16", "6.1.240", ""])(
    "Redis %s is refused, and told what is needed",
    async (version) => {
      const info = `# Server\nredis_version:${version}\nredis_mode:standalone\nmaxmemory:0`;
      await expect(checkServers(telling(info), demands, call())).rejects.toSatisfy(
        isConfig(/needs Redis 6\.2 or newer/),
      );
    },
  );

  test.each(["6.2.0", "7.0.15", "7.2.4", "8.0.2", "10.0.0"])("Redis %s is taken", async (version) => {
    await checkServers(telling(`redis_version:${version}\nmaxmemory:0`), demands, call());
  });
});

withServers(["redis"], () => {
  test("a server that evicts is refused, unless that is accepted or it has no limit", async () => {
    const server = await started("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
    const { store } = await storeOn(server);
    await expect(store.setup(call())).rejects.toSatisfy(isConfig(/evicts.*allkeys-lru/));
    await (await storeOn(server, "ioredis6", { allowEviction: true })).store.setup(call());
    await server.cli("CONFIG", "SET", "maxmemory", "0");
    await store.setup(call());
    await server.cli("CONFIG", "SET", "maxmemory", "100mb", "maxmemory-policy", "noeviction");
    await store.setup(call());
  });

  test("durability is believed only where the server is set so", async () => {
    const server = await started();
    const [process, power] = await Promise.all(
      (["process", "power"] as const).map(
        async (durability) => (await storeOn(server, "redis6", { durability })).store,
      ),
    );
    expect([process?.traits.durability, power?.traits.durability]).toEqual(["process", "power"]);
    await expect(process?.setup(call())).rejects.toSatisfy(isConfig(/appendonly yes/));
    await server.cli("CONFIG", "SET", "appendonly", "yes");
    await process?.setup(call());
    await expect(power?.setup(call())).rejects.toSatisfy(isConfig(/appendfsync always/));
    await server.cli("CONFIG", "SET", "appendfsync", "always");
    await power?.setup(call());
  });

  test("with appendonly a killed server has what was acknowledged", async () => {
    const server = await started("--appendonly", "yes");
    const { store } = await storeOn(server, "redis6", { durability: "process" });
    await store.setup(call());
    for (let index = 0; index < 200; index += 1)
      await store.create(recordOf(`a${index}x`, { labels: ["user:1"] }), call());
    await server.process.restart();
    expect((await store.listByLabel("user:1", { limit: 500 }, call())).records).toHaveLength(200);
  });

  test("a server that forbids INFO is taken on trust alone", async () => {
    const server = await started();
    await server.cli("ACL", "SETUSER", "app", "on", "nopass", "~*", "&*", "+@all", "-info", "-config");
    const client = createClient({ url: `redis://app:x@127.0.0.1:${server.port}`, disableClientInfo: true });
    await client.connect();
    onTestFinished(() => client.destroy());
    await expect(redisStore(client).setup(call())).rejects.toSatisfy(isConfig(/forbids INFO.*trustServer/));
    await redisStore(client, { trustServer: true }).setup(call());
  });

  test("a server that forbids CONFIG alone can be checked for all but appendfsync", async () => {
    const server = await started("--appendonly", "yes");
    await server.cli("ACL", "SETUSER", "app", "on", "nopass", "~*", "&*", "+@all", "-config");
    const client = new Redis({ port: server.port, username: "app", password: "x" });
    onTestFinished(() => client.disconnect());
    await redisStore(client, { durability: "process" }).setup(call());
    await expect(redisStore(client, { durability: "power" }).setup(call())).rejects.toSatisfy(
      isConfig(/forbids CONFIG/),
    );
  });

  describe("replication", () => {
    /** A primary, one replica that follows it, and what lies between them. */
    interface Pair {
      readonly primary: RedisServer;
      readonly replica: RedisServer;
      readonly between: TcpProxy;
    }

    async function pair(): Promise<Pair> {
      const primary = await started();
      const between = await TcpProxy.start(primary.port);
      onTestFinished(() => between.close());
      const replica = await started("--replicaof", `127.0.0.1 ${between.port}`);
      await until("the replica follows", async () =>
        (await replica.cli("INFO", "replication")).includes("master_link_status:up"),
      );
      return { primary, replica, between };
    }

    /** The replica takes over from a primary that is gone. */
    async function failOver({ primary, replica }: Pair): Promise<void> {
      await primary.process.kill();
      await replica.cli("REPLICAOF", "NO", "ONE");
    }

    const clients: readonly ClientName[] = ["redis6", "redis5", "ioredis6"];

    test("by default a fail-over can lose what was acknowledged", async () => {
      const servers = await pair();
      const { store, prefix } = await storeOn(servers.primary);
      await store.create(recordOf("a"), call());
      await until("the replica has it", async () => (await servers.replica.cli("DBSIZE")) === "2");
      servers.between.swallow("replies");
      expect(await store.delete(idOf("a"), {}, call())).toBe("done");
      await failOver(servers);
      const after = await storeOn(servers.replica, "redis6", { prefix });
      expect(await after.store.read(idOf("a"), call())).not.toBeNull();
    });

    test.each(clients)(
      "with replicas: 1 nothing is acknowledged that the replica lacks (%s)",
      async (client) => {
        const servers = await pair();
        const { store, prefix } = await storeOn(servers.primary, client, { replicas: 1 });
        await store.create(recordOf("a", { labels: ["user:1"] }), call());
        expect(await store.update(idOf("a"), changeOf({ set: { a: "1" } }), call())).toEqual({
          kind: "done",
          version: 2,
        });
        servers.between.swallow("replies");
        await expect(store.update(idOf("a"), changeOf({ set: { a: "2" } }), call())).rejects.toThrow(
          /0 of the 1 replicas/,
        );
        await expect(store.delete(idOf("a"), {}, call())).rejects.toThrow(/replicas/);
        await failOver(servers);
        const after = await storeOn(servers.replica, client, { prefix });
        expect((await after.store.read(idOf("a"), call()))?.fields["a"]).toBe("1");
        expect((await after.store.listByLabel("user:1", { limit: 9 }, call())).records).toHaveLength(1);
      },
    );

    test.each(clients)(
      "a write whose connection is lost before the replica confirmed is not read as done (%s)",
      async (name) => {
        const { primary, between } = await pair();
        const proxy = await TcpProxy.start(primary.port);
        onTestFinished(() => proxy.close());
        const { client, end } = await openClient({
          client: name,
          topology: "standalone",
          ports: [proxy.port],
        });
        const store = redisStore(client, { replicas: 1 });
        onTestFinished(async () => {
          await store.close();
          await end();
        });
        await store.create(recordOf("a"), call());
        // The server learns the script, which a lost connection would else keep from being sent.
        await store.update(idOf("a"), changeOf({ set: { a: "0" } }), call());
        between.swallow("replies");
        const update = store
          .update(idOf("a"), changeOf({ set: { a: "1" } }), call())
          .catch((error: unknown) => error);
        await until("the primary waits for the replica", async () =>
          (await primary.cli("CLIENT", "LIST")).includes("cmd=wait"),
        );
        proxy.cut();
        expect(await update).toBeInstanceOf(Error);
        await expect(store.read(idOf("a"), call())).rejects.toThrow(/0 of the 1 replicas/);
        await between.heal();
        between.cutDeaf();
        await until("the replica has it, and the read says so", async () => {
          const record = await store.read(idOf("a"), call()).catch(() => null);
          return record?.fields["a"] === "1";
        });
      },
    );
  });

  describe("a cluster", () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await RedisCluster.start();
    });
    afterAll(() => cluster.stop());

    test.each<ClientName>(["redis6", "ioredis6"])(
      "is refused by a client for one server (%s)",
      async (client) => {
        const { store } = await storeOn(cluster.nodes[0] as RedisServer, client);
        await expect(store.setup(call())).rejects.toSatisfy(isConfig(/node of a cluster/));
      },
    );

    test.each<ClientName>(["redis6", "redis5", "ioredis6"])(
      "confirms writes by replicas (%s)",
      async (client) => {
        const ports = cluster.nodes.map(({ port }) => port);
        const opened = await openClient({ client, topology: "cluster", ports });
        onTestFinished(opened.end);
        const store = redisStore(opened.client, { prefix: `${client}:`, replicas: 1 });
        for (const name of ["a", "b", "c", "d", "e"]) {
          expect(await store.create(recordOf(name, { labels: ["user:1"] }), call())).toBe(true);
          expect(await store.update(idOf(name), changeOf({ set: { a: "1" } }), call())).toEqual({
            kind: "done",
            version: 2,
          });
        }
        expect(await store.deleteByLabel("user:1", [], call())).toBe(5);
        await store.close();
      },
    );
  });
});
