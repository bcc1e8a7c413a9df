import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisServer } from "../../support/servers/redis.ts";
import { call, CLIENTS, idOf, recordOf, storeOn } from "./support.ts";

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start({ kind: "redis" });
});

afterAll(() => server.stop());

/** How often the server had to read from a socket so far. */
async function socketReads(): Promise<number> {
  return Number(/total_reads_processed:(\d+)/.exec(await server.cli("INFO", "stats"))?.[1]);
}

test.each(CLIENTS)("reads of one turn reach the server together (%s)", async (client) => {
  const { store } = await storeOn(server, client);
  const names = Array.from({ length: 100 }, (_, place) => `a${place}x`);
  for (const name of names) await store.create(recordOf(name, { fields: { name } }), call());
  const before = await socketReads();
  const found = await Promise.all(names.map((name) => store.read(idOf(name), call())));
  expect(found.map((record) => record?.fields)).toEqual(names.map((name) => ({ name })));
  // Those of the question itself are among them.
  expect((await socketReads()) - before).toBeLessThan(10);
});
