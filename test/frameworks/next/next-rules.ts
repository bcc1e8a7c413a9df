import { describe, expect, test, vi } from "vitest";
import { SessionManager } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { failsBefore, faultyStore, gate, manualClock, waitsBefore } from "../../../src/testing/index.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, COOKIE, cookieNames, sessionCookies } from "./next-client.ts";
import type { Site, SiteApplication } from "./next-rig.ts";

/** What is Next's own: pages, server actions, the proxy, its caches. */
export function ownRules(site: Site): void {
  describe("read() in a page", () => pages(site));
  describe("nothing is kept for another visitor", () => caches(site));
  describe("a server action", () => actions(site));
  describe("a route handler", () => routes(site));
  describe("the proxy", () => proxies(site));
  describe("an application that keeps its own manager", () => kept(site));
}

interface Rig {
  readonly manager: SessionManager;
  readonly faulty: ReturnType<typeof faultyStore>;
  readonly clock: ReturnType<typeof manualClock>;
  readonly client: Client;
  another(): Client;
  /** Names of the store's calls since the last look, its set-up left out. */
  operations(): string[];
  /** What the store holds of a client's session. */
  stored(client?: Client): Promise<Record<string, unknown>>;
}

type Choice = Partial<ConstructorParameters<typeof SessionManager>[0]>;

async function using(
  site: Site,
  work: (rig: Rig) => Promise<void>,
  choice: Choice = {},
  rest: Omit<SiteApplication, "manager"> = {},
): Promise<void> {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ sweepEvery: false, ...choice, clock, store: faulty.store });
  const running = await site.start({ manager, ...rest });
  const another = (): Client => new Client(running.origin, site.version.startsWith("15.") ? "1_" : "_1_");
  const client = another();
  try {
    await work({
      manager,
      faulty,
      clock,
      client,
      another,
      operations() {
        const names = faulty.calls.map(({ operation }) => operation).filter((name) => name !== "setup");
        faulty.forget();
        return names;
      },
      async stored(one = client) {
        const answer = await one.send("/own/api");
        return (await answer.json()) as Record<string, unknown>;
      },
    });
  } finally {
    await running.close();
    await manager.close();
  }
}

async function countOf({ manager }: Rig): Promise<number> {
  let count = 0;
  for await (const _info of manager.all()) count += 1;
  return count;
}

/** A client with a stored session whose colour is red. */
async function visitor({ client }: Rig): Promise<Client> {
  await client.send("/own/api?do=set red");
  expect(client.token).toBeDefined();
  return client;
}

