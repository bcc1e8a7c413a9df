import { EventEmitter } from "node:events";
import { inherits } from "node:util";
import { expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { count, naiveStore, put, stored } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { MINUTE } from "./support/time.ts";
import type { Done, MemoryStore, Request, Response, Session, Store, Stored } from "./support/types.ts";

cases("a store of one's own", (session) => {
  function counting(req: Request, res: Response): void {
    req.session.count = (req.session.count ?? 0) + 1;
    res.end(String(req.session.count));
  }

  async function isUsedTwice(store: Store): Promise<void> {
    const site = await serve(session, { store }, counting);
    const first = await site.get();
    expect((await site.get("/", { cookie: first })).body).toBe("2");
  }

  test("may extend Store as a class", async () => {
    class Own extends session.Store {
      readonly kept = new Map<string, string>();
      override get(id: string, done: (error?: unknown, found?: Stored | null) => void): void {
        const text = this.kept.get(id);
        setImmediate(done, null, text === undefined ? null : JSON.parse(text));
      }
      override set(id: string, data: unknown, done?: Done): void {
        this.kept.set(id, JSON.stringify(data));
        setImmediate(() => done?.());
      }
      override destroy(id: string, done?: Done): void {
        this.kept.delete(id);
        setImmediate(() => done?.());
      }
    }
    const store = new Own();
    expect(store).toBeInstanceOf(EventEmitter);
    await isUsedTwice(store);
    expect(store.kept.size).toBe(1);
  });

  test("may inherit from Store as functions do", async () => {
    type Old = Store & { kept: Record<string, string> };
    function Own(this: Old): void {
      (session.Store as unknown as () => void).call(this);
      this.kept = {};
    }
    inherits(Own, session.Store);
    Object.assign(Own.prototype, {
      get(this: Old, id: string, done: Done & ((error: unknown, found: unknown) => void)) {
        done(null, this.kept[id] && JSON.parse(this.kept[id]));
      },
      set(this: Old, id: string, data: unknown, done: Done) {
        this.kept[id] = JSON.stringify(data);
        done();
      },
    });
    const Constructor = Own as unknown as new () => Old;
    const store = new Constructor();
    expect(store).toBeInstanceOf(session.Store);
    await isUsedTwice(store);
    expect(Object.keys(store.kept)).toHaveLength(1);
  });

  test("may inherit from MemoryStore as functions do", async () => {
    function Own(this: MemoryStore): void {
      (session.MemoryStore as unknown as () => void).call(this);
    }
    inherits(Own, session.MemoryStore);
    const Constructor = Own as unknown as new () => MemoryStore;
    const store = new Constructor();
    await isUsedTwice(store);
    expect(await count(store)).toBe(1);
  });

  test("may call Store with its options, as stores do", () => {
    class Own extends (session.Store as unknown as new (options: object) => Store) {}
    expect(() => new Own({ ttl: 1 })).not.toThrow();
  });

  test("may be an event emitter that has createSession of its own", async () => {
    const memory = new session.MemoryStore();
    const bare = Object.assign(new EventEmitter(), {
      get: memory.get.bind(memory),
      set: memory.set.bind(memory),
      destroy: memory.destroy.bind(memory),
      createSession: memory.createSession.bind(memory),
    });
    await isUsedTwice(bare as unknown as Store);
  });

  test("gets the id, the session and a callback to set", async () => {
    const store = new session.MemoryStore();
    let seen: unknown[] = [];
    const { set } = store;
    store.set = (id, data, done) => {
      seen = [id, data instanceof session.Session, (data as Session).user, typeof done];
      set.call(store, id, data, done);
    };
    const site = await serve(session, { store }, (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const answer = await site.get();
    expect(seen).toEqual([answer.sid(), true, "ann", "function"]);
  });

  test("is called on itself", async () => {
    const store = new session.MemoryStore();
    const owners = new Set<unknown>();
    for (const name of ["get", "set", "touch", "destroy"] as const) {
      const method = store[name] as (...args: unknown[]) => void;
      (store as unknown as Record<string, unknown>)[name] = function call(this: unknown, ...args: unknown[]) {
        owners.add(this);
        return method.apply(this, args);
      };
    }
    const site = await serve(session, { store }, (req, res) => {
      if (req.url === "/out") return req.session.destroy(() => res.end());
      req.session.user = "ann";
      return res.end();
    });
    const first = await site.get();
    await site.get("/", { cookie: first });
    await site.get("/out", { cookie: first });
    expect([...owners]).toEqual([store]);
  });
});

cases("a store that keeps the objects themselves", (session) => {
  function visits(req: Request, res: Response): unknown {
    switch (req.url) {
      case "/out":
        return req.session.destroy(() => res.end("bye"));
      case "/renew":
        return req.session.regenerate(() => {
          req.session.count = 100;
          res.end();
        });
      default:
        req.session.count = (req.session.count ?? 0) + 1;
        req.session.items = req.session.items ?? [];
        req.session.items.push(`visit ${req.session.count}`);
        return res.end(`${req.session.count} ${req.session.items.length}`);
    }
  }

  async function siteOf(options: object = {}): Promise<Site & { store: ReturnType<typeof naiveStore> }> {
    const store = naiveStore(session);
    return { ...(await serve(session, { store, ...options }, visits)), store };
  }

  test.each([{}, { resave: true }, { rolling: true }, { cookie: { maxAge: MINUTE } }])(
    "counts visits, with %o",
    async (options) => {
      const site = await siteOf(options);
      const cookie = await site.get();
      expect(cookie.body).toBe("1 1");
      expect((await site.get("/", { cookie })).body).toBe("2 2");
      expect((await site.get("/", { cookie })).body).toBe("3 3");
    },
  );

  test("regenerates and destroys", async () => {
    const site = await siteOf();
    const first = await site.get();
    const second = await site.get("/renew", { cookie: first });
    expect((await site.get("/", { cookie: second })).body).toBe("101 1");
    expect((await site.get("/out", { cookie: second })).body).toBe("bye");
    expect(site.store.kept).toEqual({});
  });

  test("is given what can be read as a session", async () => {
    const site = await siteOf();
    const { body, ...first } = await site.get();
    const kept = site.store.kept[first.sid()];
    expect(body).toBe("1 1");
    expect([kept?.["count"], kept?.["items"], typeof kept?.cookie]).toEqual([1, ["visit 1"], "object"]);
  });
});

cases("a store that is no Store", (session) => {
  test("may make the sessions itself", async () => {
    const memory = new session.MemoryStore();
    const bare = Object.assign(new EventEmitter(), {
      get: memory.get.bind(memory),
      set: memory.set.bind(memory),
      destroy: memory.destroy.bind(memory),
      createSession(req: Request, data: Stored): Session {
        const made = memory.createSession(req, data);
        Object.defineProperty(made, "madeBy", { value: "the store itself" });
        return made;
      },
    });
    await put(memory, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store: bare as unknown as Store }, (req, res) =>
      res.end(String(req.session["madeBy"])),
    );
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("the store itself");
  });

  test("may make the sessions itself as a class upon Store, too", async () => {
    class Own extends session.MemoryStore {
      override createSession(req: Request, data: Stored): Session {
        const made = super.createSession(req, data);
        Object.defineProperty(made, "madeBy", { value: "the class" });
        return made;
      }
    }
    const store = new Own();
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      req.session.count = 1;
      res.end(String(req.session["madeBy"]));
    });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("the class");
    expect((await stored(store, "known"))?.["count"]).toBe(1);
  });

  test("may have a regenerate of its own", async () => {
    class Own extends session.MemoryStore {
      override regenerate(req: Request, done: Done): void {
        Object.assign(req, { regenerated: "by the class" });
        super.regenerate(req, done);
      }
    }
    const site = await serve(session, { store: new Own() }, (req, res) =>
      req.session.regenerate(() => res.end(String((req as unknown as { regenerated: string }).regenerated))),
    );
    expect((await site.get()).body).toBe("by the class");
  });
});
