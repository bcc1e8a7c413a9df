import { expect, test } from "vitest";
import type { Random } from "../../src/testing/index.ts";
import { Browser, idIn, type Reply, seenIn } from "./support/http-client.ts";
import type { Cluster } from "./support/http-cluster.ts";
import { KINDS } from "./support/http-orders.ts";
import { anyDoor, everyCluster, overlapping, SOAK, Tally } from "./support/http-storm.ts";

/** Ways in which a session is ended while others use it. Each resolves when the end is acknowledged. */
const ENDS: Readonly<Record<string, (cluster: Cluster, one: Victim, random: Random) => Promise<void>>> = {
  async logout(cluster, one, random) {
    const as = random.pick(["plain", "redirect", "stream"]);
    expect((await loggedOut(cluster, one, `verb=logout&as=${as}`, random)).status).toBeLessThan(400);
  },
  async "a logout whose request fails"(cluster, one, random) {
    expect((await loggedOut(cluster, one, "verb=logout&fail=1", random)).status).toBe(500);
  },
  async revoke(cluster, { id }, random) {
    expect(await cluster.at(random.below(cluster.size)).order("revoke", id)).toBe(true);
  },
  async revokeUser(cluster, { user }, random) {
    expect(await cluster.at(random.below(cluster.size)).order("revokeUser", user)).toBe(1);
  },
  async revokeAll(cluster, _one, random) {
    expect(await cluster.at(random.below(cluster.size)).order("revokeAll")).toBeGreaterThan(0);
  },
};

interface Victim {
  readonly user: string;
  readonly id: string;
  /** The newest token that anybody was given. */
  cookie: string;
}

/** Logs out, and again with a newer token where the one that was sent was no longer in force: then nothing is acknowledged. */
async function loggedOut(cluster: Cluster, one: Victim, query: string, random: Random): Promise<Reply> {
  for (let attempt = 0; ; attempt += 1) {
    const { server, kind } = anyDoor(cluster, random);
    const reply = await cluster.at(server).request(kind, query, { cookie: one.cookie });
    if (reply.setCookies.join().includes("Max-Age=0")) return reply;
    expect(attempt).toBeLessThan(20);
    await reply.body;
  }
}

const DEEDS = [
  "verb=look",
  "verb=look&as=flush",
  "verb=increment&name=n",
  "verb=append&name=list&value=x",
  "verb=set&name=late&value=x",
  "verb=set&name=late&value=x&as=redirect",
  "verb=commit&name=late&value=x",
  "verb=look&as=stream&late=late",
  "verb=set&name=late&value=x&as=stream",
  "verb=set&name=late&value=x&fail=1",
];

// Every request touches. The grace is longer than an answer takes on a busy machine: one that came later could bring
// this client an older token after a newer one, and with that nobody logs out.
const OPTIONS = { accessTimeResolution: 1, rotateEvery: 20_000, rotationGrace: 8_000 };

everyCluster({ options: OPTIONS }, ({ cluster: servers, say, random, engine }) => {
  let skew = 0;
  /** Turns all clocks on, so that the next request finds a new secret due. */
  const makeRotationDue = async () => {
    skew += OPTIONS.rotateEvery + OPTIONS.rotationGrace;
    await Promise.all(servers().servers.map((server) => server.order("skew", skew)));
  };
  for (const [name, end] of Object.entries(ENDS)) {
    test(`after ${name} in the middle of a storm the session is gone for good, on every process`, async () => {
      const cluster = servers();
      const user = `${engine} ${name}`;
      const browser = new Browser();
      await browser.request(cluster.at(0), "node", `verb=login&value=${encodeURIComponent(user)}`);
      await browser.request(cluster.at(0), "node", "verb=set&name=secret&value=before");
      const one: Victim = { user, id: idIn(browser.cookie), cookie: browser.cookie! };
      const old = new Set([one.cookie]);
      const others = new Set<string>();
      const wrong: string[] = [];
      const tally = new Tally();
      const total = 160 * SOAK;
      let ended = false;
      await makeRotationDue();
      await overlapping(total, 12, async (index) => {
        if (index === total / 2) {
          await end(cluster, one, random);
          ended = true;
          return;
        }
        const startedAfter = ended;
        const { server, kind } = anyDoor(cluster, random);
        const query = `${random.pick(DEEDS)}&turns=${random.below(8)}`;
        const reply = await cluster.at(server).request(kind, query, { cookie: one.cookie });
        tally.note(server, reply);
        for (const line of reply.setCookies) {
          const [token = ""] = line.split(";");
          if (token.endsWith("=")) continue;
          if (idIn(token) !== one.id) others.add(token);
          else {
            if (startedAfter) wrong.push(`${kind} ${query}: gives the dead session a cookie`);
            one.cookie = token;
            old.add(token);
          }
        }
        const body = await reply.body;
        if (!startedAfter || !body.startsWith("{")) return;
        if (!body.includes('"id":null,"isNew":true,"user":null')) wrong.push(`${kind} ${query}: ${body}`);
      });
      say(`${name}: ${old.size} tokens; ${tally.toString()}`);
      expect(wrong).toEqual([]);
      expect(old.size).toBeGreaterThan(1);
      for (const cookie of old) {
        for (const { server, kind } of cluster.doors) {
          const seen = await seenIn(await cluster.at(server).request(kind, "verb=look", { cookie }));
          expect(seen).toEqual({ id: null, isNew: true, user: null, authenticatedAt: null, data: {} });
        }
      }
      for (const server of cluster.servers) {
        expect(await server.order("sessionsOf", user)).toEqual([]);
        expect(await server.order("all")).not.toContain(one.id);
      }
      // Who wrote without a session got a new one, with nothing of the old.
      for (const cookie of [...others].slice(0, 20)) {
        const seen = await seenIn(await cluster.at(0).request("node", "verb=look", { cookie }));
        expect({ user: seen.user, secret: seen.data["secret"], n: seen.data["n"] ?? 1 }).toEqual({
          user: null,
          secret: undefined,
          n: 1,
        });
      }
      expect(tally.of(599)).toBe(0);
    });
  }
});

