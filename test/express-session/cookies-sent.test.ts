import { describe, expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { inFuture, MINUTE, stoppedTime } from "./support/time.ts";
import type { Options, Request, Response } from "./support/types.ts";

type CookieOptions = Extract<Options["cookie"], object>;

cases("an attribute of the cookie", (session) => {
  async function attributes(
    cookie: CookieOptions,
    path = "/",
  ): Promise<Readonly<Record<string, string | true>>> {
    const site = await serve(session, { cookie, saveUninitialized: true });
    const { setCookies } = await site.get(path);
    expect(setCookies).toHaveLength(1);
    return setCookies[0]?.attributes ?? {};
  }

  test("by default it has a path and is for HTTP only", async () => {
    expect(await attributes({})).toEqual({ path: "/", httponly: true });
  });

  const each: readonly [string, CookieOptions, Readonly<Record<string, string | true>>][] = [
    ["domain", { domain: "example.test" }, { domain: "example.test" }],
    ["priority low", { priority: "low" }, { priority: "Low" }],
    ["priority medium", { priority: "medium" }, { priority: "Medium" }],
    ["priority high", { priority: "high" }, { priority: "High" }],
    ["partitioned", { partitioned: true }, { partitioned: true }],
    ["partitioned false", { partitioned: false }, {}],
    ["sameSite true", { sameSite: true }, { samesite: "Strict" }],
    ["sameSite strict", { sameSite: "strict" }, { samesite: "Strict" }],
    ["sameSite lax", { sameSite: "lax" }, { samesite: "Lax" }],
    ["sameSite none", { sameSite: "none" }, { samesite: "None" }],
    ["sameSite in capitals", { sameSite: "LAX" }, { samesite: "Lax" }],
    ["sameSite false", { sameSite: false }, {}],
    ["secure false", { secure: false }, {}],
    ["an option nobody knows", { unheard: "of" }, {}],
  ];

  test.each(each)("%s", async (_, cookie, expected) => {
    expect(await attributes(cookie)).toEqual({ path: "/", httponly: true, ...expected });
  });

  test("httpOnly false", async () => {
    expect(await attributes({ httpOnly: false })).toEqual({ path: "/" });
  });

  test("path", async () => {
    expect(await attributes({ path: "/admin" }, "/admin")).toEqual({ path: "/admin", httponly: true });
  });

  test("maxAge, which becomes a moment", async () => {
    stoppedTime();
    expect(await attributes({ maxAge: MINUTE })).toEqual({
      path: "/",
      expires: inFuture(MINUTE),
      httponly: true,
    });
  });

  test("expires", async () => {
    const expires = new Date(Date.UTC(2040, 0, 1));
    expect(await attributes({ expires })).toEqual({
      path: "/",
      expires: expires.toUTCString(),
      httponly: true,
    });
  });

  test("of expires and maxAge the one that comes last counts", async () => {
    stoppedTime();
    const expires = new Date(Date.UTC(2040, 0, 1));
    expect((await attributes({ expires, maxAge: MINUTE }))["expires"]).toBe(inFuture(MINUTE));
    expect((await attributes({ maxAge: MINUTE, expires }))["expires"]).toBe(expires.toUTCString());
  });

  test("all of them stand in the order that express-session has", async () => {
    const expires = new Date(Date.UTC(2040, 0, 1));
    const cookie = {
      path: "/",
      domain: "example.test",
      expires,
      priority: "high",
      sameSite: "lax",
      partitioned: true,
      secure: true,
    };
    const site = await serve(session, { cookie, proxy: true, saveUninitialized: true, genid: () => "apple" });
    const answer = await site.get("/", { headers: { "x-forwarded-proto": "https" } });
    expect(answer.setCookies.map(({ line }) => line)).toEqual([
      "connect.sid=s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU; Domain=example.test; Path=/; " +
        "Expires=Sun, 01 Jan 2040 00:00:00 GMT; HttpOnly; Secure; Partitioned; Priority=High; SameSite=Lax",
    ]);
  });

  const invalid: readonly [string, CookieOptions, RegExp][] = [
    ["a moment that is none", { expires: new Date(Number.NaN) }, /option expires is invalid/],
    ["a domain that is none", { domain: "a;b" }, /option domain is invalid/],
    ["a priority that is none", { priority: "urgent" }, /option priority is invalid/],
    ["a sameSite that is none", { sameSite: "maybe" }, /option sameSite is invalid/],
  ];

  test.each(invalid)("%s is an error that reaches the application", async (_, cookie, message) => {
    const site = await serve(session, { cookie, saveUninitialized: true });
    await site.get().catch(() => undefined);
    await expect.poll(() => site.errors.length).toBeGreaterThan(0);
    expect(site.errors[0]?.message).toMatch(message);
  });
});

cases("an attribute that a handler sets", (session) => {
  test("goes before the options", async () => {
    const cookie = { httpOnly: false, maxAge: 5000, path: "/admin", priority: "high", secure: true };
    const site = await serve(session, { cookie, saveUninitialized: true }, (req, res) => {
      req.session.cookie.secure = false;
      req.session.cookie.httpOnly = true;
      req.session.cookie.sameSite = "strict";
      res.end();
    });
    const { expires, ...rest } = (await site.get("/admin")).cookie()?.attributes ?? {};
    expect(expires).toBeTypeOf("string");
    expect(rest).toEqual({ path: "/admin", httponly: true, priority: "High", samesite: "Strict" });
  });

  test("of one request is not another's", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => {
      if (req.url === "/domain") req.session.cookie.domain = "example.test";
      res.end();
    });
    expect((await site.get("/domain")).cookie()?.attributes["domain"]).toBe("example.test");
    expect((await site.get("/")).cookie()?.attributes["domain"]).toBeUndefined();
  });

  test("is kept with the session", async () => {
    const site = await serve(session, { rolling: true }, (req, res) => {
      if (req.url === "/first") req.session.cookie.priority = "high";
      req.session.user = "ann";
      res.end();
    });
    const again = await site.get("/", { cookie: await site.get("/first") });
    expect(again.cookie()?.attributes["priority"]).toBe("High");
  });

  test("may be a whole new cookie", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => {
      req.session.cookie = new session.Cookie({ path: "/", sameSite: "lax" });
      res.end();
    });
    expect((await site.get()).cookie()?.attributes).toEqual({ path: "/", httponly: true, samesite: "Lax" });
  });
});

