import { describe, expect, test } from "vitest";
import { serve } from "./support/site.ts";
import { count, put, stored, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf, signed } from "./support/signing.ts";
import type { Request, Response } from "./support/types.ts";

function counting(req: Request, res: Response): void {
  req.session.count = (req.session.count ?? 0) + 1;
  res.end(`visit ${req.session.count}`);
}

cases("a new session", (session) => {
  test("that is written to is stored and gets a cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, counting);
    const answer = await site.get();
    expect(answer.status).toBe(200);
    expect(answer.body).toBe("visit 1");
    expect(answer.cookie()?.line).toMatch(/^connect\.sid=s%3A[\w-]{32}\.[^;]+; Path=\/; HttpOnly$/);
    expect(store.calls).toEqual([`set ${answer.sid()}`]);
  });

  test("is not stored and gets no cookie while nothing is written to it", async () => {
    const store = watched(session);
    const site = await serve(session, { store });
    const answer = await site.get();
    expect(answer.setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });

  test("is stored all the same with saveUninitialized", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true });
    const answer = await site.get();
    expect(store.calls).toEqual([`set ${answer.sid()}`]);
  });

  test("is stored all the same where saveUninitialized was left out", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: undefined as never });
    expect((await site.get()).cookie()).toBeDefined();
    expect(store.taken()).toEqual(["set"]);
  });

  test("is stored with its fields and its cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, counting);
    expect(await stored(store, (await site.get()).sid())).toEqual({
      cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: "/" },
      count: 1,
    });
  });

  test("has an id of 24 random bytes", async () => {
    const site = await serve(session, {}, (req, res) => res.end(req.sessionID));
    const ids = await Promise.all([site.get(), site.get(), site.get()]);
    for (const { body } of ids) expect(body).toMatch(/^[\w-]{32}$/);
    expect(new Set(ids.map(({ body }) => body)).size).toBe(3);
  });

  test("is one for each visitor", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, counting);
    const answers = await Promise.all([site.get(), site.get()]);
    expect(answers.map(({ body }) => body)).toEqual(["visit 1", "visit 1"]);
    expect(await count(store)).toBe(2);
  });

  test("comes for a request without a path", async () => {
    const site = await serve(session, {}, counting, { before: (req) => (req.url = "") });
    expect((await site.get()).cookie()).toBeDefined();
  });

  test("the middleware goes on at once where no cookie came", () => {
    let went = false;
    const middleware = session({ secret: "s", resave: false, saveUninitialized: false });
    const req = { headers: {}, url: "/" } as Request;
    middleware(req, { end() {}, write() {}, writeHead() {} } as unknown as Response, () => (went = true));
    expect(went).toBe(true);
    expect(req.session.id).toBe(req.sessionID);
  });
});

cases("a session that is known", (session) => {
  test("is found by its cookie", async () => {
    const site = await serve(session, {}, counting);
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("visit 2");
    expect((await site.get("/", { cookie: first })).body).toBe("visit 3");
  });

  test("keeps its id", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => res.end(req.sessionID));
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe(first.body);
    expect(first.sid()).toBe(first.body);
  });

  test("gets no new cookie by being read", async () => {
    const site = await serve(session, { saveUninitialized: true });
    const again = await site.get("/", { cookie: await site.get() });
    expect(again.setCookies).toEqual([]);
  });

  test("is read once from the store", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, counting);
    const first = await site.get();
    store.taken();
    await site.get("/", { cookie: first });
    expect(store.taken()).toEqual(["get", "set"]);
  });

  test("is told by the value of the cookie alone, whatever else comes along", async () => {
    const site = await serve(session, {}, counting);
    const first = await site.get();
    const cookie = `a=1; connect.sid=${first.cookie()?.value}; b=2`;
    expect((await site.get("/", { cookie })).body).toBe("visit 2");
  });

  test("shows fields as they were written", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, items: ["a", "ü", "🍎"], deep: { er: null } });
    const site = await serve(session, { store }, (req, res) =>
      res.end(JSON.stringify([req.session.items, req.session["deep"]])),
    );
    const { body } = await site.get("/", { cookie: cookieOf("known") });
    expect(JSON.parse(body)).toEqual([["a", "ü", "🍎"], { er: null }]);
  });

  test("is new again, under a new id, when the store does not have it", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, counting);
    const first = await site.get();
    await new Promise<void>((resolve) => store.clear(() => resolve()));
    const second = await site.get("/", { cookie: first });
    expect(second.body).toBe("visit 1");
    expect(second.cookie()).toBeDefined();
    expect(second.sid()).not.toBe(first.sid());
  });

  test("an id that a client made up is never taken over, even when signed", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) => res.end(req.sessionID));
    expect((await site.get("/", { cookie: cookieOf("made-up") })).body).not.toBe("made-up");
  });

  test("stays without a cookie when the store does not have it and nothing is written", async () => {
    const store = watched(session);
    const site = await serve(session, { store });
    const answer = await site.get("/", { cookie: cookieOf("gone") });
    expect(answer.setCookies).toEqual([]);
    expect(store.taken()).toEqual(["get"]);
  });
});