everyCluster({}, ({ cluster: servers, say, random }) => {
  test("no login that authenticated before the revocation of its user lives after it", async () => {
    const cluster = servers();
    const cookies: string[] = [];
    let refused = 0;
    let revokedAt = 0;
    const total = 120 * SOAK;
    await overlapping(total, 16, async (index) => {
      if (index === total / 2) {
        const asked = Date.now();
        await cluster.at(random.below(cluster.size)).order("revokeUser", "eve");
        revokedAt = asked;
        return;
      }
      const { server, kind } = anyDoor(cluster, random);
      const query = `verb=login&value=eve&turns=${random.below(8)}`;
      const reply = await cluster.at(server).request(kind, query);
      if (reply.status === 200) cookies.push(...reply.setCookies.map((line) => line.split(";")[0]!));
      else refused += 1;
      await reply.body;
    });
    const live = new Map<string, number>();
    for (const cookie of cookies) {
      const seen = await seenIn(await cluster.at(0).request("node", "verb=look", { cookie }));
      if (seen.user === "eve") live.set(seen.id!, seen.authenticatedAt!);
    }
    say(`${total} logins, ${refused} refused, ${live.size} live after the revocation`);
    expect([...live.values()].filter((at) => at <= revokedAt)).toEqual([]);
    expect(live.size).toBeGreaterThan(0);
    for (const server of cluster.servers)
      expect((await server.order("sessionsOf", "eve")).toSorted()).toEqual([...live.keys()].toSorted());
  });

  test("after a storm of logins, logouts and revocations the list of a user's sessions is what opens", async () => {
    const cluster = servers();
    const users = ["ann", "bob"];
    const browsers = Array.from({ length: 10 }, () => new Browser());
    const tally = new Tally();
    await overlapping(300 * SOAK, 12, async () => {
      const browser = random.pick(browsers);
      const { server, kind } = anyDoor(cluster, random);
      const choice = random.below(12);
      if (choice === 0) return void (await cluster.at(server).order("revokeUser", random.pick(users)));
      if (choice === 1) return void (await cluster.at(server).order("revoke", idIn(browser.cookie)));
      const query =
        choice < 5
          ? `verb=login&value=${random.pick(users)}`
          : choice < 7
            ? "verb=logout"
            : choice < 8
              ? "verb=rotate"
              : "verb=increment&name=n";
      const reply = await browser.request(cluster.at(server), kind, `${query}&turns=${random.below(4)}`);
      tally.note(server, reply);
      await reply.body;
    });
    say(`sessions of users: ${tally.toString()}`);
    const opening = new Map<string, Set<string>>(users.map((user) => [user, new Set()]));
    for (const [index, cookie] of browsers.flatMap(({ tokens }) => [...tokens]).entries()) {
      const kind = KINDS[index % KINDS.length]!;
      const seen = await seenIn(await cluster.at(index).request(kind, "verb=look", { cookie }));
      if (seen.user !== null) opening.get(seen.user)?.add(seen.id!);
    }
    for (const server of cluster.servers) {
      for (const [user, ids] of opening)
        expect((await server.order("sessionsOf", user)).toSorted()).toEqual([...ids].toSorted());
    }
    expect(tally.of(599)).toBe(0);
  });
});