cases("cookie options that are a function", (session) => {
  test("are asked with the request", async () => {
    const site = await serve(session, {
      saveUninitialized: true,
      cookie: (req: Request) => ({ path: "/", domain: `${req.headers["x-tenant"]}.test` }),
    });
    const answer = await site.get("/", { headers: { "x-tenant": "acme" } });
    expect(answer.cookie()?.attributes).toEqual({ path: "/", domain: "acme.test", httponly: true });
  });

  test("are asked anew for each request", async () => {
    let asked = 0;
    const site = await serve(session, {
      saveUninitialized: true,
      cookie: () => ({ domain: `d${(asked += 1)}.test` }),
    });
    const one = (await site.get()).cookie()?.attributes["domain"];
    const two = (await site.get()).cookie()?.attributes["domain"];
    expect(one).not.toBe(two);
  });

  test("may give a path by which requests pass by", async () => {
    const site = await serve(
      session,
      { saveUninitialized: true, cookie: (req: Request) => ({ path: req.url === "/in" ? "/in" : "/other" }) },
      (req, res) => res.end(typeof req.session),
    );
    expect((await site.get("/in")).cookie()?.attributes["path"]).toBe("/in");
    expect((await site.get("/out")).body).toBe("undefined");
  });

  test("may give a cookie that is secure", async () => {
    const site = await serve(session, {
      saveUninitialized: true,
      proxy: true,
      cookie: () => ({ secure: true, maxAge: MINUTE }),
    });
    const answer = await site.get("/", { headers: { "x-forwarded-proto": "https" } });
    expect(answer.cookie()?.attributes["secure"]).toBe(true);
    expect((await site.get()).setCookies).toEqual([]);
  });

  test("do not change the cookie of a session that is known", async () => {
    let domain = "first.test";
    const site = await serve(session, { rolling: true, cookie: () => ({ domain }) }, (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const first = await site.get();
    domain = "second.test";
    const again = await site.get("/", { cookie: first });
    expect(again.cookie()?.attributes["domain"]).toBe("first.test");
  });

  test("that throw fail the request", async () => {
    const site = await serve(session, {
      cookie: () => {
        throw new Error("no options today");
      },
    });
    const answer = await site.get();
    expect([answer.status, answer.body]).toEqual([500, "no options today"]);
  });
});

cases("the path of the cookie", (session) => {
  function siteUnder(path: string, before?: (req: Request) => void): Promise<Site> {
    return serve(
      session,
      { cookie: { path }, saveUninitialized: true },
      (req, res) => res.end(typeof req.session),
      before === undefined ? {} : { before },
    );
  }

  test.each(["/foo/bar", "/foo/bar/baz", "/foo/bar?a=b", "/foo/barn"])("takes in %s", async (path) => {
    const answer = await (await siteUnder("/foo/bar")).get(path);
    expect(answer.body).toBe("object");
    expect(answer.cookie()?.attributes["path"]).toBe("/foo/bar");
  });

  test.each(["/", "/foo", "/bar", "/?/foo/bar", "/FOO/BAR", "/baz/foo/bar"])(
    "leaves out %s",
    async (path) => {
      const answer = await (await siteUnder("/foo/bar")).get(path);
      expect(answer.body).toBe("undefined");
      expect(answer.setCookies).toEqual([]);
    },
  );

  test("is not told by the host", async () => {
    const site = await siteUnder("/foo/bar");
    const answer = await site.get("/", { headers: { host: "http://foo/bar" } });
    expect(answer.setCookies).toEqual([]);
  });

  test("is compared with the address that came, wherever the middleware is mounted", async () => {
    const site = await siteUnder("/foo/bar", (req) => {
      if (req.url?.startsWith("/foo") !== true) return;
      req.originalUrl = req.url;
      req.url = req.url.slice("/foo".length);
    });
    expect((await site.get("/foo/bar")).cookie()).toBeDefined();
    expect((await site.get("/foo/foo/bar")).setCookies).toEqual([]);
  });

  test("a request that is left out asks no store", async () => {
    const store = watched(session);
    const site = await serve(session, { store, cookie: { path: "/admin" } });
    await site.get("/", { cookie: cookieOf("known") });
    expect(store.calls).toEqual([]);
  });

  test("an absolute address in the request line is judged by its path", async () => {
    const site = await siteUnder("/foo");
    expect((await site.get("http://elsewhere.test/foo")).body).toBe("object");
    expect((await site.get("http://foo/bar")).body).toBe("undefined");
  });
});

cases("cookies beside the session's", (session) => {
  const both = ["previous", "connect.sid"];

  function siteThat(act: (res: Response) => unknown): Promise<Site> {
    return serve(session, { saveUninitialized: true }, (_req, res) => act(res));
  }

  describe("are kept, and come first", () => {
    test("set as a text", async () => {
      const site = await siteThat((res) => {
        res.setHeader("Set-Cookie", "previous=1");
        res.end();
      });
      expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(both);
    });

    test("set as a list", async () => {
      const site = await siteThat((res) => {
        res.setHeader("Set-Cookie", ["previous=1", "another=2"]);
        res.end();
      });
      const names = (await site.get()).setCookies.map(({ name }) => name);
      expect(names).toEqual(["previous", "another", "connect.sid"]);
    });

    test("appended", async () => {
      const site = await siteThat((res) => {
        res.appendHeader("Set-Cookie", "previous=1");
        res.end();
      });
      expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(both);
    });

    test("given to writeHead in an object", async () => {
      const site = await siteThat((res) => res.writeHead(200, { "Set-Cookie": "previous=1" }).end());
      expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(both);
    });

    test("given to writeHead in an object, as a list", async () => {
      const site = await siteThat((res) => res.writeHead(200, { "Set-Cookie": ["previous=1", "b=2"] }).end());
      const names = (await site.get()).setCookies.map(({ name }) => name);
      expect(names).toEqual(["previous", "b", "connect.sid"]);
    });

    test("given to writeHead with a reason and an object", async () => {
      const site = await siteThat((res) => res.writeHead(200, "Fine", { "set-cookie": "previous=1" }).end());
      expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(both);
    });

    test("given to writeHead in a flat list", async () => {
      const site = await siteThat((res) => res.writeHead(200, ["Set-Cookie", "previous=1"]).end());
      expect((await site.get()).setCookies.map(({ name }) => name)).toEqual(both);
    });
  });
});
