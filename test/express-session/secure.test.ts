import { describe, expect, test } from "vitest";
import { type Ask } from "./support/client.ts";
import { type App, EXPRESSES, quiet, serve, serveApp, type Site } from "./support/site.ts";
import { put, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Options, Request, SessionModule } from "./support/types.ts";

const forwarded = (proto: string): Ask => ({ headers: { "x-forwarded-proto": proto } });

/** Stands in for Express, which says by `req.secure` what it makes of the connection. */
function saysSecure(req: Request): void {
  const said = req.headers["x-secure"];
  if (said !== undefined) Object.assign(req, { secure: said === "true" });
}

async function isSent(site: Site, ask: Ask = {}): Promise<boolean> {
  return (await site.get("/", ask)).cookie() !== undefined;
}

cases("a secure cookie", (session) => {
  function siteWith(proxy: boolean | undefined, options: Options = {}): Promise<Site> {
    const cookie = { secure: true };
    return serve(session, { proxy, cookie, saveUninitialized: true, ...options }, undefined, {
      before: saysSecure,
    });
  }

  test("is not sent over a plain connection", async () => {
    expect(await isSent(await siteWith(undefined))).toBe(false);
  });

  test("that is not sent still leaves a session to the handler, which is stored", async () => {
    const store = watched(session);
    const site = await serve(session, { store, cookie: { secure: true } }, (req, res) => {
      req.session.user = "ann";
      res.end(req.session.user);
    });
    const answer = await site.get();
    expect([answer.body, answer.setCookies.length]).toEqual(["ann", 0]);
    expect(store.taken()).toEqual(["set"]);
  });

  test("is sent over TLS", async () => {
    const site = await serve(session, { cookie: { secure: true }, saveUninitialized: true }, undefined, {
      secure: true,
    });
    expect((await site.get()).cookie()?.attributes["secure"]).toBe(true);
  });

  test.each([true, false, undefined])(
    "is sent over TLS with proxy %o, whatever a header says",
    async (proxy) => {
      const options = { proxy, cookie: { secure: true }, saveUninitialized: true };
      const site = await serve(session, options, undefined, { secure: true });
      expect(await isSent(site, forwarded("http"))).toBe(true);
    },
  );

  describe("with proxy true", () => {
    test.each(["https", "HTTPS", "https,http", "https , http", " https", "https,"])(
      "is sent when %o was forwarded",
      async (proto) => {
        expect(await isSent(await siteWith(true), forwarded(proto))).toBe(true);
      },
    );

    test.each(["http", "http,https", "", ",https", "httpss", "wss"])(
      "is not sent when %o was forwarded",
      async (proto) => {
        expect(await isSent(await siteWith(true), forwarded(proto))).toBe(false);
      },
    );

    test("is not sent when nothing is said", async () => {
      expect(await isSent(await siteWith(true))).toBe(false);
    });

    test("is not sent because of req.secure", async () => {
      expect(await isSent(await siteWith(true), { headers: { "x-secure": "true" } })).toBe(false);
    });

    test("is sent by the first of two headers", async () => {
      const ask = { headers: { "x-forwarded-proto": ["https", "http"] } };
      expect(await isSent(await siteWith(true), ask)).toBe(true);
    });
  });

  describe("with proxy false", () => {
    test("is not sent when https was forwarded", async () => {
      expect(await isSent(await siteWith(false), forwarded("https"))).toBe(false);
    });

    test("is not sent because of req.secure", async () => {
      const ask = { headers: { "x-forwarded-proto": "https", "x-secure": "true" } };
      expect(await isSent(await siteWith(false), ask)).toBe(false);
    });
  });

  describe("without proxy", () => {
    test("is not sent when https was forwarded", async () => {
      expect(await isSent(await siteWith(undefined), forwarded("https"))).toBe(false);
    });

    test("is sent when req.secure is true", async () => {
      expect(await isSent(await siteWith(undefined), { headers: { "x-secure": "true" } })).toBe(true);
    });

    test("is not sent when req.secure is false", async () => {
      const ask = { headers: { "x-forwarded-proto": "https", "x-secure": "false" } };
      expect(await isSent(await siteWith(undefined), ask)).toBe(false);
    });

    test("a req.secure that is not true itself does not count", async () => {
      const site = await serve(session, { cookie: { secure: true }, saveUninitialized: true }, undefined, {
        before: (req) => Object.assign(req, { secure: "yes" }),
      });
      expect(await isSent(site)).toBe(false);
    });
  });

  test("that is to be secure by the handler is not sent over a plain connection", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => {
      req.session.cookie.secure = true;
      res.end();
    });
    expect(await isSent(site)).toBe(false);
  });

  test("that is no longer secure by the handler is sent", async () => {
    const site = await serve(session, { saveUninitialized: true, cookie: { secure: true } }, (req, res) => {
      req.session.cookie.secure = false;
      res.end();
    });
    expect((await site.get()).cookie()?.attributes["secure"]).toBeUndefined();
    expect(await isSent(site)).toBe(true);
  });

  test("is read from a plain connection all the same", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: { secure: true }, user: "ann" });
    const site = await serve(session, { store, cookie: { secure: true } }, (req, res) =>
      res.end(req.session.user),
    );
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
  });
});

