import { expect, test } from "vitest";
import type { Random } from "../../src/testing/index.ts";
import { Books, type Deed, queryFor } from "./support/http-books.ts";
import { Browser, seenIn } from "./support/http-client.ts";
import { STRICT_NAMES } from "./support/engines.ts";
import type { Cluster } from "./support/http-cluster.ts";
import { KINDS } from "./support/http-orders.ts";
import { anyDoor, everyCluster, overlapping, SOAK, Tally } from "./support/http-storm.ts";

/** How many requests overlap on the busy session, one with another. A quiet one beside it has a fourth as many. */
const BUSY = 1000 * SOAK;
const BUSY_WIDTH = 12;
const QUIET_SHARE = 4;

/** A session and the books of all that was done to it. */
interface Account {
  readonly browser: Browser;
  readonly books: Books;
}

async function opened(cluster: Cluster): Promise<Account> {
  const browser = new Browser();
  const reply = await browser.request(cluster.at(0), "node", "verb=set&name=first&value=1");
  const books = new Books();
  books.enter({ verb: "set", name: "first", value: "1" }, reply.status);
  return { browser, books };
}

function deedOf(random: Random, index: number): Deed {
  const choice = random.below(10);
  const value = `v${index}`;
  if (choice < 4) return { verb: "increment", name: `count${random.below(2)}` };
  if (choice < 6) return { verb: "append", name: `list${random.below(2)}`, value };
  return { verb: "set", name: `field${index}`, value };
}

/** How the request goes, apart from what it does. */
function mannerOf(random: Random): Record<string, string> {
  const as = random.pick(["plain", "redirect", "flush", "stream"]);
  const turns = String(random.below(4));
  return random.oneIn(25) ? { as: "plain", turns, fail: "1" } : { as, turns };
}

/** What each kind of server of each process shows of the session, one after the other. */
async function shownEverywhere(cluster: Cluster, browser: Browser): Promise<Record<string, unknown>[]> {
  const shown: Record<string, unknown>[] = [];
  for (const { server, kind } of cluster.doors) {
    const seen = await seenIn(await browser.request(cluster.at(server), kind, "verb=look"));
    shown.push({ ...seen.data });
  }
  return shown;
}

everyCluster({ engines: STRICT_NAMES }, ({ cluster: servers, say, random }) => {
  test("everything acknowledged in a storm over all servers is there exactly once, and nothing refused is", async () => {
    const cluster = servers();
    const accounts = [await opened(cluster), await opened(cluster)] as const;
    const both = (busy: number): number => busy + busy / QUIET_SHARE;
    const tally = new Tally();
    await overlapping(both(BUSY), both(BUSY_WIDTH), async (index) => {
      const { browser, books } = accounts[index % (QUIET_SHARE + 1) === 0 ? 1 : 0];
      const { server, kind } = anyDoor(cluster, random);
      const deed = deedOf(random, index);
      const leaves = random.oneIn(50) ? { leaveAfterMs: random.below(8) } : {};
      const reply = await browser.request(cluster.at(server), kind, queryFor(deed, mannerOf(random)), leaves);
      tally.note(server, reply);
      books.enter(deed, reply.status);
      await reply.body;
    });
    say(String(tally));
    for (const { browser, books } of accounts) {
      for (const data of await shownEverywhere(cluster, browser)) expect(books.differences(data)).toEqual([]);
      expect(browser.count).toBe(1);
    }
    const happened = await cluster.happened();
    expect({ corrupt: happened["corrupt"], gone: happened["gone"], loose: happened["loose"] }).toEqual({
      loose: 0,
    });
    // Requests that hang; and those that lost to others every time, which is the exception.
    expect(tally.of(599)).toBe(0);
    expect(tally.share(409)).toBeLessThan(0.05);
    expect(tally.of(503)).toBe(0);
  });

  test("counting by assignment loses counts by default, and never without an event", async () => {
    const cluster = servers();
    const browser = new Browser();
    await browser.request(cluster.at(0), "node", "verb=set&name=first&value=1");
    const total = 200 * SOAK;
    const tally = new Tally();
    await overlapping(total, 8, async () => {
      const { server, kind } = anyDoor(cluster, random);
      const reply = await browser.request(cluster.at(server), kind, "verb=count&name=visits&turns=1");
      tally.note(server, reply);
      await reply.body;
    });
    expect(tally.of(200)).toBe(total);
    const seen = await seenIn(await browser.request(cluster.at(1), "node", "verb=look"));
    const lost = total - Number(seen.data["visits"]);
    const { conflict = 0 } = await cluster.happened();
    say(`last wins: ${lost} of ${total} counts lost, ${conflict} conflicts told`);
    expect(lost === 0 || conflict > 0).toBe(true);
  });

  test("thirty-two requests at once to one counter all count, whatever servers they go through", async () => {
    const cluster = servers();
    const browser = new Browser();
    await browser.request(cluster.at(0), "node", "verb=set&name=first&value=1");
    const tally = new Tally();
    await overlapping(32, 32, async (index) => {
      const kind = KINDS[index % KINDS.length]!;
      const reply = await browser.request(cluster.at(index), kind, "verb=increment&name=hits");
      tally.note(index % cluster.size, reply);
      await reply.body;
    });
    say(`thirty-two at once: ${tally.toString()}`);
    const seen = await seenIn(await browser.request(cluster.at(0), "node", "verb=look"));
    expect(tally.of(200)).toBe(32);
    expect(seen.data["hits"]).toBe(32);
  });
});

everyCluster({ size: 2, options: { onConflict: "fail" } }, ({ cluster: servers, say, random }) => {
  test("counting by assignment is exact where conflicts are refused: what was refused was not counted", async () => {
    const cluster = servers();
    const browser = new Browser();
    await browser.request(cluster.at(0), "node", "verb=set&name=first&value=1");
    const tally = new Tally();
    await overlapping(200 * SOAK, 8, async () => {
      const { server, kind } = anyDoor(cluster, random);
      const query = `verb=count&name=visits&turns=${random.below(3)}`;
      const reply = await browser.request(cluster.at(server), kind, query);
      tally.note(server, reply);
      await reply.body;
    });
    say(`refusing conflicts: ${tally.toString()}`);
    const seen = await seenIn(await browser.request(cluster.at(1), "node", "verb=look"));
    expect(tally.of(200) + tally.of(409)).toBe(tally.total);
    expect(seen.data["visits"]).toBe(tally.of(200));
  });
});
