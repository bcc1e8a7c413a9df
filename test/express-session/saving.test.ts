import { describe, expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { count, put, stored, synchronousStore, watch, watched, type WatchedStore } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { MINUTE, stoppedTime } from "./support/time.ts";
import type { Options, Request, Response } from "./support/types.ts";

cases("what is stored of a known session", (session) => {
  async function callsOf(
    act: (req: Request) => unknown,
    options: Options = {},
    fields: object = { user: "ann", items: ["a"], deep: { er: { yet: 1 } } },
  ): Promise<string[]> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, ...fields });
    store.taken();
    const site = await serve(session, { store, ...options }, (req, res) => {
      act(req);
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    return store.taken();
  }

  test("nothing but a touch when nothing changed", async () => {
    expect(await callsOf(() => undefined)).toEqual(["get", "touch"]);
  });

  const changes: Readonly<Record<string, (req: Request) => unknown>> = {
    "a new field": (req) => (req.session["fresh"] = 1),
    "a changed field": (req) => (req.session.user = "bob"),
    "a deleted field": (req) => delete req.session.user,
    "a changed value within": (req) => ((req.session["deep"] as { er: { yet: number } }).er.yet = 2),
    "an item that was added": (req) => req.session.items?.push("b"),
    "an item that was replaced": (req) => (req.session.items = ["b"]),
    "another order of fields": (req) => {
      const { user } = req.session;
      delete req.session.user;
      req.session.user = user ?? "";
    },
    "a field named cookie further down": (req) => (req.session["deep"] = { cookie: 1 }),
    "null for a value": (req) => (req.session["user"] = null as never),
  };

  test.each(Object.entries(changes))("all of it for %s", async (_, act) => {
    expect(await callsOf(act)).toEqual(["get", "set"]);
  });

  const none: Readonly<Record<string, (req: Request) => unknown>> = {
    "a field that is set to what it was": (req) => (req.session.user = "ann"),
    "an equal copy of a value": (req) => (req.session["deep"] = structuredClone(req.session["deep"])),
    "a field that is undefined": (req) => (req.session["none"] = undefined),
    "a field that is a function": (req) => (req.session["act"] = () => 1),
    "a change that was undone": (req) => {
      req.session.items?.push("b");
      req.session.items?.pop();
    },
    "another cookie": (req) => (req.session.cookie.httpOnly = false),
  };

  test.each(Object.entries(none))("nothing for %s", async (_, act) => {
    expect(await callsOf(act)).toEqual(["get", "touch"]);
  });

  test("all of it, always, with resave", async () => {
    expect(await callsOf(() => undefined, { resave: true })).toEqual(["get", "set"]);
  });

  test("all of it, always, where resave was left out", async () => {
    expect(await callsOf(() => undefined, { resave: undefined as never })).toEqual(["get", "set"]);
  });

  test("a change within a value that no clone could hold alone", async () => {
    expect(await callsOf((req) => (req.session["when"] = new Date(0)))).toEqual(["get", "set"]);
  });

  test("a value that says what it is by toJSON counts by that", async () => {
    const calls = await callsOf((req) => (req.session["user"] = { toJSON: () => "ann" } as never));
    expect(calls).toEqual(["get", "touch"]);
  });
});

cases("resave false", (session) => {
  test("stores a session that changes, and only then", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      if (req.method === "PUT") req.session.user = req.url?.slice(1) ?? "";
      res.end(`user=${req.session.user}`);
    });
    const first = await site.get("/ann", { method: "PUT" });
    const visits = [];
    visits.push((await site.get("/", { cookie: first })).body);
    visits.push((await site.get("/bob", { method: "PUT", cookie: first })).body);
    visits.push((await site.get("/", { cookie: first })).body);
    expect(visits).toEqual(["user=ann", "user=bob", "user=bob"]);
    expect(store.taken()).toEqual(["set", "get", "touch", "get", "set", "get", "touch"]);
  });

  test("keeps nothing of a session without content beside its cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true });
    const answer = await site.get();
    expect(Object.keys((await stored(store, answer.sid())) ?? {})).toEqual(["cookie"]);
  });
});

