import { join } from "node:path";
import { expect, test } from "vitest";
import { openStore } from "../../src/open-store.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { begin, run, start, temporaryFolder } from "./support.ts";

/** Changes one session and ends another, as requests of an application do. */
async function happen(url: string, changed: string, ended: string): Promise<void> {
  const store = await openStore(url);
  const call = { signal: new AbortController().signal };
  const change = { now: Date.now(), epoch: 1, set: { cart: '["tent"]' } };
  expect(await store.update(changed as never, change, call)).toMatchObject({ kind: "done" });
  expect(await store.delete(ended as never, {}, call)).toBe("done");
  await store.close();
}

async function watches(watched: string, telling: string): Promise<void> {
  const [changed = "", ended = ""] = await begin(telling, [{ user: "42" }, { user: "7" }]);
  const lines = start(["watch", watched, "--json"]);
  const text = start(["watch", watched]);
  await Promise.all([lines.until(/"event":"hearing"/), text.until(/hearing/)]);
  await happen(telling, changed, ended);
  await Promise.all([
    lines.until(new RegExp(`"event":"changed","id":"${changed}","user":"42"`)),
    lines.until(new RegExp(`"event":"ended","id":"${ended}","user":null`)),
    text.until(new RegExp(`ended {3}${ended}`)),
  ]);
  for (const running of [lines, text]) {
    running.interrupt();
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
  }
  const { printed } = await lines.ended;
  const events = printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: string; id: string | null });
  // An end is told once, though the store tells it in two ways.
  expect(events.filter(({ event, id }) => event === "ended" && id === ended)).toHaveLength(1);
}

withServers(["redis", "postgres"], () => {
  test("Redis: tells changes and ends as they happen, until Ctrl-C", async () => {
    const server = await RedisServer.start();
    await watches(server.url, server.url);
    await server.stop();
  });

  test("PostgreSQL: tells what applications tell with notify", async () => {
    const server = await PostgresServer.start();
    const url = `${server.url}?durability=process`;
    expect(await run(["setup", url])).toMatchObject({ code: 0 });
    await watches(url, `${url}&notify=changes`);
    await server.stop();
  });
});

test("a store that tells nobody is refused by 4", async () => {
  const url = `file:${join(temporaryFolder(), "a.db")}`;
  await begin(url, [{}]);
  expect(await run(["watch", url])).toMatchObject({
    code: 4,
    complained: expect.stringContaining("tells nobody") as string,
  });
});
