import { inspect } from "node:util";
import { expect, test } from "vitest";
import { sendRaw } from "./support/client.ts";
import { serve, type Site } from "./support/site.ts";
import { count, put, stored, watched } from "./support/stores.ts";
import { cases, SUBJECTS } from "./support/subjects.ts";
import { cookieOf, signed } from "./support/signing.ts";
import { MINUTE, stoppedTime } from "./support/time.ts";
import type { Request, Response } from "./support/types.ts";

cases("an id that is always the same", (session) => {
  test("is stored again after regenerate", async () => {
    const store = watched(session);
    const site = await serve(session, { store, genid: () => "same" }, (req, res) => {
      req.session.user = "before";
      req.session.regenerate(() => {
        req.session.user = "after";
        res.end();
      });
    });
    await site.get();
    expect((await stored(store, "same"))?.["user"]).toBe("after");
  });

  test("is stored again after it was destroyed", async () => {
    const store = watched(session);
    const site = await serve(session, { store, genid: () => "same" }, (req, res) => {
      if (req.url === "/out") return req.session.destroy(() => res.end());
      req.session.count = (req.session.count ?? 0) + 1;
      return res.end(String(req.session.count));
    });
    const first = await site.get();
    await site.get("/", { cookie: first });
    await site.get("/out", { cookie: first });
    expect((await site.get("/", { cookie: first })).body).toBe("1");
    expect((await stored(store, "same"))?.["count"]).toBe(1);
  });
});

cases("a session that a handler makes by hand", (session) => {
  test("after destroy, by generate, is stored and sent", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      req.session.destroy(() => {
        req.sessionStore.generate(req);
        req.session.user = "new";
        res.end(req.sessionID);
      });
    });
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect(answer.sid()).toBe(answer.body);
    expect((await stored(store, answer.body))?.["user"]).toBe("new");
    expect(await count(store)).toBe(1);
  });

  test("after destroy, by regenerate of the store, is stored and sent", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      req.session.destroy(() =>
        req.sessionStore.regenerate(req, () => {
          req.session.user = "new";
          res.end();
        }),
      );
    });
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect((await stored(store, answer.sid()))?.["user"]).toBe("new");
  });

  test("by createSession takes the place of the request's", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      req.sessionID = "by-hand";
      req.sessionStore.createSession(req, { cookie: { path: "/" }, user: "made" });
      res.end();
    });
    const answer = await site.get();
    expect(answer.cookie()?.value).toBe(signed("by-hand"));
    expect((await stored(store, "by-hand"))?.["user"]).toBe("made");
  });

  test("of another request, loaded from the store, can be changed and saved", async () => {
    const store = watched(session);
    await put(store, "other", { cookie: {}, user: "bob" });
    const site = await serve(session, { store }, (req, res) => {
      req.sessionStore.load("other", (_error, loaded) => {
        if (loaded === undefined) return res.end("none");
        loaded.user = "banned";
        loaded.save(() => res.end("done"));
      });
    });
    expect((await site.get()).body).toBe("done");
    expect((await stored(store, "other"))?.["user"]).toBe("banned");
  });

  test("of another request can be destroyed by the store", async () => {
    const store = watched(session);
    await put(store, "other", { cookie: {}, user: "bob" });
    const site = await serve(session, { store }, (req, res) => {
      req.sessionStore.destroy("other", () => res.end("done"));
    });
    await site.get();
    expect(await stored(store, "other")).toBeUndefined();
  });

  test("of another request can be set in the store", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => res.end(req.session.user));
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
    await put(store, "known", { cookie: {}, user: "set from outside" });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("set from outside");
  });
});

cases("req.session.cookie that is a plain object", (session) => {
  test("sends a cookie without attributes", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => {
      Object.assign(req.session, { cookie: { maxAge: 1000, path: "/" } });
      res.end();
    });
    const answer = await site.get();
    expect(answer.status).toBe(200);
    expect(answer.cookie()?.attributes).toEqual({});
  });
});