cases("touch", (session) => {
  test("gets the id, the session and a callback, and the session has a new expiry", async () => {
    const time = stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true, cookie: { maxAge: MINUTE } });
    const first = await site.get();
    const seen: unknown[] = [];
    const touch = store.touch;
    store.touch = (id, data, done) => {
      const { cookie } = data as { cookie: { expires: Date } };
      seen.push(id, cookie.expires.getTime(), typeof done);
      touch.call(store, id, data, done);
    };
    time.pass(20_000);
    await site.get("/", { cookie: first });
    expect(seen).toEqual([first.sid(), time.now() + MINUTE, "function"]);
  });

  test("is not called for a session that is stored anyway", async () => {
    const store = watched(session);
    const site = await serve(session, { store, resave: true, saveUninitialized: true });
    const first = await site.get();
    store.taken();
    await site.get("/", { cookie: first });
    expect(store.taken()).toEqual(["get", "set"]);
  });

  test("is not called for a new session, stored or not", async () => {
    const store = watched(session);
    const site = await serve(session, { store, cookie: { maxAge: MINUTE } });
    await site.get();
    expect(store.taken()).toEqual([]);
  });

  test("of a MemoryStore moves the expiry and nothing else", async () => {
    const time = stoppedTime();
    const store = watched(session);
    const site = await serve(session, { store, cookie: { maxAge: MINUTE } }, (req, res) => {
      req.session.user ??= "ann";
      res.end();
    });
    const first = await site.get();
    time.pass(20_000);
    await site.get("/", { cookie: first });
    expect(await stored(store, first.sid())).toEqual({
      cookie: {
        originalMaxAge: MINUTE,
        expires: new Date(time.now() + MINUTE).toISOString(),
        httpOnly: true,
        path: "/",
      },
      user: "ann",
    });
  });

  test("that a store lacks is not missed", async () => {
    const store = watch(synchronousStore(session));
    const site = await serve(session, { store, saveUninitialized: true });
    const first = await site.get();
    store.taken();
    expect((await site.get("/", { cookie: first })).status).toBe(200);
    expect(store.taken()).toEqual(["get"]);
  });

  test("that a store gets after the middleware was made is not called", async () => {
    const store = watch(synchronousStore(session));
    const site = await serve(session, { store, saveUninitialized: true });
    const first = await site.get();
    store.touch = () => {
      throw new Error("should not be called");
    };
    expect((await site.get("/", { cookie: first })).status).toBe(200);
  });
});

cases("unset", (session) => {
  async function visitThatUnsets(
    options: Options,
    unset: (req: Request) => void,
  ): Promise<{ store: WatchedStore; site: Site; setCookies: number }> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, count: 1 });
    store.taken();
    const site = await serve(session, { store, rolling: true, ...options }, (req, res) => {
      req.session.count = 99;
      unset(req);
      res.end();
    });
    const answer = await site.get("/", { cookie: cookieOf("known") });
    return { store, site, setCookies: answer.setCookies.length };
  }

  const ways: Readonly<Record<string, (req: Request) => void>> = {
    "set to null": (req) => Object.assign(req, { session: null }),
    "set to undefined": (req) => Object.assign(req, { session: undefined }),
    deleted: (req) => {
      delete (req as Partial<Request>).session;
    },
  };

  test.each(Object.entries(ways))("keep: a session that is %s stays as it was stored", async (_, unset) => {
    const { store, setCookies } = await visitThatUnsets({}, unset);
    expect(store.taken()).toEqual(["get"]);
    expect(setCookies).toBe(0);
    expect((await stored(store, "known"))?.["count"]).toBe(1);
  });

  test.each(Object.entries(ways))("destroy: a session that is %s is destroyed", async (_, unset) => {
    const { store, setCookies } = await visitThatUnsets({ unset: "destroy" }, unset);
    expect(store.calls).toEqual(["get known", "destroy known"]);
    expect(setCookies).toBe(0);
    expect(await count(store)).toBe(0);
  });

  test("keep is what counts where nothing is said", async () => {
    const { store } = await visitThatUnsets({ unset: undefined as never }, (req) =>
      Object.assign(req, { session: null }),
    );
    expect(await count(store)).toBe(1);
  });

  test("destroy: a new session that is unset leaves nothing and sets no cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store, unset: "destroy", saveUninitialized: true }, (req, res) => {
      Object.assign(req, { session: null });
      res.end("bye");
    });
    const answer = await site.get();
    expect([answer.body, answer.setCookies.length]).toEqual(["bye", 0]);
    expect(await count(store)).toBe(0);
    expect(store.taken()).not.toContain("set");
  });

  test("destroy: a session that is only read stays", async () => {
    const { store } = await visitThatUnsets({ unset: "destroy" }, () => undefined);
    expect(await count(store)).toBe(1);
  });

  test("a session that was unset after a write to the answer is destroyed, too", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    const site = await serve(session, { store, unset: "destroy" }, (req, res) => {
      Object.assign(req, { session: null });
      res.write("destroyed ");
      res.end("it");
    });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("destroyed it");
    expect(await count(store)).toBe(0);
  });

  test("any other value for the session is not stored", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    store.taken();
    const site = await serve(session, { store }, (req, res) => {
      Object.assign(req, { session: "" });
      res.end("ok");
    });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ok");
    expect(store.taken()).toEqual(["get"]);
  });
});