function pages(site: Site): void {
  test("gives layout, metadata and every component the same session for one read of the store", () =>
    using(site, async (rig) => {
      const { client, operations } = rig;
      await client.send("/own/api?do=set red&do=login ada");
      operations();
      const page = await (await client.send("/own/read")).text();
      expect(page).toContain("<title>Title for ada</title>");
      expect(page).toContain("Layout for ada");
      expect(page).toContain("same: true");
      expect(page.match(/colour: red<\/p>/g)).toHaveLength(2);
      expect(operations()).toEqual(["read"]);
    }));

  test("gives each request its own, and no more than that", () =>
    using(site, async (rig) => {
      const one = await visitor(rig);
      const other = rig.another();
      await other.send("/own/api?do=set green");
      const texts = await Promise.all(
        Array.from({ length: 10 }, (_, turn) => (turn % 2 === 0 ? one : other).text("/own/read")),
      );
      expect(texts.map((text) => /colour: \w+/.exec(text)?.[0])).toEqual(
        Array.from({ length: 10 }, (_, turn) => (turn % 2 === 0 ? "colour: red" : "colour: green")),
      );
    }));

  test("costs an anonymous visitor nothing, and sets no cookie", () =>
    using(site, async ({ client, operations }) => {
      const answer = await client.send("/own/read");
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(await answer.text()).toContain("Layout for nobody");
      expect(operations()).toEqual([]);
    }));

  test.each(["assign", "push", "flash", "login"])(
    "refuses a change at once, and keeps nothing of it (%s)",
    (how) =>
      using(site, async (rig) => {
        const client = await visitor(rig);
        rig.operations();
        const page = await client.send(`/own/write?how=${how}`);
        expect(page.status).toBe(500);
        expect(page.headers.getSetCookie()).toEqual([]);
        expect(rig.operations()).toEqual(["read"]);
        expect(await rig.stored()).toMatchObject({ colour: "red", user: null });
      }),
  );

  test("keeps the session alive, beside the response", () =>
    using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        rig.clock.advance(20 * 60_000);
        rig.operations();
        await client.text("/own/read");
        await vi.waitFor(() => expect(rig.faulty.count("update")).toBe(1));
        expect(rig.operations()).toEqual(["read", "update"]);
        rig.clock.advance(20 * 60_000);
        expect(await rig.stored()).toMatchObject({ colour: "red" });
      },
      { idle: "30m" },
    ));

  test("leaves a new secret that is due to a request that can tell the client of it", () =>
    using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        const before = client.token;
        rig.clock.advance(20 * 60_000);
        await client.text("/own/read");
        expect(client.token).toBe(before);
        await client.send("/own/api");
        expect(client.token).not.toBe(before);
        expect(await rig.stored()).toMatchObject({ colour: "red" });
      },
      { rotateEvery: "15m" },
    ));

  test("works in a part that is streamed after the headers, read-only as well", async () => {
    const late = gate();
    await using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        const answer = await client.send("/own/stream");
        const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        const readUntil = async (wanted: string): Promise<void> => {
          while (!text.includes(wanted)) {
            const piece = await reader?.read();
            if (piece?.done !== false) throw new Error(`"${wanted}" never came: ${text}`);
            text += piece.value;
          }
        };
        await readUntil("please wait");
        expect(text).not.toContain("late:");
        late.open();
        await readUntil("late: red, ERR_SESSION_READ_ONLY");
        await reader?.cancel();
      },
      {},
      { late: () => late.passage() },
    );
  });

  test("fails the page, and keeps the cookie, when the store is down", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const before = client.token;
      rig.faulty.always("read", failsBefore(new Error("redis at 10.0.0.1 is down")));
      const answer = await client.send("/own/read");
      const text = await answer.text();
      expect(answer.status).toBe(500);
      expect(text).not.toContain("10.0.0.1");
      expect(client.token).toBe(before);
      rig.faulty.heal();
      expect(await rig.stored()).toMatchObject({ colour: "red" });
    }));

  test("takes any bytes for a cookie as no session", () =>
    using(site, async ({ client }) => {
      const answer = await client.send("/own/read", {
        headers: { cookie: `${COOKIE}=%00; ${COOKIE}=../../x` },
      });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("Layout for nobody");
    }));

  test("sees several cookies of one name, of which it takes none when they open different sessions", () =>
    using(site, async (rig) => {
      const one = await visitor(rig);
      const other = rig.another();
      await other.send("/own/api?do=set green");
      const cookie = `${COOKIE}=${one.token}; ${COOKIE}=${other.token}`;
      expect(await rig.another().text("/own/read", { headers: { cookie } })).toContain("colour: none");
    }));
}

function caches(site: Site): void {
  test("no page that reads is made at build time, not even one that asks to be kept", () => {
    const { routes } = JSON.parse(site.built("prerender-manifest.json")) as { routes: object };
    expect(Object.keys(routes)).toContain("/proxied/static");
    expect(Object.keys(routes).filter((path) => path.startsWith("/own"))).toEqual([]);
  });

  test.each(["/own/read", "/own/revalidated"])("%s is made anew for each visitor, and is private", (path) =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      for (const [who, colour] of [
        [client, "red"],
        [rig.another(), "none"],
        [client, "red"],
      ] as const) {
        const answer = await who.send(path);
        expect(answer.headers.get("cache-control")).toMatch(/private|no-store/);
        expect(await answer.text()).toContain(`colour: ${colour}`);
      }
    }),
  );

  test("a page that is forced to be static is told that it has no session", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      expect(await client.text(`/frozen/${crypto.randomUUID()}`)).toContain("told: ERR_SESSION_USE");
    }));

  test("a route that is forced to be static is told so too, before it makes a session for everybody", () =>
    using(site, async (rig) => {
      const answer = await rig.client.send(`/frozen-api/${crypto.randomUUID()}`);
      expect([await answer.text(), answer.headers.getSetCookie()]).toEqual(["told: ERR_SESSION_USE", []]);
      expect(await countOf(rig)).toBe(0);
    }));

  test("unstable_cache refuses to keep what depends on a session", () =>
    using(site, async (rig) => {
      await rig.client.send("/own/api?do=login ada");
      const text = await rig.client.text("/own/cached");
      expect(text).toMatch(/told: .*unstable_cache/);
      expect(text).not.toContain("user ada");
    }));
}