cases("an attribute that is auto", (session) => {
  async function attributes(
    options: Options,
    ask: Ask,
  ): Promise<Readonly<Record<string, string | true>> | undefined> {
    const site = await serve(session, { saveUninitialized: true, ...options }, undefined, {
      before: saysSecure,
    });
    return (await site.get("/", ask)).cookie()?.attributes;
  }

  const table: readonly [boolean | undefined, Ask, boolean, string][] = [
    [true, forwarded("https"), true, "https was forwarded"],
    [true, forwarded("http"), false, "http was forwarded"],
    [true, {}, false, "nothing is said"],
    [false, forwarded("https"), false, "https was forwarded"],
    [undefined, { headers: { "x-secure": "true" } }, true, "req.secure is true"],
    [undefined, { headers: { "x-secure": "false" } }, false, "req.secure is false"],
    [undefined, forwarded("https"), false, "https was forwarded"],
  ];

  test.each(table)("secure, with proxy %o, %o: %o, for %s", async (proxy, ask, secure) => {
    const found = await attributes({ proxy, cookie: { secure: "auto" } }, ask);
    expect(found?.["secure"]).toBe(secure || undefined);
    expect(found?.["path"]).toBe("/");
  });

  test.each(table)("sameSite, with proxy %o, %o: none is %o, for %s", async (proxy, ask, secure) => {
    const found = await attributes({ proxy, cookie: { sameSite: "auto" } }, ask);
    expect(found?.["samesite"]).toBe(secure ? "None" : "Lax");
  });

  test("both at once, over TLS", async () => {
    const options = { saveUninitialized: true, cookie: { secure: "auto", sameSite: "auto" } };
    const site = await serve(session, options, undefined, { secure: true });
    const found = (await site.get()).cookie()?.attributes;
    expect([found?.["secure"], found?.["samesite"]]).toEqual([true, "None"]);
  });

  test("is what it came out as on req.session.cookie, and in the store", async () => {
    const store = watched(session);
    const site = await serve(
      session,
      { store, saveUninitialized: true, cookie: { secure: "auto", sameSite: "auto" } },
      (req, res) => res.end(JSON.stringify([req.session.cookie.secure, req.session.cookie.sameSite])),
    );
    expect((await site.get()).body).toBe('[false,"lax"]');
  });

  test("is not settled where a function gave it: secure is then simply true", async () => {
    const cookie = (): Record<string, unknown> => ({ secure: "auto" });
    const site = await serve(session, { proxy: true, saveUninitialized: true, cookie });
    expect((await site.get()).setCookies).toEqual([]);
    expect((await site.get("/", forwarded("https"))).cookie()?.attributes["secure"]).toBe(true);
  });

  test("is not settled where a function gave it: sameSite is then no word", async () => {
    const cookie = (): Record<string, unknown> => ({ sameSite: "auto" });
    const site = await serve(session, { saveUninitialized: true, cookie });
    await site.get().catch(() => undefined);
    await expect.poll(() => site.errors[0]?.message).toMatch(/option sameSite is invalid/);
  });

  test("is settled anew by regenerate", async () => {
    const site = await serve(
      session,
      { proxy: true, saveUninitialized: true, cookie: { secure: "auto" } },
      (req, res) => req.session.regenerate(() => res.end()),
    );
    expect((await site.get("/", forwarded("https"))).cookie()?.attributes["secure"]).toBe(true);
  });

  test("a secure one of a known session is not sent over a plain connection", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/", secure: true } });
    const site = await serve(session, { store, rolling: true, cookie: { secure: "auto" } });
    expect((await site.get("/", { cookie: cookieOf("known") })).setCookies).toEqual([]);
  });
});

cases("trust proxy of Express", (session) => {
  function appOf(express: () => App, trust: unknown, module: SessionModule, options: Options): Promise<Site> {
    const app = express();
    app.set("trust proxy", trust);
    app.use(module(quiet({ saveUninitialized: true, ...options })));
    app.use((_req: Request, res: { end(): void }) => res.end());
    return serveApp(app);
  }

  describe.each(EXPRESSES)("in %s", (_, express) => {
    test("sends a secure cookie through a trusted proxy", async () => {
      const site = await appOf(express, 1, session, { cookie: { secure: true } });
      expect(await isSent(site, forwarded("https"))).toBe(true);
      expect(await isSent(site, forwarded("http"))).toBe(false);
    });

    test("sends none through a proxy that is not trusted", async () => {
      const site = await appOf(express, false, session, { cookie: { secure: true } });
      expect(await isSent(site, forwarded("https"))).toBe(false);
    });

    test("settles what is auto", async () => {
      const site = await appOf(express, true, session, { cookie: { secure: "auto" } });
      expect((await site.get("/", forwarded("https"))).cookie()?.attributes["secure"]).toBe(true);
      expect((await site.get("/", forwarded("http"))).cookie()?.attributes["secure"]).toBeUndefined();
    });

    test("does not count where proxy is false", async () => {
      const site = await appOf(express, true, session, { proxy: false, cookie: { secure: true } });
      expect(await isSent(site, forwarded("https"))).toBe(false);
    });

    test("is not needed where proxy is true", async () => {
      const site = await appOf(express, false, session, { proxy: true, cookie: { secure: true } });
      expect(await isSent(site, forwarded("https"))).toBe(true);
    });
  });
});
