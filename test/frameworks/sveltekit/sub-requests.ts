import { expect, test } from "vitest";
import { cookieAfter, cookieNames } from "../support/sites.ts";
import { client } from "./rig.ts";
import type { Version } from "./site.ts";

const SESSION = "__Host-Http-sid";

/** Requests that the application makes to itself, by `event.fetch`. */
export function subRequests(version: Version): void {
  test("share the session of their page: one is stored, and one cookie is set", async () => {
    const shop = await client(version, {
      async load(event, session) {
        session.set("outer", 1);
        const inner = await (await event.fetch("/inner")).json();
        return { inner, after: session.get("inner") };
      },
      answer(_event, session, { json }) {
        session.set("inner", 2);
        return json({ saw: session.get("outer") });
      },
    });
    const page = await shop.ask("/page");
    const text = await page.text();
    expect([text.includes('"saw":1'), text.includes('"after":2')]).toEqual([true, true]);
    expect(cookieNames(page)).toEqual([SESSION]);
    expect(shop.store.count("create")).toBe(1);
    expect(await shop.stored(cookieAfter(page))).toEqual({ outer: 1, inner: 2 });
  });

  test("cost nothing of their own: one read and one write for the page and three of them", async () => {
    const shop = await client(version, {
      async load(event, session) {
        session.increment("hits");
        await Promise.all([1, 2, 3].map(() => event.fetch("/inner")));
        return { hits: session.increment("hits") };
      },
      answer: (_event, session, { json }) => json({ hits: session.increment("hits") }),
    });
    const cookie = await shop.visitor();
    shop.store.forget();
    expect(await (await shop.ask("/page", { cookie })).text()).toContain('"hits":5');
    expect(shop.store.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red", hits: 5 });
  });

  test("of a universal load share it too, and so do those that a sub-request makes", async () => {
    const shop = await client(version, {
      async answer(event, session, { text }) {
        const hits = session.increment("hits");
        if (event.url.searchParams.has("deeper")) return text(`deep ${hits}`);
        return text(`${hits} then ${await (await event.fetch("/inner?deeper")).text()}`);
      },
    });
    const page = await shop.ask("/universal");
    expect(await page.text()).toContain("universal: 1 then deep 2");
    expect(await shop.stored(cookieAfter(page))).toEqual({ hits: 2 });
    expect(shop.store.count("create")).toBe(1);
  });

  test("may log in: the page's answer has the cookie, and the token before opens nothing any more", async () => {
    const shop = await client(version, {
      async load(event, session) {
        await event.fetch("/inner");
        return { user: session.user };
      },
      answer(_event, session, { text }) {
        session.login("ada");
        return text("in");
      },
    });
    const before = await shop.visitor();
    const page = await shop.ask("/page", { cookie: before });
    expect(await page.text()).toContain('"user":"ada"');
    expect(await shop.stored(before)).toEqual({});
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "red" });
  });

  test("that fail do so for the code that made them, and the page is saved", async () => {
    const shop = await client(version, {
      async load(event, session) {
        session.set("colour", "blue");
        return { weather: (await event.fetch("/inner")).status };
      },
      answer() {
        throw new Error("unexpected");
      },
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect([page.status, (await page.text()).includes('"weather":500')]).toEqual([200, true]);
    expect(await shop.stored(cookie)).toEqual({ colour: "blue" });
  });

  test("are rolled back with their page", async () => {
    const shop = await client(version, {
      async load(event) {
        await event.fetch("/inner");
        throw new Error("unexpected");
      },
      answer(_event, session, { text }) {
        session.set("colour", "blue");
        return text("set");
      },
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(500);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("without credentials have nobody's session, and cannot begin one", async () => {
    const statuses: number[] = [];
    const shop = await client(version, {
      async load(event, session) {
        session.increment("hits");
        for (const path of ["/inner", "/inner?set"]) {
          const answer = await event.fetch(path, { credentials: "omit" });
          statuses.push(answer.status);
          if (answer.ok) expect(await answer.text()).toBe("nothing");
        }
        return {};
      },
      answer(event, session, { text }) {
        if (event.url.searchParams.has("set")) session.set("inner", 1);
        return text(String(session.get("colour") ?? "nothing"));
      },
    });
    const cookie = await shop.visitor();
    const page = await shop.ask("/page", { cookie });
    expect([page.status, cookieNames(page), statuses]).toEqual([200, [], [200, 500]]);
    expect(shop.reported).toEqual([expect.objectContaining({ code: "ERR_SESSION_SENT" })]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red", hits: 1 });
  });

  test("without credentials have nobody's session for a visitor who is nobody too", async () => {
    const shop = await client(version, {
      async load(event, session) {
        session.set("colour", "red");
        return { inner: await (await event.fetch("/inner", { credentials: "omit" })).text() };
      },
      answer: (_event, session, { text }) => text(String(session.get("colour") ?? "nothing")),
    });
    const page = await shop.ask("/page");
    expect(await page.text()).toContain('"inner":"nothing"');
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "red" });
  });

  test("in another visitor's name have that one's session", async () => {
    const shop = await client(version, {
      async load(event) {
        const other = event.url.searchParams.get("other") ?? "";
        await event.fetch("/inner", { headers: { cookie: other } });
        return {};
      },
      answer(_event, session, { text }) {
        session.set("colour", "green");
        return text("set");
      },
    });
    const [one, other] = [await shop.visitor(), await shop.visitor()];
    const page = await shop.ask(`/page?other=${encodeURIComponent(other)}`, { cookie: one });
    expect([page.status, cookieNames(page)]).toEqual([200, []]);
    expect([await shop.stored(one), await shop.stored(other)]).toEqual([
      { colour: "red" },
      { colour: "green" },
    ]);
  });

  test("after the page has been answered can read, and what they change is refused aloud", async () => {
    const shop = await client(version, {
      load(event, session) {
        session.set("colour", "red");
        return { late: late(event) };
      },
      answer: (_event, session, { text }) => text(`${session.get("colour")} ${session.increment("hits")}`),
    });
    const page = await shop.ask("/page");
    expect(await page.text()).toContain("status 500");
    expect(shop.reported).toEqual([expect.objectContaining({ code: "ERR_SESSION_SENT" })]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ colour: "red" });
  });

  test("of a page that is left out have the visitor's session, and cannot begin one", async () => {
    const shop = await client(version, {
      options: { only: ({ url }) => url.pathname !== "/page" },
      async load(event) {
        return { status: (await event.fetch("/inner")).status };
      },
      answer(_event, session, { text }) {
        session.set("colour", "blue");
        return text("set");
      },
    });
    const cookie = await shop.visitor();
    expect(await (await shop.ask("/page", { cookie })).text()).toContain('"status":200');
    expect(await shop.stored(cookie)).toEqual({ colour: "blue" });
    const stranger = await shop.ask("/page");
    expect([(await stranger.text()).includes('"status":500'), cookieNames(stranger)]).toEqual([true, []]);
  });
}

async function late(event: { readonly fetch: typeof fetch }): Promise<string> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return `status ${(await event.fetch("/inner")).status}`;
}
