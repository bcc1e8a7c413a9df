import type { Socket } from "node:net";
import type * as ioredis from "ioredis";
import { createClient, createCluster } from "redis5";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisStore, type RedisStoreClient, redisStore } from "../../../src/stores/redis.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisCluster, RedisSentinel, RedisServer } from "../../support/servers/redis.ts";
import { until } from "../../support/servers/server-process.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { type ClientName, openClient, type Topology } from "./clients.ts";
import { call, changeOf, CLIENTS, idOf, recordOf, storeOn } from "./support.ts";

/** What a topology is reached at, and where its data is. */
interface Started {
  readonly ports: readonly number[];
  readonly dataPorts: readonly number[];
  stop(): Promise<void>;
}

const STARTS: Readonly<Record<Topology, () => Promise<Started>>> = {
  async standalone() {
    const server = await RedisServer.start();
    return { ports: [server.port], dataPorts: [server.port], stop: () => server.stop() };
  },
  async cluster() {
    const cluster = await RedisCluster.start();
    const ports = portsOf(cluster.addresses);
    return { ports, dataPorts: ports, stop: () => cluster.stop() };
  },
  async sentinel() {
    const sentinel = await RedisSentinel.start();
    return {
      ports: portsOf(sentinel.addresses),
      dataPorts: portsOf(sentinel.data),
      stop: () => sentinel.stop(),
    };
  },
};

function portsOf(places: readonly { readonly port: number }[]): readonly number[] {
  return places.map(({ port }) => port);
}

/** The sockets of this process to any of the ports. */
function socketsTo(ports: readonly number[]): readonly Socket[] {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): readonly object[] };
  return handles
    .call(process)
    .filter((handle): handle is Socket => ports.includes(Reflect.get(handle, "remotePort") as number));
}