cases("a store that answers at once", (session) => {
  test("is read from and written to", async () => {
    const store = synchronousStore(session);
    const site = await serve(session, { store }, (req: Request, res: Response) => {
      req.session.count = (req.session.count ?? 0) + 1;
      res.end(`hits: ${req.session.count}`);
    });
    const first = await site.get();
    expect(first.body).toBe("hits: 1");
    expect((await site.get("/", { cookie: first })).body).toBe("hits: 2");
    expect(JSON.parse(store.sessions.get(first.sid()) ?? "").count).toBe(2);
  });

  test("destroys", async () => {
    const store = synchronousStore(session);
    const site = await serve(session, { store, unset: "destroy" }, (req, res) => {
      req.session.count = (req.session.count ?? 0) + 1;
      if (req.session.count === 2) {
        Object.assign(req, { session: null });
        res.write("destroyed\n");
      }
      res.end("hit");
    });
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("destroyed\nhit");
    expect(store.sessions.size).toBe(0);
  });
});

cases("a session that is stored for an answer of more than one call", (session) => {
  const answers: Readonly<Record<string, (res: Response) => unknown>> = {
    "write and end": (res) => {
      res.write("hello, ");
      res.end("world");
    },
    "writeHead and end": (res) => res.writeHead(200, { "X-A": "b" }).end("hello"),
    "flushHeaders and end": (res) => {
      res.flushHeaders();
      res.end("hello");
    },
  };

  async function callsOf(
    act: (req: Request, done: () => void) => void,
    answer: (res: Response) => unknown,
    options: Options = {},
  ): Promise<string[]> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, user: "ann" });
    store.taken();
    const site = await serve(session, { store, ...options }, (req, res) => act(req, () => answer(res)));
    await site.get("/", { cookie: cookieOf("known") });
    return store.taken();
  }

  describe.each(Object.entries(answers))("by %s", (_, answer) => {
    test("is stored once when it changed, and not touched", async () => {
      const change = (req: Request, done: () => void): void => {
        req.session.user = "bob";
        done();
      };
      expect(await callsOf(change, answer)).toEqual(["get", "set"]);
    });

    test("is stored once with resave, and not touched", async () => {
      expect(await callsOf((_req, done) => done(), answer, { resave: true })).toEqual(["get", "set"]);
    });

    test("is touched once when it did not change", async () => {
      expect(await callsOf((_req, done) => done(), answer)).toEqual(["get", "touch"]);
    });

    test("is stored once when it is a new one", async () => {
      const renew = (req: Request, done: () => void): void => void req.session.regenerate(done);
      expect(await callsOf(renew, answer)).toEqual(["get", "destroy", "set"]);
    });
  });
});

cases("requests of one session at once", (session) => {
  test("each read the session as it was", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, count: 5 });
    const site = await serve(session, { store }, (req, res) => res.end(String(req.session.count)));
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => site.get("/", { cookie: cookieOf("known") })),
    );
    expect(answers.map(({ body }) => body)).toEqual(Array(10).fill("5"));
  });

  test("that only read do not undo what another wrote meanwhile", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const site = await serve(session, { store }, async (req, res) => {
      if (req.url === "/slow") await held;
      else req.session.user = "bob";
      res.end(String(req.session.user));
    });
    const slow = site.get("/slow", { cookie: cookieOf("known") });
    await expect.poll(() => store.calls.filter((call) => call === "get known").length).toBe(1);
    await site.get("/", { cookie: cookieOf("known") });
    release();
    expect((await slow).body).toBe("ann");
    expect((await stored(store, "known"))?.["user"]).toBe("bob");
  });
});