cases("what the request has", (session) => {
  test("req.sessionID is req.session.id", async () => {
    const site = await serve(session, {}, (req, res) => res.end(String(req.session.id === req.sessionID)));
    expect((await site.get()).body).toBe("true");
  });

  test("req.session.id cannot be changed", async () => {
    const site = await serve(session, {}, (req, res) => {
      const { id } = req.session;
      expect(() => Object.assign(req.session, { id: "other" })).toThrow(TypeError);
      res.end(String(req.session.id === id));
    });
    expect((await site.get()).body).toBe("true");
  });

  test("req.session is a Session of this module", async () => {
    const site = await serve(session, {}, (req, res) =>
      res.end(String(req.session instanceof session.Session)),
    );
    expect((await site.get()).body).toBe("true");
  });

  test("req.session.cookie is a Cookie of this module", async () => {
    const site = await serve(session, { saveUninitialized: true }, (req, res) =>
      res.end(String(req.session.cookie instanceof session.Cookie)),
    );
    const first = await site.get();
    expect([first.body, (await site.get("/", { cookie: first })).body]).toEqual(["true", "true"]);
  });

  test("req.session.req is the request", async () => {
    const site = await serve(session, {}, (req, res) => res.end(String(req.session["req"] === req)));
    expect((await site.get()).body).toBe("true");
  });

  test("req.sessionStore is the store that was given", async () => {
    const store = new session.MemoryStore();
    const site = await serve(session, { store }, (req, res) => res.end(String(req.sessionStore === store)));
    expect((await site.get()).body).toBe("true");
  });

  test("req.sessionStore.generate makes a new session of the request", async () => {
    const site = await serve(session, {}, (req, res) => {
      const { id } = req.session;
      req.sessionStore.generate(req);
      res.end(JSON.stringify([req.session.id !== id, req.session.id === req.sessionID]));
    });
    expect((await site.get()).body).toBe("[true,true]");
  });

  test("a session that is there already is left alone", async () => {
    const store = watched(session);
    const there = { mine: true };
    const site = await serve(
      session,
      { store, saveUninitialized: true },
      (req, res) => res.end(String((req.session as unknown) === there && req.sessionStore === undefined)),
      { before: (req) => Object.assign(req, { session: there }) },
    );
    const answer = await site.get("/", { cookie: cookieOf("x") });
    expect(answer.body).toBe("true");
    expect(answer.setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });
});

cases("genid", (session) => {
  test("makes the id", async () => {
    const site = await serve(session, { saveUninitialized: true, genid: () => "apple" });
    expect((await site.get()).cookie()?.value).toBe(
      "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU",
    );
  });

  test("gets the request", async () => {
    const site = await serve(session, { saveUninitialized: true, genid: (req: Request) => req.url });
    expect((await site.get("/foo")).sid()).toBe("/foo");
  });

  test("may make what has to be encoded", async () => {
    const site = await serve(session, { saveUninitialized: true, genid: () => "%" });
    expect((await site.get()).cookie()?.value).toBe("s%3A%25.kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa%2FOTZ01g");
  });

  test("may make an id with dots in it, which comes back", async () => {
    const site = await serve(session, { genid: () => "a.b.c" }, counting);
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("visit 2");
  });

  test("may make an id beyond ASCII, which comes back", async () => {
    const site = await serve(session, { genid: () => "sitzung-ü-🍎" }, counting);
    const first = await site.get();
    expect(first.cookie()?.value).toBe(signed("sitzung-ü-🍎"));
    expect((await site.get("/", { cookie: first })).body).toBe("visit 2");
  });

  test("is asked once for a new session and never for a known one", async () => {
    let asked = 0;
    const site = await serve(session, { genid: () => `id-${(asked += 1)}` }, counting);
    const first = await site.get();
    await site.get("/", { cookie: first });
    expect(asked).toBe(1);
  });

  test("is asked again by regenerate", async () => {
    let asked = 0;
    const site = await serve(session, { genid: () => `id-${(asked += 1)}` }, (req, res) =>
      req.session.regenerate(() => res.end(req.sessionID)),
    );
    expect((await site.get()).body).toBe("id-2");
  });

  test("finds what it needs on the request, also the store", async () => {
    const site = await serve(
      session,
      { genid: (req: Request) => String(req.sessionStore instanceof session.Store) },
      (req, res) => res.end(req.sessionID),
    );
    expect((await site.get()).body).toBe("true");
  });

  describe("that fails", () => {
    test("hands its error on where the store was asked before", async () => {
      const site = await serve(session, {
        genid: () => {
          throw new Error("no more ids");
        },
      });
      const answer = await site.get("/", { cookie: cookieOf("gone") });
      expect([answer.status, answer.body]).toEqual([500, "no more ids"]);
    });

    test("fails the request that has no cookie, too", async () => {
      const site = await serve(session, {
        genid: () => {
          throw new Error("no more ids");
        },
      });
      const answer = await site.get();
      expect([answer.status, answer.body]).toEqual([500, "no more ids"]);
    });
  });

  test("an id that is no text makes a session that is neither stored nor sent", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true, genid: () => 42 }, counting);
    const answer = await site.get();
    expect(answer.body).toBe("visit 1");
    expect(answer.setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });
});

cases("a session id that a handler puts on the request", (session) => {
  test("that is no text keeps the session from being stored and sent", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true }, (req, res) => {
      Object.assign(req, { sessionID: () => "function" });
      req.session.user = "ann";
      res.end();
    });
    expect((await site.get()).setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });
});