function actions(site: Site): void {
  const how = ["submit", "call"] as const;

  test.each(how)("stores what it changed before its answer, and the page after it shows that (%s)", (send) =>
    using(site, async (rig) => {
      const door = gate();
      const { client } = rig;
      rig.faulty.next("create", waitsBefore(door));
      let answered = false;
      const under = client[send]("/own/forms", "act", ["set blue", "revalidate /own/forms"]).then(
        (answer) => {
          answered = true;
          return answer;
        },
      );
      await door.reached();
      expect(answered).toBe(false);
      door.open();
      const answer = await under;
      expect([answer.status, sessionCookies(answer).length]).toEqual([200, 1]);
      expect(await answer.text()).toContain("colour: blue, count: 0, user: nobody");
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
      expect(await countOf(rig)).toBe(1);
    }),
  );

  test("sets the cookie with all that belongs to it", () =>
    using(site, async ({ client }) => {
      const answer = await client.submit("/own/forms", "act", ["set blue"]);
      const [line = ""] = sessionCookies(answer);
      const attributes = line
        .split("; ")
        .slice(1)
        .map((attribute) => attribute.toLowerCase());
      expect(attributes.sort()).toEqual(["httponly", "path=/", "samesite=lax", "secure"]);
      expect(answer.headers.get("cache-control")).toMatch(/no-store/);
    }));

  test.each(how)("stores it before a redirect leaves (%s)", (send) =>
    using(site, async (rig) => {
      const answer = await rig.client[send]("/own/forms", "act", ["set blue", "redirect /own/read"]);
      // Next's own scripts find the address in a header of theirs, and the page it leads to in the answer.
      if (send === "submit") expect(answer.status).toBe(303);
      expect(answer.headers.get("location") ?? answer.headers.get("x-action-redirect")).toMatch(
        /^\/own\/read/,
      );
      expect(sessionCookies(answer)).toHaveLength(1);
      if (send === "call") expect(await answer.text()).toContain("colour: blue");
      expect(await rig.client.text("/own/read")).toContain("colour: blue");
    }),
  );

  test("keeps what it changed when it says that something is not there, or forbidden", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const missing = await client.submit("/own/forms", "act", ["set blue", "missing"]);
      expect(missing.status).toBe(404);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
      const forbidden = await client.submit("/own/forms", "act", ["set green", "forbidden"]);
      // Next 16 shows the same page for both where there are no scripts.
      expect([403, 404]).toContain(forbidden.status);
      expect(await rig.stored()).toMatchObject({ colour: "green" });
    }));

  test.each(how)("drops what it changed when it fails, but for a logout (%s)", (send) =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const failed = await client[send]("/own/forms", "act", ["set blue", "fail"]);
      expect(failed.status).toBe(500);
      expect(await failed.text()).not.toContain("unexpected</");
      expect(await rig.stored()).toMatchObject({ colour: "red" });
      const out = await client[send]("/own/forms", "act", ["logout", "fail"]);
      expect([out.status, await countOf(rig), client.token]).toEqual([500, 0, undefined]);
    }),
  );

  test("keeps what it changed when it throws an error with a status below 500", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      await client.submit("/own/forms", "act", ["set blue", "refuse"]);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
    }));

  test("fails when its session cannot be saved, and nothing of its redirect leaves", async () => {
    const door = gate();
    await using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        const page = client.submit("/own/forms", "act", ["wait", "set blue", "redirect /own/read"]);
        await door.reached();
        rig.faulty.always("update", failsBefore());
        door.open();
        const answer = await page;
        rig.faulty.heal();
        expect([answer.status, answer.headers.get("location")]).toEqual([500, null]);
        expect(await rig.stored()).toMatchObject({ colour: "red" });
      },
      {},
      { wait: () => door.passage() },
    );
  });

  test("logs in with a new secret, and out, and the page of the same answer knows", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const before = client.token;
      const login = await client.submit("/own/forms", "act", ["login ada"]);
      expect(await login.text()).toContain("colour: red, count: 0, user: ada");
      expect(client.token).not.toBe(before);
      const logout = await client.submit("/own/forms", "act", ["logout"]);
      expect(await logout.text()).toContain("colour: none, count: 0, user: nobody");
      expect([client.token, await countOf(rig)]).toEqual([undefined, 0]);
    }));

  test("takes what useActionState gives before its form", () =>
    using(site, async (rig) => {
      const answer = await rig.client.submit("/own/forms", "state", ["set blue"]);
      const text = await answer.text();
      expect(text).toContain("state: done");
      expect(text).toContain("colour: blue");
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
    }));

  test("keeps the cookies of the application beside its own", () =>
    using(site, async (rig) => {
      const answer = await rig.client.submit("/own/forms", "act", ["theme dark", "set blue", "theme light"]);
      expect(cookieNames(answer).sort()).toEqual([COOKIE, "theme"]);
      expect(rig.client.jar.value("theme")).toBe("light");
    }));

  test("several of one request make one session, and one within another is part of it", () =>
    using(site, async (rig) => {
      const client = rig.client;
      const answer = await client.submit("/own/forms", "twice", ["count"]);
      expect([answer.status, sessionCookies(answer).length, await countOf(rig)]).toEqual([303, 1, 1]);
      expect(await rig.stored()).toMatchObject({ count: 2, same: true, read: true });
    }));

  test("is what the page of the same answer shows, also where the session was read before it", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const answer = await client.submit("/own/forms", "late", ["set blue"]);
      expect(await answer.text()).toContain("colour: blue");
    }));

  test("counts exactly under overlapping requests", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      await Promise.all(Array.from({ length: 12 }, () => client.submit("/own/forms", "act", ["count"])));
      expect(await rig.stored()).toMatchObject({ count: 12 });
    }));

  test("does not bring back a session that was logged out meanwhile", async () => {
    const door = gate();
    await using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        const slow = client.submit("/own/forms", "act", ["set blue", "wait"]);
        await door.reached();
        await client.submit("/own/forms", "act", ["logout"]);
        door.open();
        await slow;
        expect([await countOf(rig), client.token]).toEqual([0, undefined]);
      },
      {},
      { wait: () => door.passage() },
    );
  });

  test("that is none of the sessions' can only read", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      expect((await client.submit("/own/forms", "unwrapped", [])).status).toBe(500);
      expect(await rig.stored()).toMatchObject({ colour: "red" });
    }));

  test("that is called as a function by a page is refused", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      expect(await client.text("/own/unwrapped")).toContain("told: ERR_SESSION_READ_ONLY");
      expect(await rig.stored()).toMatchObject({ colour: "red" });
    }));

  test("of another site is none of this one's", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const answer = await client.submit("/own/forms", "act", ["set blue"], { origin: "https://evil.test" });
      expect(answer.status).toBe(500);
      expect(await rig.stored()).toMatchObject({ colour: "red" });
    }));
}