cases("the address of a request", (session) => {
  function siteAt(): Promise<Site> {
    return serve(session, { saveUninitialized: true }, (req, res) => res.end(typeof req.session));
  }

  test.each(["//foo/bar", "/foo#bar", "/?", "/%", "/a%20b?c=/d"])("%s has a session", async (path) => {
    const site = await siteAt();
    const text = await sendRaw(site.origin, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(text).toMatch(/object/);
  });

  test("* has none", async () => {
    const site = await siteAt();
    const text = await sendRaw(site.origin, "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(text).toMatch(/undefined/);
  });

  test("an absolute one without a path has a session", async () => {
    const site = await siteAt();
    const request = "GET http://a.test HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    expect(await sendRaw(site.origin, request)).toMatch(/object/);
  });
});

cases("options in odd ways", (session) => {
  test.each([1, "yes", {}, null, 0])("proxy %o is as if nothing was said", async (proxy) => {
    const options = { proxy: proxy as never, cookie: { secure: true }, saveUninitialized: true };
    const site = await serve(session, options, undefined, {
      before: (req) => Object.assign(req, { secure: req.url === "/secure" }),
    });
    const headers = { "x-forwarded-proto": "https" };
    expect((await site.get("/", { headers })).setCookies).toHaveLength(0);
    expect((await site.get("/secure")).setCookies).toHaveLength(1);
  });

  test("a list of secrets may grow while the site runs", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const secret = ["one"];
    const site = await serve(session, { store, secret }, (req, res) => res.end(String(req.session.user)));
    const cookie = cookieOf("known", "two");
    expect((await site.get("/", { cookie })).body).toBe("undefined");
    secret.unshift("two");
    expect((await site.get("/", { cookie })).body).toBe("ann");
  });

  test("cookie options may change while the site runs", async () => {
    const cookie: { maxAge?: number; domain?: string } = {};
    const site = await serve(session, { cookie, saveUninitialized: true });
    cookie.domain = "later.test";
    expect((await site.get()).cookie()?.attributes["domain"]).toBe("later.test");
  });

  test.each([null, "", 0, false])("cookie options of %o are none", async (cookie) => {
    const site = await serve(session, { cookie: cookie as never, saveUninitialized: true });
    expect((await site.get()).cookie()?.attributes).toEqual({ path: "/", httponly: true });
  });

  test.each([null, "", 0, false])("a genid of %o is none", async (genid) => {
    const site = await serve(session, { genid, saveUninitialized: true });
    expect((await site.get()).sid()).toMatch(/^[\w-]{32}$/);
  });

  test("a path of the cookie that is empty is the whole site, and not named", async () => {
    const site = await serve(session, { cookie: { path: "" }, saveUninitialized: true });
    expect((await site.get("/any")).cookie()?.attributes).toEqual({ httponly: true });
  });

  test("a resave of null is no resave, and not deprecated", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    store.taken();
    const site = await serve(session, { store, resave: null as never });
    await site.get("/", { cookie: cookieOf("known") });
    expect(store.taken()).toEqual(["get", "touch"]);
  });

  test("one store may serve two middlewares with other options", async () => {
    const store = watched(session);
    const handler = (req: Request, res: Response): unknown => res.end((req.session.user ??= "ann"));
    const one = await serve(session, { store, name: "one" }, handler);
    const two = await serve(session, { store, name: "two", secret: "other" }, handler);
    const [first, second] = [await one.get(), await two.get()];
    expect(first.setCookies.map(({ name }) => name)).toEqual(["one"]);
    expect(second.setCookies.map(({ name }) => name)).toEqual(["two"]);
    expect(await count(store)).toBe(2);
  });
});

cases("a session that is looked at", (session) => {
  test("by util.inspect is called Session, and does not show the request", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end(inspect(req.session));
    });
    const { body } = await site.get();
    expect(body).toMatch(/^Session \{/);
    expect(body).toContain("user: 'ann'");
    expect(body).not.toMatch(/IncomingMessage|sessionStore/);
  });

  test("has no symbols and no hidden names among what is copied", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      const copy = Object.assign({}, req.session);
      res.end(JSON.stringify([Reflect.ownKeys(copy).map(String).sort()]));
    });
    expect((await site.get()).body).toBe('[["cookie","user"]]');
  });

  test("has a cookie whose own names are those of express-session", async () => {
    const site = await serve(session, {}, (req, res) =>
      res.end(Object.keys(req.session.cookie).sort().join()),
    );
    expect((await site.get()).body).toBe("_expires,httpOnly,originalMaxAge,path");
  });
});

cases("a session that expires while its request is under way", (session) => {
  test("is prolonged by that request, and keeps its change", async () => {
    const time = stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.count = (req.session.count ?? 0) + 1;
      if (req.session.count === 2) time.pass(10);
      res.end(String(req.session.count));
    });
    const cookie = await site.get();
    time.pass(MINUTE - 5);
    expect((await site.get("/", { cookie })).body).toBe("2");
    expect((await site.get("/", { cookie })).body).toBe("3");
  });
});

cases("the original age", (session) => {
  test("stays as it is in a store that makes a Cookie of what it reads", async () => {
    const time = stoppedTime();
    const store = watched(session);
    const { get } = store;
    store.get = (id, done) =>
      get.call(store, id, (error, found) => {
        if (!found) return done(error, found);
        const cookie = new session.Cookie(found.cookie);
        if (typeof cookie.expires === "string") cookie.expires = new Date(cookie.expires);
        cookie.originalMaxAge = found.cookie["originalMaxAge"] as number;
        return done(error, { ...found, cookie: cookie as never });
      });
    const options = { store, cookie: { maxAge: MINUTE }, saveUninitialized: true };
    const site = await serve(session, options, (req, res) =>
      res.end(String(req.session.cookie.originalMaxAge)),
    );
    const cookie = await site.get();
    time.pass(10_000);
    expect((await site.get("/", { cookie })).body).toBe(String(MINUTE));
    time.pass(10_000);
    expect((await site.get("/", { cookie })).body).toBe(String(MINUTE));
  });

  test("may be set by the handler for a session that is to live longer", async () => {
    stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, rolling: true, cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.user = "ann";
      if (req.url === "/remember") req.session.cookie.originalMaxAge = 2 * MINUTE;
      res.end();
    });
    const first = await site.get("/remember");
    expect((await stored(store, first.sid()))?.cookie["originalMaxAge"]).toBe(2 * MINUTE);
  });
});

// A suite that ran against one of them alone would look whole.
test("every case is run against both", () => {
  expect(Object.keys(SUBJECTS)).toEqual(["express-session 1.19", "holdfast/express-session"]);
});
