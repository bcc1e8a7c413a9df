import { afterEach, describe, expect, test } from "vitest";
import type { Session } from "../../src/index.ts";
import { SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { App, type Browser } from "../../src/testing/adapter-client/app.ts";
import type { Reply } from "../../src/testing/adapter-client/reply.ts";
import { type AdapterSubject, manualClock, type Route, type RouteContext } from "../../src/testing/index.ts";
import { SERVED } from "../support/adapter-subjects.ts";
import { SharedCache } from "../support/shared-cache.ts";

type Headers = readonly (readonly [string, string])[];

const HOUR = 3_600_000;
const COOKIE = "__Host-Http-sid";

/** What applications say of the caching of a page that they should not have said it of. */
const CACHINGS: Readonly<Record<string, Headers>> = {
  nothing: [],
  "nothing but when it was changed": [["last-modified", "Mon, 01 Jan 2001 00:00:00 GMT"]],
  "an Expires of the future": [["expires", "Mon, 01 Jan 2150 00:00:00 GMT"]],
  public: [["cache-control", "public"]],
  "public, for ten minutes": [["cache-control", "public, max-age=600"]],
  "ten minutes": [["cache-control", "max-age=600"]],
  "shared caches, ten minutes": [["cache-control", "s-maxage=600"]],
  "in capitals": [["cache-control", "PUBLIC, S-MaxAge=600"]],
  "must-revalidate": [["cache-control", "max-age=600, must-revalidate"]],
  immutable: [["cache-control", "max-age=31536000, immutable"]],
  "no-cache": [["cache-control", "no-cache"]],
  "private for one header": [["cache-control", 'private="x-own", max-age=600']],
  "private for headers with a comma": [["cache-control", 'max-age=600, private="set-cookie, x-own"']],
  "no-cache for the cookie": [["cache-control", 'no-cache="set-cookie", max-age=600']],
  "two lines": [
    ["cache-control", "private"],
    ["cache-control", "public, s-maxage=600"],
  ],
  "CDN-Cache-Control": [
    ["cache-control", "private"],
    ["cdn-cache-control", "max-age=600"],
  ],
  "Surrogate-Control": [["surrogate-control", "max-age=600"]],
  "X-Accel-Expires": [["x-accel-expires", "600"]],
  "a Vary of its own": [
    ["cache-control", "public, max-age=600"],
    ["vary", "Accept-Language"],
  ],
};

/** Every kind of look that tells of the session. */
const LOOKS: Readonly<Record<string, (session: Session) => unknown>> = {
  user: (session) => session.user,
  get: (session) => session.get("colour"),
  data: (session) => session.data["colour"],
  has: (session) => session.has("colour"),
  in: (session) => "colour" in session.data,
  keys: (session) => session.keys(),
  iteration: (session) => Object.entries(session.data),
  id: (session) => session.id,
  isNew: (session) => session.isNew,
  hasInfo: (session) => session.hasInfo(),
  csrf: (session) => session.isCsrfToken("x"),
  forms: (session) => session.hasFormToken("x"),
  methods: (session) => session.methods,
  address: (session) => session.remoteAddress,
  endsAt: (session) => session.endsAt,
};

/** Ways to answer with what was seen. */
const FORMS: Readonly<Record<string, (route: RouteContext, seen: string, headers: Headers) => unknown>> = {
  text: (route, seen, headers) => route.send({ headers: [...headers, ["x-seen", seen]], body: seen }),
  "a stream": (route, seen, headers) =>
    route.stream({ headers: [...headers, ["x-seen", seen]] }, pieces(seen)),
  "a redirect": (route, seen, headers) =>
    route.send({ status: 301, headers: [...headers, ["location", `/${encodeURIComponent(seen)}`]] }),
  "not found": (route, seen, headers) => route.send({ status: 404, headers, body: seen }),
  "an error page": (route, seen, headers) => route.send({ status: 501, headers, body: seen }),
  "no content": (route, seen, headers) =>
    route.send({ status: 204, headers: [...headers, ["x-seen", seen]] }),
  "an error that is thrown": () => {
    throw Object.assign(new Error("no such page"), { status: 404 });
  },
};

async function* pieces(text: string): AsyncGenerator<string> {
  yield text.slice(0, 2);
  yield text.slice(2);
}

interface Site {
  readonly app: App;
  readonly cache: SharedCache;
  readonly clock: ReturnType<typeof manualClock>;
  /** Whether `/public` answers that nothing changed. */
  readonly state: { unchanged: boolean };
}

const open: App[] = [];
afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function siteOf(subject: AdapterSubject): Promise<Site> {
  const clock = manualClock();
  const manager = new SessionManager({ store: memoryStore(), clock, sweepEvery: false, rotateEvery: "10m" });
  const state = { unchanged: false };
  const app = new App(manager, await subject.start({ manager, routes: routesOf(state) }), () => false);
  open.push(app);
  return { app, cache: new SharedCache(app, clock, { cdn: true }), clock, state };
}

function routesOf(state: { unchanged: boolean }): Readonly<Record<string, Route>> {
  const told = (route: RouteContext): Headers => CACHINGS[route.query("caching") ?? ""] ?? [];
  return {
    "/ping": (route) => route.send({ body: "pong" }),
    "/page": (route) => {
      const seen = JSON.stringify(LOOKS[route.query("look") ?? ""]?.(route.session) ?? null);
      return FORMS[route.query("form") ?? ""]?.(route, seen, told(route));
    },
    "/public": (route) => {
      const headers: Headers = [["etag", '"1"'], ...told(route)];
      if (state.unchanged) return route.send({ status: 304, headers });
      return route.send({ headers, body: "the same for all" });
    },
    "/login": (route) => {
      route.session.login(route.query("user") ?? "");
      route.session.set("colour", route.query("user"));
      return route.send({ headers: told(route), body: "in" });
    },
    "/cart": (route) => {
      route.session.set("colour", "a guest's");
      return route.send({ headers: told(route), body: "put" });
    },
    "/logout": (route) => {
      route.session.logout();
      return route.send({ headers: told(route), body: "out" });
    },
    "/fails": (route) => {
      route.session.logout();
      throw Object.assign(new Error("no such page"), { status: 404 });
    },
  };
}

async function entered({ app }: Site, path: string): Promise<Browser> {
  const browser = app.browser();
  await browser.get(path);
  expect(browser.token).toBeDefined();
  return browser;
}

/** What of an answer tells whose it is. */
function told(reply: Reply): unknown {
  return [reply.status, reply.body, reply.header("x-seen"), reply.header("location"), reply.cookies];
}

/** Asks through the cache as each, twice, and compares with what comes without it, which what is said of caching does not change. */
async function sameAsDirect(
  site: Site,
  choices: readonly Readonly<Record<string, string>>[],
  browsers: readonly Browser[],
  method = "GET",
): Promise<void> {
  const direct = new Map<string, unknown>();
  for (const choice of choices) {
    for (const [index, browser] of [...browsers, ...browsers].entries()) {
      const ask = { method, headers: browser.cookieLines };
      const key = JSON.stringify({ ...choice, caching: "", who: index % browsers.length });
      if (!direct.has(key))
        direct.set(key, told(await site.app.send(pathOf({ ...choice, caching: "" }), ask)));
      const { reply } = await site.cache.send(pathOf(choice), ask);
      expect(told(reply), `${pathOf(choice)} as ${index}`).toEqual(direct.get(key));
    }
  }
}

function pathOf(choice: Readonly<Record<string, string>>, page = "/page"): string {
  return `${page}?${new URLSearchParams(choice).toString()}`;
}

for (const subject of SERVED) describe(`behind a shared cache, ${subject.name}`, () => suite(subject));

function suite(subject: AdapterSubject): void {
  const visitors = async (site: Site): Promise<Browser[]> => [
    await entered(site, "/login?user=ann"),
    await entered(site, "/login?user=bob"),
    await entered(site, "/cart"),
    site.app.browser(),
  ];

  test("row 8: no page that looked at a session is served to another, however it looked and whatever was said of caching", async () => {
    const site = await siteOf(subject);
    const browsers = await visitors(site);
    const caching = "public, for ten minutes";
    await sameAsDirect(
      site,
      Object.keys(LOOKS).map((look) => ({ look, caching, form: "text" })),
      browsers,
    );
    await sameAsDirect(
      site,
      Object.keys(CACHINGS).map((caching) => ({ look: "user", caching, form: "text" })),
      browsers,
    );
  });

  test("row 8: nor one in any form: piece by piece, a redirect, an error page, an error thrown, without a body, HEAD", async () => {
    const site = await siteOf(subject);
    const browsers = await visitors(site);
    const cachings = ["nothing", "ten minutes", "CDN-Cache-Control"];
    const choices = Object.keys(FORMS).flatMap((form) =>
      cachings.map((caching) => ({ look: "user", caching, form })),
    );
    await sameAsDirect(site, choices, browsers);
    await sameAsDirect(site, [{ look: "user", caching: "ten minutes", form: "text" }], browsers, "HEAD");
  });

  test("row 29: a page of a session that was ended is not served for its cookie from any cache (ASVS 7.4.1)", async () => {
    const site = await siteOf(subject);
    for (const caching of Object.keys(CACHINGS)) {
      const ann = await entered(site, "/login?user=ann");
      const guest = await entered(site, "/cart");
      const path = pathOf({ look: "data", caching, form: "text" });
      const dead = [ann.cookieLines, guest.cookieLines];
      for (const headers of dead) await site.cache.send(path, { headers });
      await ann.get("/logout");
      await guest.get("/logout");
      for (const headers of dead) {
        const { reply, from } = await site.cache.send(path, { headers });
        expect([caching, reply.body, from]).toEqual([caching, "null", "origin"]);
      }
    }
  });

  test("row 9: no cache keeps an answer that sets or revokes a cookie (CVE-2024-26144, CVE-2012-2671; OWASP S11)", async () => {
    const site = await siteOf(subject);
    for (const caching of Object.keys(CACHINGS)) {
      for (const page of ["/login", "/logout", "/fails"]) {
        const ann = await entered(site, "/login?user=ann");
        const path = pathOf({ caching, user: "ann" }, page);
        const first = await site.cache.send(path, { headers: ann.cookieLines });
        expect(first.reply.cookies, path).toHaveLength(1);
        const before = site.cache.size;
        const other = await site.cache.send(path);
        expect(other.from, path).toBe("origin");
        if (other.reply.cookies.length > 0) expect(site.cache.size).toBe(before);
      }
    }
  });

  test("row 8: a secret that is renewed on a page which looks at nothing reaches its own client alone (CVE-2023-30861)", async () => {
    for (const unchanged of [false, true]) {
      const site = await siteOf(subject);
      const ann = await entered(site, "/login?user=ann");
      for (const caching of ["public, for ten minutes", "nothing", "CDN-Cache-Control", "no-cache"]) {
        const path = pathOf({ caching }, "/public");
        await site.cache.send(path);
        site.clock.advance(HOUR / 4);
        site.state.unchanged = unchanged;
        const renewed = await site.cache.send(path, { headers: ann.cookieLines });
        expect(renewed.from).not.toBe("cache");
        expect(renewed.reply.cookies).toHaveLength(1);
        expect(renewed.reply.body).toBe("the same for all");
        ann.jar.take(renewed.reply.cookies, site.app.origin);
        for (let time = 0; time < 2; time += 1) {
          const other = await site.cache.send(path);
          expect([other.reply.cookies, other.reply.body]).toEqual([[], "the same for all"]);
        }
        site.state.unchanged = false;
        await ann.get(path);
      }
    }
  });

  test("row 8: a page that looks at nothing stays as cacheable as it was, for clients with sessions too", async () => {
    const site = await siteOf(subject);
    const browsers = await visitors(site);
    const path = pathOf({ caching: "public, for ten minutes" }, "/public");
    for (const [index, browser] of browsers.entries()) {
      const { reply, from } = await site.cache.send(path, { headers: browser.cookieLines });
      expect([from, reply.body, reply.cookies]).toEqual([
        index === 0 ? "origin" : "cache",
        "the same for all",
        [],
      ]);
    }
  });

  test("row 27: the answer to a logout clears the site's cookies and storage, not its cache (ASVS 14.3.1)", async () => {
    const site = await siteOf(subject);
    const ann = await entered(site, "/login?user=ann");
    const reply = await ann.get("/logout");
    expect(reply.header("clear-site-data")).toBe('"cookies", "storage"');
    expect(reply.header("cache-control")).toBe("no-store");
    expect((await site.app.send("/public")).header("clear-site-data")).toBeUndefined();
    expect(reply.cookies.filter((line) => line.startsWith(`${COOKIE}=;`))).toHaveLength(1);
  });
}