function routes(site: Site): void {
  test("answers what redirect(), notFound() and forbidden() throw, with the session's cookie", () =>
    using(site, async (rig) => {
      for (const [verb, status, location] of [
        ["redirect /own/read;a=1", 307, "/own/read;a=1"],
        ["missing", 404, null],
        ["forbidden", 403, null],
      ] as const) {
        const client = rig.another();
        const answer = await client.send(`/own/api?do=set blue&do=theme dark&do=${encodeURIComponent(verb)}`);
        expect([answer.status, answer.headers.get("location")]).toEqual([status, location]);
        expect(cookieNames(answer).sort()).toEqual([COOKIE, "theme"]);
        expect(await rig.stored(client)).toMatchObject({ colour: "blue" });
      }
    }));

  test("keeps what the application sets by cookies()", () =>
    using(site, async ({ client }) => {
      const answer = await client.send("/own/api?do=theme dark&do=set blue");
      expect(cookieNames(answer).sort()).toEqual([COOKIE, "theme"]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }));

  test("read() and currentSession() give its own session", () =>
    using(
      site,
      async ({ client }) => {
        const answer = await client.send("/own/api?do=read&do=current");
        expect(await answer.json()).toMatchObject({ same: true, current: true });
      },
      { context: true },
    ));
}

function proxies(site: Site): void {
  const page = "/proxied/page";

  test("stores before the page renders, and the page sees it, with one cookie and one session", () =>
    using(site, async (rig) => {
      const answer = await rig.client.send(page, { headers: { "x-do": "set blue" } });
      const text = await answer.text();
      expect(text).toContain("colour: blue, user: nobody, new: false");
      expect(text).toContain(`cookies: ${COOKIE}; lines: 1`);
      expect([sessionCookies(answer).length, await countOf(rig)]).toEqual([1, 1]);
      expect(answer.headers.get("cache-control")).toMatch(/no-store/);
    }));

  test("lets a request through untouched, cookie and all, when it has nothing to tell the client", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      rig.operations();
      const answer = await client.send(page, { headers: { "x-do": "set green" } });
      expect(await answer.text()).toContain("colour: green");
      expect(answer.headers.getSetCookie()).toEqual([]);
      expect(rig.operations()).toEqual(["read", "update", "read"]);
    }));

  test("a login and a logout there are what the page sees", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const before = client.token;
      expect(await client.text(page, { headers: { "x-do": "login ada" } })).toContain(
        "colour: red, user: ada",
      );
      expect(client.token).not.toBe(before);
      const out = await client.send(page, { headers: { "x-do": "logout" } });
      const text = await out.text();
      expect(text).toContain("colour: none, user: nobody, new: true");
      expect(text).toContain("cookies: ; lines: 0");
      expect([client.token, await countOf(rig)]).toEqual([undefined, 0]);
    }));

  test("an action behind it has the session that the proxy made, and makes no other", () =>
    using(site, async (rig) => {
      const { client } = rig;
      const answer = await client.submit(page, "act", ["count"], { "x-do": "set blue" });
      expect(await answer.text()).toContain("colour: blue, user: nobody");
      expect([sessionCookies(answer).length, await countOf(rig)]).toEqual([1, 1]);
      expect(await rig.stored()).toMatchObject({ colour: "blue", count: 1 });
    }));

  test("an action behind it that logs in has the last word on the cookie", () =>
    using(site, async (rig) => {
      const { client } = rig;
      const answer = await client.submit(page, "act", ["login ada"], { "x-do": "set blue" });
      expect(await answer.text()).toContain("colour: blue, user: ada");
      // Next puts the proxy's cookie before that of the action; clients keep the last.
      expect([sessionCookies(answer).length, await countOf(rig)]).toEqual([2, 1]);
      expect(await rig.stored()).toMatchObject({ colour: "blue", user: "ada" });
    }));

  test("an action behind it that sets a cookie of the application's leaves the session's on the answer", () =>
    using(site, async (rig) => {
      const { client } = rig;
      const answer = await client.submit(page, "act", ["theme dark"], { "x-do": "set blue" });
      expect(cookieNames(answer).sort()).toEqual([COOKIE, "theme"]);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
    }));

  test("a route handler behind it has the session that the proxy made, and the last word on the cookie", () =>
    using(site, async (rig) => {
      const { client } = rig;
      const same = await client.send("/proxied/api", { headers: { "x-do": "set blue" } });
      expect(await same.json()).toMatchObject({ colour: "blue" });
      expect([sessionCookies(same).length, await countOf(rig)]).toEqual([1, 1]);
      const other = rig.another();
      await other.send("/proxied/api?do=login ada", { headers: { "x-do": "set green" } });
      expect(await rig.stored(other)).toMatchObject({ colour: "green", user: "ada" });
      expect(await countOf(rig)).toBe(2);
    }));

  test("a page that is the same for everybody is not to be kept once a cookie is on it", () =>
    using(site, async (rig) => {
      const answer = await rig.client.send("/proxied/static", { headers: { "x-do": "set blue" } });
      expect(await answer.text()).toContain("the same for everybody");
      expect(sessionCookies(answer)).toHaveLength(1);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const plain = await rig.another().send("/proxied/static");
      expect(plain.headers.getSetCookie()).toEqual([]);
    }));

  test("keeps the application's own cookies and request headers", () =>
    using(site, async (rig) => {
      const own = await rig.client.send(page, { headers: { "x-do": "set blue", "x-answer": "header" } });
      expect(await own.text()).toContain("seen: yes");
      const cookie = await rig
        .another()
        .send(page, { headers: { "x-do": "set blue", "x-answer": "cookie" } });
      expect(cookieNames(cookie).sort()).toEqual([COOKIE, "size"]);
      const jar = await rig.another().send(page, { headers: { "x-do": "set blue,theme dark" } });
      expect(cookieNames(jar).sort()).toEqual([COOKIE, "theme"]);
      const both = await rig
        .another()
        .send(page, { headers: { "x-do": "set blue,theme dark", "x-answer": "cookie" } });
      expect(cookieNames(both).sort()).toEqual([COOKIE, "size", "theme"]);
    }));

  test.each([
    ["redirect", 307, ""],
    ["rewrite", 200, "colour: blue"],
    ["answer", 200, "answered by the proxy"],
  ])("its own answer carries the cookie (%s)", (how, status, text) =>
    using(site, async (rig) => {
      const answer = await rig.client.send(page, { headers: { "x-do": "set blue", "x-answer": how } });
      expect([answer.status, sessionCookies(answer).length]).toEqual([status, 1]);
      expect(await answer.text()).toContain(text);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
    }),
  );

  test("what redirect() throws is an answer; what else is thrown drops the changes", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const moved = await client.send(page, { headers: { "x-do": "set blue,redirect /own/read" } });
      expect([moved.status, moved.headers.get("location")]).toEqual([
        307,
        expect.stringMatching(/\/own\/read$/),
      ]);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
      const failed = await client.send(page, { headers: { "x-do": "set green,fail" } });
      expect(failed.status).toBe(500);
      expect(await rig.stored()).toMatchObject({ colour: "blue" });
    }));

  test("answers 503 when the store is down, and nothing renders", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      const before = client.token;
      rig.faulty.always("update", failsBefore());
      const answer = await client.send(page, { headers: { "x-do": "set blue" } });
      expect([answer.status, await answer.text(), client.token]).toEqual([
        503,
        "Service Unavailable\n",
        before,
      ]);
    }));

  test("a new secret that is due is made there, for the page as well", () =>
    using(
      site,
      async (rig) => {
        const client = await visitor(rig);
        const before = client.token;
        rig.clock.advance(20 * 60_000);
        expect(await client.text(page)).toContain("colour: red");
        expect(client.token).not.toBe(before);
      },
      { rotateEvery: "15m" },
    ));

  test("the body of a form comes through it", () =>
    using(site, async (rig) => {
      const client = await visitor(rig);
      await client.submit(page, "act", ["set green"], { "x-do": "count" });
      expect(await rig.stored()).toMatchObject({ colour: "green", count: 1 });
    }));
}

