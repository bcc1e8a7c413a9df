import { expect, test } from "vitest";
import { Books, type Deed, queryFor } from "./support/http-books.ts";
import { Browser, seenIn } from "./support/http-client.ts";
import { anyDoor, everyCluster, overlapping, SOAK, Tally } from "./support/http-storm.ts";

const REQUESTS = 600 * SOAK;
const KILLS = 3 * SOAK;

// What a killed process leaves behind differs by engine, not by how it is reached.
const ENGINES = ["directory", "sqlite", "redis cluster", "postgres", "mariadb"] as const;

everyCluster({ engines: ENGINES }, ({ cluster: servers, say, random }) => {
  test("processes killed in a storm lose nothing that was acknowledged, and half of nothing is stored", async () => {
    const cluster = servers();
    const browser = new Browser();
    const books = new Books();
    const first: Deed = { verb: "set", name: "first", value: "1" };
    books.enter(first, (await browser.request(cluster.at(0), "node", queryFor(first))).status);
    const tally = new Tally();
    const restarts: Promise<void>[] = [];
    await overlapping(REQUESTS, 16, async (index) => {
      if (index % Math.floor(REQUESTS / (KILLS + 1)) === 50) restarts.push(cluster.restart(restarts.length));
      const { server, kind } = anyDoor(cluster, random);
      const deed: Deed = random.oneIn(2)
        ? { verb: "increment", name: "count" }
        : { verb: "set", name: `field${index}`, value: "1" };
      const reply = await browser.request(cluster.at(server), kind, queryFor(deed));
      tally.note(server, reply);
      books.enter(deed, reply.status);
      await reply.body;
      // A killed process refuses at once: give it time to come back, or the storm is over before.
      if (reply.status === 0) await Promise.race(restarts.slice(-1));
    });
    await Promise.all(restarts);
    say(`${restarts.length} killed: ${tally.toString()}`);
    for (let server = 0; server < cluster.size; server += 1) await cluster.restart(server);
    for (let server = 0; server < cluster.size; server += 1) {
      const seen = await seenIn(await browser.request(cluster.at(server), "node", "verb=look"));
      expect(books.differences(seen.data)).toEqual([]);
    }
    expect(books.kept).toBeGreaterThan(REQUESTS / 4);
    expect(tally.of(599)).toBe(0);
    const happened = await cluster.happened();
    expect({ corrupt: happened["corrupt"], loose: happened["loose"] }).toEqual({ loose: 0 });
  });

  test("processes killed in a storm of logins leave no session that its user's list misses, and none in it that is dead", async () => {
    const cluster = servers();
    const users = ["ann", "bob"];
    const others = new Set(await cluster.at(0).order("all"));
    const browsers = Array.from({ length: 8 }, () => new Browser());
    const restarts: Promise<void>[] = [];
    const total = 200 * SOAK;
    const every = Math.floor(total / (KILLS + 1));
    await overlapping(total, 12, async (index) => {
      if (index % every === every - 1) restarts.push(cluster.restart(restarts.length));
      const browser = random.pick(browsers);
      const { server, kind } = anyDoor(cluster, random);
      const query = random.pick([
        "verb=login&value=ann",
        "verb=login&value=bob",
        "verb=logout",
        "verb=rotate",
      ]);
      const reply = await browser.request(cluster.at(server), kind, query);
      await reply.body;
      if (reply.status === 0) await Promise.race(restarts.slice(-1));
    });
    await Promise.all(restarts);
    const tokens = browsers.flatMap((browser) => [...browser.tokens]);
    const opening = new Map<string, Set<string>>(users.map((user) => [user, new Set()]));
    for (const cookie of tokens) {
      const { id, user } = await seenIn(await cluster.at(0).request("node", "verb=look", { cookie }));
      if (user !== null) opening.get(user)?.add(id!);
    }
    const there = new Set((await cluster.at(1).order("all")).filter((id) => !others.has(id)));
    const listed: string[] = [];
    for (const user of users) {
      const ids = await cluster.at(1).order("sessionsOf", user);
      listed.push(...ids);
      // A killed process may have stored a session whose cookie reached nobody: it is listed and there, and can be revoked.
      expect(ids).toEqual(expect.arrayContaining([...opening.get(user)!]));
    }
    expect(listed.toSorted()).toEqual([...there].toSorted());
    say(
      `${restarts.length} killed: ${tokens.length} tokens, ${listed.length} sessions listed, ${there.size} there`,
    );

    for (const user of users) await cluster.at(0).order("revokeUser", user);
    for (const user of users) expect(await cluster.at(1).order("sessionsOf", user)).toEqual([]);
    const left = await cluster.at(1).order("all");
    expect(left.filter((id) => listed.includes(id))).toEqual([]);
    for (const cookie of tokens)
      expect((await seenIn(await cluster.at(0).request("node", "verb=look", { cookie }))).user).toBeNull();
  });
});
