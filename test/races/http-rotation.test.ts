import { expect, test } from "vitest";
import { Books, type Deed, queryFor } from "./support/http-books.ts";
import { Browser, seenIn } from "./support/http-client.ts";
import type { Cluster } from "./support/http-cluster.ts";
import { anyDoor, everyCluster, overlapping, SOAK, Tally } from "./support/http-storm.ts";

/** The users that a cookie opens for, at each kind of server of each process. */
async function usersBehind(cluster: Cluster, cookie: string | undefined): Promise<(string | null)[]> {
  const users: (string | null)[] = [];
  for (const { server, kind } of cluster.doors) {
    const reply = await cluster.at(server).request(kind, "verb=look", { cookie });
    users.push((await seenIn(reply)).user);
  }
  return users;
}

everyCluster({ options: { onGone: "fail" } }, ({ cluster: servers, say, random }) => {
  test("once a login in a storm is acknowledged the token before it opens nothing, and all that was acknowledged is there", async () => {
    const cluster = servers();
    const browser = new Browser();
    const books = new Books();
    const first: Deed = { verb: "set", name: "first", value: "1" };
    books.enter(first, (await browser.request(cluster.at(0), "node", queryFor(first))).status);
    const tally = new Tally();
    const dead: string[] = [];
    const logins = 4;
    const perLogin = 120 * SOAK;
    await overlapping(logins * perLogin, 12, async (index) => {
      const { server, kind } = anyDoor(cluster, random);
      if (index % perLogin === perLogin / 2) {
        const before = browser.cookie;
        const query = index < perLogin || random.oneIn(2) ? "verb=login&value=ann" : "verb=rotate";
        const reply = await browser.request(cluster.at(server), kind, query);
        expect(reply.status).toBe(200);
        expect(browser.cookie).not.toBe(before);
        dead.push(before!);
        expect(await usersBehind(cluster, before)).toEqual(cluster.doors.map(() => null));
        return;
      }
      const deed: Deed = random.oneIn(2)
        ? { verb: "increment", name: "count" }
        : { verb: "set", name: `field${index}`, value: "1" };
      const query = queryFor(deed, { known: "1", turns: String(random.below(5)) });
      const reply = await browser.request(cluster.at(server), kind, query);
      tally.note(server, reply);
      // Without a session the handler changed nothing, and says so.
      if (reply.status !== 200 || !(await seenIn(reply)).isNew) books.enter(deed, reply.status);
      else await reply.body;
    });
    say(`${logins} new secrets: ${tally.toString()}`);
    expect(await usersBehind(cluster, browser.cookie)).toEqual(cluster.doors.map(() => "ann"));
    for (const cookie of dead)
      expect(await usersBehind(cluster, cookie)).toEqual(cluster.doors.map(() => null));
    const seen = await seenIn(await browser.request(cluster.at(0), "node", "verb=look"));
    expect(books.differences(seen.data)).toEqual([]);
    expect(browser.count).toBe(1);
  });
});

const ROTATE_MS = 20_000;
const GRACE_MS = 8_000;

everyCluster(
  { options: { rotateEvery: ROTATE_MS, rotationGrace: GRACE_MS } },
  ({ cluster: servers, say, random }) => {
    test("periodic rotation under twenty parallel requests over skewed processes logs nobody out", async () => {
      const cluster = servers();
      const browser = new Browser();
      await browser.request(cluster.at(0), "node", "verb=login&value=ann");
      const rounds = 10 * SOAK;
      let out = 0;
      let lost = 0;
      for (let round = 1; round <= rounds; round += 1) {
        // Each process's clock is a little off, well within the grace.
        const skew = round * (ROTATE_MS + GRACE_MS + 2000);
        await Promise.all(cluster.servers.map((server) => server.order("skew", skew + random.below(900))));
        // In some rounds the network loses most answers on their way.
        const bad = round % 3 === 0;
        await Promise.all(
          Array.from({ length: 20 }, async (_, index) => {
            const { server, kind } = anyDoor(cluster, random);
            const leaves = bad && index > 0 ? { leaveAfterMs: random.below(12) } : {};
            const verb = random.pick([
              "verb=look",
              "verb=increment&name=n",
              `verb=set&name=f${index}&value=${round}`,
            ]);
            const query = `${verb}&turns=${random.below(6)}`;
            const reply = await browser.request(cluster.at(server), kind, query, leaves);
            const body = await reply.body;
            if (reply.status === 0 || !body.endsWith("}")) lost += 1;
            else if (reply.status !== 200 || (JSON.parse(body) as { user: unknown }).user !== "ann") out += 1;
          }),
        );
        expect({ round, out, cookies: browser.count }).toEqual({ round, out: 0, cookies: 1 });
        expect(await usersBehind(cluster, browser.cookie)).toEqual(cluster.doors.map(() => "ann"));
        // The browser comes back once: it may have had the successor all along, or gets it now.
        expect((await seenIn(await browser.request(cluster.at(0), "node", "verb=look"))).user).toBe("ann");
      }
      const { rotated = 0, theft = 0 } = await cluster.happened();
      say(`${rounds} rounds, ${rotated} rotations, ${lost} answers lost, ${browser.tokens.size} tokens`);
      expect(rotated).toBeGreaterThanOrEqual(rounds);
      expect(theft).toBe(0);

      // When the grace is over only the current token opens.
      await usersBehind(cluster, browser.cookie);
      const after = rounds * (ROTATE_MS + GRACE_MS + 2000) + GRACE_MS + 2000;
      await Promise.all(cluster.servers.map((server) => server.order("skew", after)));
      for (const token of browser.tokens) {
        const user = token === browser.cookie ? "ann" : null;
        expect(await usersBehind(cluster, token)).toEqual(cluster.doors.map(() => user));
      }
    });
  },
);