function kept(site: Site): void {
  async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-next-"));
    try {
      await work(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** What the pages, the routes, the actions and the proxy tell of the manager and of the session's context. */
  async function tell(client: Client): Promise<string> {
    await client.send("/kept/api?set=red");
    await client.submit("/kept/forms", "act", ["blue"]);
    const page = await client.text("/kept/forms");
    const route = await (await client.send("/kept/api")).text();
    return `${page}${route}`;
  }

  test(
    "has one of it for pages, actions, routes and the proxy, and currentSession() in each but the pages",
    { timeout: 60_000 },
    () =>
      inFolder(async (folder) => {
        const server = await site.serve("start", folder);
        try {
          const told = await tell(new Client(server.origin));
          expect(told).toContain("colour: blue, current: true, made: 1");
          expect(told).toMatch(/"colour":"blue".*"current":true.*"made":1/);
        } finally {
          await server.close();
        }
      }),
  );

  test("shares its sessions between processes", { timeout: 60_000 }, () =>
    inFolder(async (folder) => {
      const servers = await Promise.all([site.serve("start", folder), site.serve("start", folder)]);
      try {
        const [one, other] = servers.map(({ origin }) => new Client(origin));
        await one?.send("/kept/api?set=red");
        const headers = { cookie: `${COOKIE}=${one?.token}` };
        expect(await (await other?.send("/kept/api", { headers }))?.json()).toMatchObject({ colour: "red" });
      } finally {
        await Promise.all(servers.map((server) => server.close()));
      }
    }),
  );

  test(
    "in development says loudly that a page cannot write, and outlives a change of its modules",
    { timeout: 180_000 },
    () =>
      inFolder(async (folder) => {
        const server = await site.serve("dev", folder);
        try {
          const client = new Client(server.origin);
          expect(await tell(client)).toContain("colour: blue, current: true, made: 1");
          const failed = await client.send("/kept/write");
          expect([failed.status, await failed.text()]).toEqual([
            500,
            expect.stringContaining("can only be read here"),
          ]);
          expect(server.output()).toContain("ERR_SESSION_READ_ONLY");
          site.edit("lib/kept.js", (text) => `${text}\nexport const changed = true;\n`);
          await vi.waitFor(async () => expect((await client.send("/kept/api")).status).toBe(200), 30_000);
          expect(await client.text("/kept/forms")).toContain("colour: blue, current: true, made: 1");
        } finally {
          await server.close();
        }
      }),
  );
}
