import { expect, test } from "vitest";
import { failsBefore } from "../../../src/testing/index.ts";
import { cookieAfter, cookieNames } from "../support/sites.ts";
import { client, type Parts } from "./rig.ts";
import { NEWEST, type Version } from "./site.ts";

const SESSION = "__Host-Http-sid";
const DOWN = new Error("redis at 10.0.0.1 is down");

/** Form actions, without JavaScript and with SvelteKit's client. */
export function actions(version: Version): void {
  test("a form that redirects is saved, and the page behind it shows what it left", async () => {
    const shop = await client(version, {
      action(_event, session, { redirect }) {
        session.flash("notice", "in your cart");
        return redirect(303, "/page");
      },
      load: (_event, session) => ({ notices: session.flash("notice") }),
    });
    const answer = await shop.submit("/page");
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/page"]);
    const cookie = cookieAfter(answer);
    expect(await (await shop.ask("/page", { cookie })).text()).toContain("in your cart");
    expect(await (await shop.ask("/page", { cookie })).text()).not.toContain("in your cart");
  });

  test("a form that is answered with its page is saved, and the page's load sees what it changed", async () => {
    const shop = await client(version, {
      action: (_event, session) => ({ hits: session.increment("hits") }),
      load: (_event, session) => ({ seen: session.increment("hits") }),
    });
    const answer = await shop.submit("/page");
    const page = await answer.text();
    expect([answer.status, page.includes('"seen":2'), page.includes('"hits":1')]).toEqual([200, true, true]);
    expect(await shop.stored(cookieAfter(answer))).toEqual({ hits: 2 });
  });

  test("an enhanced form gets its result with the cookie, be it data or a redirect", async () => {
    const shop = await client(version, {
      action(event, session, { redirect }) {
        session.increment("hits");
        return event.url.searchParams.has("leave") ? redirect(303, "/page") : { done: true };
      },
    });
    const done = await shop.enhance("/page");
    expect(await done.json()).toMatchObject({ type: "success", status: 200 });
    const cookie = cookieAfter(done);
    const left = await shop.enhance("/page?leave", cookie);
    expect(await left.json()).toMatchObject({ type: "redirect", status: 303, location: "/page" });
    expect(await shop.stored(cookie)).toEqual({ hits: 2 });
  });

  for (const way of ["submit", "enhance"] as const) {
    test(`an unexpected error in an action rolls back: ${way}`, async () => {
      const shop = await client(version, {
        action(_event, session) {
          session.set("colour", "blue");
          throw new Error("unexpected");
        },
      });
      const cookie = await shop.visitor();
      const answer = await shop[way]("/page", cookie);
      expect([answer.status, cookieNames(answer)]).toEqual([500, []]);
      expect(shop.reported).toHaveLength(1);
      expect(await shop.stored(cookie)).toEqual({ colour: "red" });
    });

    test(`error() with a status below 500 in an action saves: ${way}`, async () => {
      const shop = await client(version, {
        action(_event, session, { error }) {
          session.set("colour", "blue");
          return error(422, "too many anchors");
        },
      });
      const answer = await shop[way]("/page");
      expect([answer.status, (await answer.text()).includes("too many anchors")]).toEqual([422, true]);
      expect(await shop.stored(cookieAfter(answer))).toEqual({ colour: "blue" });
    });

    test(`a commit that fails is answered with 503, and nothing of the action's answer leaves: ${way}`, async () => {
      const shop = await client(version, {
        action(event, session) {
          session.set("colour", "blue");
          event.cookies.set("receipt", "42", { path: "/" });
          return { paid: true };
        },
      });
      shop.store.always("create", failsBefore(DOWN));
      const answer = await shop[way]("/page");
      expect([answer.status, cookieNames(answer), answer.headers.get("cache-control")]).toEqual([
        503,
        [],
        "no-store",
      ]);
      if (way === "enhance")
        expect(await answer.json()).toMatchObject({ type: "error", error: { status: 503 } });
      else expect(await answer.text()).toBe("Service Unavailable\n");
    });
  }
}

