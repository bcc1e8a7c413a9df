import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SessionManager } from "../../../src/index.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { testExchange } from "../../support/exchange.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { type ClientName, openClient } from "./clients.ts";
import { call, changeOf, CLIENTS, idOf, recordOf } from "./support.ts";

const OVERTAKEN_BY = 12;

/** Clients that send again by themselves what was under way on a connection that was lost. */
const RESENDING: readonly ClientName[] = ["ioredis6", "ioredis5", "iovalkey"];

withServers(["redis"], () => {
  let server: RedisServer;
  let proxy: TcpProxy;
  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await TcpProxy.start(server.port);
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  async function opened(client: ClientName) {
    const one = await openClient({ client, topology: "standalone", ports: [proxy.port] });
    return { ...one, store: redisStore(one.client, { prefix: `${client}:` }) };
  }

  describe.each(CLIENTS)("by %s", (client) => {
    test("who is overtaken by many learns of a conflict, and not that nobody knows", async () => {
      const { store, end } = await opened(client);
      expect(store.traits.resends).toBe(false);
      const manager = new SessionManager({ store });
      const first = testExchange();
      (await manager.startRequest(first)).set("n", 0);
      await manager.finishSuccessfulRequest(first);
      const cookie = first.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");

      const slow = testExchange({ cookie });
      (await manager.startRequest(slow)).increment("n");
      for (let count = 0; count < OVERTAKEN_BY; count += 1) {
        const quick = testExchange({ cookie });
        (await manager.startRequest(quick)).increment("n");
        await manager.finishSuccessfulRequest(quick);
      }
      await manager.finishSuccessfulRequest(slow);
      const look = await manager.startRequest(testExchange({ cookie }));
      expect(look.get("n")).toBe(OVERTAKEN_BY + 1);
      await manager.close();
      await end();
    });
  });

  describe.each(RESENDING)("by %s", (client) => {
    test("a refusal that the client brought on itself by sending twice is not told as one", async () => {
      const { store, end } = await opened(client);
      await store.create(recordOf("a"), call());
      const lost = proxy.loseReply((bytes) => bytes.includes("EVAL"), "cut");
      const change = changeOf({ ifVersion: 1, set: { n: "1" } });
      const answer = store.update(idOf("a"), change, call());
      await Promise.all([lost, expect(answer).rejects.toThrow("may have been sent twice")]);
      expect((await store.read(idOf("a"), call()))?.version).toBe(2);
      // And nothing is held against the next one.
      expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "conflict" });
      await store.close();
      await end();
    });

    test("a deletion that the client sent twice is not told to be somebody else's", async () => {
      const { store, end } = await opened(client);
      await store.create(recordOf("deleted"), call());
      // The server knows the script after the first.
      await store.delete(idOf("nobody"), {}, call());
      const lost = proxy.loseReply((bytes) => bytes.includes(":ended"), "cut");
      const answer = store.delete(idOf("deleted"), { ifVersion: 1 }, call());
      await Promise.all([lost, expect(answer).rejects.toThrow("may have been sent twice")]);
      expect(await store.delete(idOf("deleted"), {}, call())).toBe("gone");
      await store.close();
      await end();
    });
  });
});
