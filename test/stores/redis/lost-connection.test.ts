import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type RedisStore, redisStore } from "../../../src/stores/redis.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisCluster, RedisSentinel, RedisServer } from "../../support/servers/redis.ts";
import { type ClientName, openClient, type Topology } from "./clients.ts";
import { call, changeOf, CLIENTS, idOf, recordOf } from "./support.ts";

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
  });
});