/** Pages, and the data of pages that SvelteKit's client asks for. */
export function pages(version: Version): void {
  test("layout and page have one session, and one commit serves both", async () => {
    const shop = await client(version, {
      layout: (_event, session) => ({ one: session.increment("hits") }),
      load: (_event, session) => ({ other: session.increment("hits") }),
    });
    const answer = await shop.ask("/page");
    expect(await shop.stored(cookieAfter(answer))).toEqual({ hits: 2 });
    expect(shop.store.count("create")).toBe(1);
    expect(shop.store.count("update")).toBe(0);
  });

  test("an unexpected error in load rolls back, also where it is answered with status 200", async () => {
    const shop = await client(version, {
      load(_event, session) {
        session.set("colour", "blue");
        throw new Error("unexpected");
      },
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(500);
    const data = await shop.ask("/page/__data.json", { cookie });
    expect([data.status, await data.text()]).toEqual([200, expect.stringContaining('"error"')]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("error() with a status below 500 in load saves", async () => {
    const shop = await client(version, {
      load(_event, session, { error }) {
        session.increment("misses");
        return error(404, "no such good");
      },
    });
    const page = await shop.ask("/page");
    expect(page.status).toBe(404);
    const cookie = cookieAfter(page);
    await shop.ask("/page/__data.json", { cookie });
    expect(await shop.stored(cookie)).toEqual({ misses: 2 });
  });

  test("error() with a status of 500 or above in load rolls back, where SvelteKit tells of it", async () => {
    const shop = await client(version, {
      load(_event, session, { error }) {
        session.set("colour", "blue");
        return error(503, "closed for the night");
      },
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(503);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
    expect((await shop.ask("/page/__data.json", { cookie })).status).toBe(200);
    expect(await shop.stored(cookie)).toEqual({ colour: version === NEWEST ? "red" : "blue" });
  });

  test("redirect() in load saves and carries the cookie, as a page and as data", async () => {
    const shop = await client(version, {
      load(_event, session, { redirect }) {
        session.set("from", "load");
        return redirect(307, "/sign-in");
      },
    });
    const page = await shop.ask("/page");
    expect([page.status, page.headers.get("location")]).toEqual([307, "/sign-in"]);
    expect(await shop.stored(cookieAfter(page))).toEqual({ from: "load" });
    const data = await shop.ask("/page/__data.json");
    expect(await data.json()).toMatchObject({ type: "redirect", location: "/sign-in" });
    expect(await shop.stored(cookieAfter(data))).toEqual({ from: "load" });
  });

  test("an error while a page is rendered rolls back", async () => {
    const shop = await client(version, {
      load(_event, session) {
        session.set("colour", "blue");
        return { breaks: true };
      },
    });
    const cookie = await shop.visitor();
    expect((await shop.ask("/page", { cookie })).status).toBe(500);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("the layout around an error page may change the session", async () => {
    const shop = await client(version, {
      layout: (_event, session) => ({ hits: session.increment("hits") }),
      load: (_event, _session, { error }) => error(404, "no such page"),
    });
    const answer = await shop.ask("/page");
    expect(answer.status).toBe(404);
    expect(await shop.stored(cookieAfter(answer))).toEqual({ hits: 1 });
  });

  test("what is streamed reads the session, and what it changes is refused aloud", async () => {
    const shop = await client(version, {
      load(event, session) {
        session.set("colour", "red");
        return {
          late: later(() =>
            event.url.searchParams.has("write") ? session.increment("hits") : session.get("colour"),
          ),
        };
      },
    });
    const read = await shop.ask("/page");
    expect(await read.text()).toMatch(/waiting[\s\S]*red/);
    const cookie = cookieAfter(read);
    expect(shop.reported).toEqual([]);
    const written = await shop.ask("/page?write", { cookie });
    expect([written.status, (await written.text()).includes("Internal Error")]).toEqual([200, true]);
    expect(shop.reported).toEqual([expect.objectContaining({ code: "ERR_SESSION_SENT" })]);
    expect(await shop.stored(cookie)).toEqual({ colour: "red" });
  });

  test("the application's own cookies and headers stay, and the session's join them", async () => {
    const shop = await client(version, {
      load(event, session) {
        event.cookies.set("theme", "dark", { path: "/" });
        event.setHeaders({ "cache-control": "public, max-age=60", vary: "Accept-Language", "x-own": "kept" });
        return {
          hits: session.data["hits"] ?? null,
          saved: event.url.searchParams.has("save") && session.increment("hits"),
        };
      },
    });
    const looked = await shop.ask("/page");
    expect(cookieNames(looked)).toEqual(["theme"]);
    expect([...looked.headers]).toEqual(
      expect.arrayContaining([
        ["cache-control", "private, max-age=60"],
        ["vary", "Accept-Language, Cookie"],
        ["x-own", "kept"],
      ]),
    );
    const saved = await shop.ask("/page?save");
    expect(cookieNames(saved)).toEqual(["theme", SESSION]);
    expect(saved.headers.get("cache-control")).toBe("no-store");
  });

  test("a page with a cookie has no entity tag, so no 304 takes its place", async () => {
    const shop = await client(version, {
      load(event, session) {
        event.cookies.set("theme", "dark", { path: "/" });
        if (event.url.searchParams.has("enter")) session.login("ada");
        return {};
      },
    });
    const plain = await shop.ask("/page");
    const etag = plain.headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    expect((await shop.ask("/page", { headers: { "if-none-match": etag } })).status).toBe(304);
    const entered = await shop.ask("/page?enter", { headers: { "if-none-match": etag } });
    expect([entered.status, cookieNames(entered), entered.headers.get("etag")]).toEqual([
      200,
      ["theme", SESSION],
      null,
    ]);
  });

  test("a session that cannot be read is answered with 503, as each kind of client understands it", async () => {
    const shop = await client(version, { load: () => ({}), action: () => ({}) });
    const cookie = await shop.visitor();
    shop.store.always("read", failsBefore(DOWN));
    const page = await shop.ask("/page", { cookie });
    expect([page.status, await page.text()]).toEqual([503, "Service Unavailable\n"]);
    const data = await shop.ask("/page/__data.json", { cookie });
    expect([data.status, await data.json()]).toMatchObject([503, { status: 503 }]);
    const action = await shop.enhance("/page", cookie);
    expect([action.status, await action.json()]).toMatchObject([
      503,
      { type: "error", error: { status: 503 } },
    ]);
    const json = await shop.ask("/api", { cookie, headers: { accept: "application/json" } });
    expect([json.status, await json.json()]).toMatchObject([503, { status: 503 }]);
    for (const answer of [page, data, action, json]) expect(cookieNames(answer)).toEqual([]);
  });

  test("what fails is rendered by the application, where it says how", async () => {
    const seen: unknown[] = [];
    const shop = await client(version, {
      options: {
        renderFailure(error, event) {
          seen.push((error as { code?: unknown }).code, event.url.pathname);
          return new Response("closed for the night", { status: 503 });
        },
      },
      load: (_event, session) => ({ hits: session.increment("hits") }),
    });
    shop.store.always("create", failsBefore(DOWN));
    expect(await (await shop.ask("/page")).text()).toBe("closed for the night");
    expect(seen).toEqual(["ERR_SESSION_UNKNOWN", "/page"]);
  });

  test("what fails may be left to SvelteKit, by an error of its own", async () => {
    let refuse = (): never => expect.unreachable();
    const shop = await client(version, {
      options: { renderFailure: () => refuse() },
      load(_event, session, tools) {
        refuse = () => tools.error(503, "closed for the night");
        return { hits: session.increment("hits") };
      },
    });
    shop.store.always("create", failsBefore(DOWN));
    const page = await shop.ask("/page");
    expect(page.status).toBe(503);
    expect(await page.text()).toMatch(/error.html:\s+closed for the night/);
  });

  test("the client's address is the one that SvelteKit knows, or the one that the option gives", async () => {
    const load: Parts["load"] = (_event, session) => {
      session.set("colour", "red");
      return { from: session.remoteAddress };
    };
    const plain = await client(version, { load });
    const behind = await client(version, { load, options: { clientAddress: () => "192.0.2.7" } });
    for (const [shop, address] of [
      [plain, "127.0.0.1"],
      [behind, "192.0.2.7"],
    ] as const) {
      const cookie = cookieAfter(await shop.ask("/page"));
      expect(await (await shop.ask("/page", { cookie })).text()).toContain(`"from":"${address}"`);
    }
  });

  test("what the application cannot store is thrown to SvelteKit, which reports it", async () => {
    const shop = await client(version, {
      load(_event, session) {
        session.set("odd", () => "not a value");
        return {};
      },
    });
    const answer = await shop.ask("/page");
    expect(answer.status).toBe(500);
    expect(await answer.text()).toMatch(/error.html:\s+Internal Error/);
    expect(shop.reported).toEqual([expect.objectContaining({ code: "ERR_SESSION_VALUE" })]);
  });
}

/** Settles after the page has been answered: promises that are settled before are part of the page. */
async function later<T>(work: () => T): Promise<T> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return work();
}