withServers(["redis"], () => {
  describe.each<Topology>(["standalone", "cluster", "sentinel"])("%s", (topology) => {
    let started: Started;
    beforeAll(async () => {
      started = await STARTS[topology]();
    });
    afterAll(() => started.stop());

    async function opened(client: ClientName): Promise<RedisStore> {
      const { client: own, end } = await openClient({ client, topology, ports: started.ports });
      const store = redisStore(own, { prefix: `${client}:` });
      onTestFinished(async () => {
        await store.close();
        await end();
      });
      return store;
    }

    // node-redis 5 writes at the end of a turn, into a dead socket too, and then takes for the answers what the next connection
    // is answered: without a mend a write was acknowledged that never was, a session was not there, or the client stayed silent.
    test.each(CLIENTS)(
      "what was to be written in the turn in which the connection is lost is answered for by itself alone (%s)",
      async (client) => {
        const store = await opened(client);
        await store.create(recordOf("a", { fields: { kept: "1" } }), call());
        for (let round = 0; round < 5; round += 1) {
          const inTime = { signal: AbortSignal.timeout(5000) };
          const ifVersion = (await store.read(idOf("a"), inTime))?.version ?? 0;
          const change = changeOf({ ifVersion, set: { [`field${round}`]: "1" } });
          const calls = [store.update(idOf("a"), change, inTime), store.read(idOf("a"), inTime)] as const;
          for (const socket of socketsTo(started.dataPorts)) socket.destroy(new Error("cut"));
          const [updated, read] = await Promise.allSettled(calls);
          // A client that had written it, and sends again by itself, may leave open whether it took place.
          if (updated.status === "fulfilled")
            expect(updated.value).toEqual({ kind: "done", version: ifVersion + 1 });
          expect(read).toMatchObject({ status: "fulfilled", value: { fields: { kept: "1" } } });
          expect((await store.read(idOf("a"), inTime))?.fields[`field${round}`]).toBe("1");
        }
      },
    );

    // Its Sentinel client hides the connections.
    if (topology === "sentinel") return;

    // By the ping that keeps a connection alive too, which every client of node-redis 5 sends that is set as the page says.
    test.each<object>([{}, { disableClientInfo: true }, { RESP: 3 }])(
      "what others were about to write when the connection is lost shifts no answer (redis5, %o)",
      async (options) => {
        const { store, send } = await openedWith(topology, started.ports, options);
        for (const name of ["a", "b"]) await store.create(recordOf(name, { fields: { is: name } }), call());
        for (let round = 0; round < 3; round += 1) {
          const sent = Promise.allSettled(send());
          for (const socket of socketsTo(started.dataPorts)) socket.destroy(new Error("cut"));
          const inTime = { signal: AbortSignal.timeout(3000) };
          const read = await Promise.all(["a", "b"].map((name) => store.read(idOf(name), inTime)));
          expect(read.map((record) => record?.fields["is"])).toEqual(["a", "b"]);
          for (const answer of await sent)
            expect(answer).toMatchObject({ status: "fulfilled", value: "foreign" });
        }
      },
    );
  });

  describe("standalone", () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server.stop());

    test("a connection that fell silent is made anew, though there is always somebody who asks", async () => {
      const proxy = await TcpProxy.start(server.port);
      onTestFinished(() => proxy.close());
      const stores = await Promise.all(
        CLIENTS.map(async (client) => {
          const one = await openClient({ client, topology: "standalone", ports: [proxy.port] });
          onTestFinished(one.end);
          const store = redisStore(one.client, { prefix: `silent ${client}:` });
          await store.create(recordOf("a"), call());
          return store;
        }),
      );
      const ask = (store: RedisStore, signal: AbortSignal): Promise<boolean> =>
        store.read(idOf("a"), { signal }).then(
          (record) => record !== null,
          () => false,
        );
      proxy.swallow("requests");
      const inTime = AbortSignal.timeout(30_000);
      for (const store of stores) void ask(store, inTime);
      await until("every question is lost", () => proxy.lost("requests") >= CLIENTS.length * 50);
      await proxy.heal();
      await Promise.all(
        stores.map((store, index) =>
          until(`${CLIENTS[index]} is answered`, async () => {
            const signal = AbortSignal.timeout(100);
            const late = new Promise<false>((resolve) => {
              signal.addEventListener("abort", () => resolve(false));
            });
            return await Promise.race([ask(store, signal), late]);
          }),
        ),
      );
    }, 40_000);

    test.each(["redis6", "redis5"] as const)(
      "a write that went is not sent again because the question for replicas behind it did not go (%s)",
      async (client) => {
        const { store, prefix } = await storeOn(server, client);
        const { store: demanding } = await storeOn(server, client, { prefix, replicas: 1 });
        await store.create(recordOf("a"), call());
        // More than a socket takes at once: the client writes it, and what is behind it a turn later.
        const large = { set: { large: "l".repeat(200_000) } };
        const write = () => expect(demanding.update(idOf("a"), changeOf(large), call())).rejects.toThrow();
        // The server knows the script after the first.
        await write();
        const written = (): number =>
          Math.max(...socketsTo([server.port]).map((socket) => socket.bytesWritten));
        const before = written();
        const second = write();
        while (written() === before) await new Promise(setImmediate);
        for (const socket of socketsTo([server.port])) socket.destroy(new Error("cut"));
        await second;
        expect((await store.read(idOf("a"), call()))?.version).toBe(3);
      },
    );

    test.each(["ioredis6", "ioredis5", "iovalkey"] as const)(
      "a client that sends nothing again and forgets what was under way leaves room for others (%s)",
      async (name) => {
        const module = { ioredis6: "ioredis", ioredis5: "ioredis5", iovalkey: "iovalkey" }[name];
        const { Redis } = (await import(module)) as typeof ioredis;
        const client = new Redis({
          port: server.port,
          autoResendUnfulfilledCommands: false,
          retryStrategy: () => 20,
        });
        client.on("error", () => {});
        const store = redisStore(client, { prefix: `${name}:` });
        await store.create(recordOf("a"), call());
        const updates = Array.from({ length: 600 }, () => store.update(idOf("a"), changeOf({}), call()));
        for (const socket of socketsTo([server.port])) socket.destroy();
        const outcomes = await Promise.allSettled(updates);
        expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
        expect((await store.read(idOf("a"), call()))?.version).toBe(1);
        await store.close();
        client.disconnect();
      },
    );
  });
});

/** What the application sends commands by. */
interface Sender {
  sendCommand(command: string[]): Promise<unknown>;
}

/** A store by node-redis 5 with such settings, and how the application sends by its client, to each node once. */
async function openedWith(topology: Topology, ports: readonly number[], options: object) {
  const { client, senders } =
    topology === "cluster" ? clusterClient(ports, options) : client5(ports, options);
  client.on("error", () => {});
  await client.connect();
  const store = redisStore(client as unknown as RedisStoreClient, {
    prefix: `${Object.keys(options).join()}:`,
  });
  onTestFinished(async () => {
    await store.close();
    client.destroy();
  });
  return { store, send: () => senders().map((sender) => sender.sendCommand(["ECHO", "foreign"])) };
}

const QUICKLY = { host: "127.0.0.1", reconnectStrategy: () => 20 };

function client5([port = 0]: readonly number[], options: object) {
  const client = createClient({ ...options, socket: { ...QUICKLY, port } });
  return { client, senders: (): Sender[] => [client] };
}

function clusterClient(ports: readonly number[], options: object) {
  const client = createCluster({
    rootNodes: ports.map((port) => ({ socket: { ...QUICKLY, port } })),
    defaults: { ...options, socket: { reconnectStrategy: QUICKLY.reconnectStrategy } },
  });
  return { client, senders: (): Sender[] => client.masters.map((node) => node.client as unknown as Sender) };
}
