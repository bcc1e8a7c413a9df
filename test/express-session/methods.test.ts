import { describe, expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { count, finished, put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import { MINUTE, stoppedTime } from "./support/time.ts";
import type { Options, Request, Response } from "./support/types.ts";

interface Known extends Site {
  readonly store: WatchedStore;
  /** The body of an answer to a visit of the session `known`, which is ann's. */
  visit(): Promise<string>;
}

cases("a method of the session", (session) => {
  async function known(
    handler: (req: Request, res: Response) => unknown,
    options: Options = {},
  ): Promise<Known> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, user: "ann" });
    store.taken();
    const site = await serve(session, { store, ...options }, handler);
    return { ...site, store, visit: async () => (await site.get("/", { cookie: cookieOf("known") })).body };
  }

  describe("save", () => {
    test("stores at once", async () => {
      const site = await known((req, res) => {
        req.session.user = "bob";
        req.session.save(async (error) => {
          const kept = await stored(req.sessionStore, req.sessionID);
          res.end(`${error} ${String(kept?.["user"])}`);
        });
      });
      expect(await site.visit()).toMatch(/^(undefined|null) bob$/);
    });

    test("leaves nothing to store at the end", async () => {
      const site = await known((req, res) => {
        req.session.user = "bob";
        req.session.save(() => res.end());
      });
      await site.visit();
      expect(site.store.taken()).toEqual(["get", "set", "touch"]);
    });

    test("leaves nothing to store at the end with resave either", async () => {
      const site = await known((req, res) => req.session.save(() => res.end()), { resave: true });
      await site.visit();
      expect(site.store.taken()).toEqual(["get", "set", "touch"]);
    });

    test("leaves what changes after it to the end", async () => {
      const site = await known((req, res) => {
        req.session.user = "bob";
        req.session.save(() => {
          req.session.user = "cat";
          res.end();
        });
      });
      await site.visit();
      expect(site.store.taken()).toEqual(["get", "set", "set"]);
      expect((await stored(site.store, "known"))?.["user"]).toBe("cat");
    });

    test("stores a new session without content, which gets no cookie for that", async () => {
      const store = watched(session);
      const site = await serve(session, { store }, (req, res) => req.session.save(() => res.end()));
      expect((await site.get()).setCookies).toEqual([]);
      expect(store.taken()).toEqual(["set"]);
    });

    test("of a new session is followed by its cookie, and by no second save", async () => {
      const store = watched(session);
      const site = await serve(session, { store }, (req, res) => {
        req.session.user = "ann";
        req.session.save(() => res.end("saved"));
      });
      const first = await site.get();
      expect(first.cookie()).toBeDefined();
      expect(store.calls).toEqual([`set ${first.sid()}`]);
    });

    test("needs no callback", async () => {
      const site = await known((req, res) => {
        req.session.user = "bob";
        req.session.save();
        res.end();
      });
      await site.visit();
      expect((await stored(site.store, "known"))?.["user"]).toBe("bob");
    });

    test("may be called twice", async () => {
      const site = await known((req, res) => {
        req.session.save(() => req.session.save(() => res.end("twice")));
      });
      expect(await site.visit()).toBe("twice");
    });

    test("may be replaced by the application", async () => {
      const site = await known((req, res) => {
        req.session.user = "bob";
        req.session.save = ((done: () => void) => {
          res.setHeader("X-Saved", "by the application");
          done();
        }) as never;
        req.session.save(() => res.end());
      });
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect(answer.headers["x-saved"]).toBe("by the application");
    });
  });

  describe("reload", () => {
    test("shows what another has stored meanwhile", async () => {
      const site = await known(async (req, res) => {
        await put(req.sessionStore, "known", { cookie: {}, user: "bob" });
        await finished((done) => req.session.reload(done));
        res.end(req.session.user);
      });
      expect(await site.visit()).toBe("bob");
    });

    test("drops what was not stored", async () => {
      const site = await known(async (req, res) => {
        req.session.user = "bob";
        await finished((done) => req.session.reload(done));
        res.end(req.session.user);
      });
      expect(await site.visit()).toBe("ann");
      expect(site.store.taken()).toEqual(["get", "get", "touch"]);
    });

    test("makes a new object with the same id", async () => {
      const site = await known(async (req, res) => {
        const before = req.session;
        await finished((done) => req.session.reload(done));
        res.end(JSON.stringify([req.session === before, req.session.id, req.sessionID]));
      });
      expect(await site.visit()).toBe('[false,"known","known"]');
    });

    test("keeps the age of the cookie as it was stored", async () => {
      const time = stoppedTime();
      const store = watched(session);
      const site = await serve(session, { store, cookie: { maxAge: MINUTE } }, async (req, res) => {
        req.session.user ??= "ann";
        if (req.url === "/reload") await finished((done) => req.session.reload(done));
        res.end(String(req.session.cookie.maxAge));
      });
      const first = await site.get();
      time.pass(10_000);
      expect((await site.get("/reload", { cookie: first })).body).toBe("50000");
    });

    test("of a session that is gone calls back with an error", async () => {
      const site = await known((req, res) => {
        req.sessionStore.clear(() => {
          req.session.reload((error) => res.end((error as Error).message));
        });
      });
      expect(await site.visit()).toBe("failed to load session");
    });

    test("of a new session that was never stored calls back with an error", async () => {
      const site = await serve(session, {}, (req, res) => {
        req.session.reload((error) => {
          Object.assign(req, { session: null });
          res.end((error as Error).message);
        });
      });
      expect((await site.get()).body).toBe("failed to load session");
    });

    test("is followed by a save that leaves nothing to the end", async () => {
      const site = await known((req, res) => {
        req.session.reload(() => {
          req.session.user = "bob";
          req.session.save(() => res.end());
        });
      });
      await site.visit();
      expect(site.store.taken()).toEqual(["get", "get", "set", "touch"]);
    });

    test("of a new session that was saved still sends its cookie", async () => {
      const store = watched(session);
      const site = await serve(session, { store }, async (req, res) => {
        req.session.user = "ann";
        await finished((done) => req.session.save(done));
        await finished((done) => req.session.reload(done));
        res.end(req.session.user);
      });
      const answer = await site.get();
      expect(answer.body).toBe("ann");
      expect(answer.sid()).toBe(store.calls[0]?.slice("set ".length));
    });

    test("of a known session that changed and was saved still sends its new age", async () => {
      stoppedTime();
      const site = await serve(session, { cookie: { maxAge: MINUTE } }, async (req, res) => {
        req.session.count = (req.session.count ?? 0) + 1;
        await finished((done) => req.session.save(done));
        await finished((done) => req.session.reload(done));
        res.end(String(req.session.count));
      });
      const again = await site.get("/", { cookie: await site.get() });
      expect(again.body).toBe("2");
      expect(again.cookie()).toBeDefined();
    });

    test("again and again, of a session that is gone, works", async () => {
      const site = await known((req, res) => {
        let left = 20;
        const again = (): void => {
          left -= 1;
          if (left === 0) return void res.end("ok");
          req.session.reload(again);
        };
        req.sessionStore.clear(again);
      });
      expect(await site.visit()).toBe("ok");
    });
  });

  describe("regenerate", () => {
    test("makes an empty session under a new id", async () => {
      const site = await known((req, res) => {
        req.session.regenerate((error) =>
          res.end(JSON.stringify([error ?? null, req.sessionID === "known", req.session.user ?? null])),
        );
      });
      expect(await site.visit()).toBe("[null,false,null]");
    });

    test("destroys the old one first", async () => {
      const site = await known((req, res) => req.session.regenerate(() => res.end()));
      await site.visit();
      expect(site.store.calls.slice(0, 2)).toEqual(["get known", "destroy known"]);
      expect(await stored(site.store, "known")).toBeUndefined();
    });

    test("stores the new one and sets its cookie when something is written to it", async () => {
      const site = await known((req, res) => {
        req.session.regenerate(() => {
          req.session.user = "bob";
          res.end(req.sessionID);
        });
      });
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect(answer.sid()).toBe(answer.body);
      expect((await stored(site.store, answer.body))?.["user"]).toBe("bob");
    });

    test("stores the new one and sets its cookie when nothing is written to it, too", async () => {
      const site = await known((req, res) => req.session.regenerate(() => res.end(req.sessionID)));
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect(answer.sid()).toBe(answer.body);
      expect(await count(site.store)).toBe(1);
    });

    test("gives a session that has all methods", async () => {
      const site = await known((req, res) => {
        req.session.regenerate(() => {
          req.session.user = "bob";
          req.session.save(() =>
            req.session.reload(() => {
              res.end(`${req.session.user} ${req.session.id === req.sessionID}`);
            }),
          );
        });
      });
      expect(await site.visit()).toBe("bob true");
    });

    test("makes a cookie by the options, not by the old session", async () => {
      const site = await known(
        (req, res) => {
          req.session.cookie.domain = "old.test";
          req.session.regenerate(() => res.end(String(req.session.cookie.domain)));
        },
        { cookie: { domain: "options.test" } },
      );
      expect(await site.visit()).toBe("options.test");
    });

    test("twice leaves one session", async () => {
      const site = await known((req, res) => {
        req.session.regenerate(() => {
          req.session.regenerate(() => {
            req.session.user = "bob";
            res.end();
          });
        });
      });
      await site.visit();
      expect(await count(site.store)).toBe(1);
    });

    test("works for a new session as well", async () => {
      const store = watched(session);
      const site = await serve(session, { store }, (req, res) => {
        const old = req.sessionID;
        req.session.regenerate(() => {
          req.session.user = "ann";
          res.end(String(old === req.sessionID));
        });
      });
      const answer = await site.get();
      expect(answer.body).toBe("false");
      expect(await count(store)).toBe(1);
    });

    test("leaves the old object to those who hold it", async () => {
      const site = await known((req, res) => {
        const old = req.session;
        req.session.regenerate(() => res.end(`${old.user} ${old.id} ${old === req.session}`));
      });
      expect(await site.visit()).toBe("ann known false");
    });

    test("gives the session that it was called on", async () => {
      const site = await known((req, res) => {
        const old = req.session;
        const given = old.regenerate(() => setImmediate(() => res.end(String(given === old))));
      });
      expect(await site.visit()).toBe("true");
    });
  });

  describe("destroy", () => {
    test("takes the session from the store and from the request", async () => {
      const site = await known((req, res) => {
        req.session.destroy((error) => res.end(JSON.stringify([error ?? null, typeof req.session])));
      });
      expect(await site.visit()).toBe('[null,"undefined"]');
      expect(site.store.calls).toEqual(["get known", "destroy known"]);
    });

    test("has taken it from the request before it calls back", async () => {
      const site = await known((req, res) => {
        req.session.destroy(() => res.end());
        res.setHeader("X-Session", `${"session" in req}`);
      });
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect(answer.headers["x-session"]).toBe("false");
    });

    test("sets no cookie, not even with rolling", async () => {
      const site = await known((req, res) => req.session.destroy(() => res.end()), { rolling: true });
      expect((await site.get("/", { cookie: cookieOf("known") })).setCookies).toEqual([]);
    });

    test("of a new session leaves nothing", async () => {
      const store = watched(session);
      const site = await serve(session, { store, saveUninitialized: true }, (req, res) => {
        req.session.user = "ann";
        req.session.destroy(() => res.end());
      });
      expect((await site.get()).setCookies).toEqual([]);
      expect(await count(store)).toBe(0);
    });

    test("leaves req.sessionID", async () => {
      const site = await known((req, res) => req.session.destroy(() => res.end(req.sessionID)));
      expect(await site.visit()).toBe("known");
    });

    test("needs no callback", async () => {
      const site = await known((req, res) => {
        req.session.destroy();
        res.end("bye");
      });
      expect(await site.visit()).toBe("bye");
      await expect.poll(() => count(site.store)).toBe(0);
    });

    test("makes the next visit a new session", async () => {
      const site = await known((req, res) => {
        if (req.url === "/out") return req.session.destroy(() => res.end());
        return res.end(req.session.user ?? "nobody");
      });
      await site.get("/out", { cookie: cookieOf("known") });
      expect(await site.visit()).toBe("nobody");
    });

    test("with unset destroy asks the store twice at most, and sets no cookie", async () => {
      const site = await known((req, res) => req.session.destroy(() => res.end("bye")), { unset: "destroy" });
      expect(await site.visit()).toBe("bye");
      expect(new Set(site.store.calls.slice(1))).toEqual(new Set(["destroy known"]));
      expect(await count(site.store)).toBe(0);
    });
  });

  describe("touch and resetMaxAge", () => {
    test.each(["touch", "resetMaxAge"] as const)("%s starts the age anew", async (method) => {
      const time = stoppedTime();
      const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
        time.pass(15_000);
        const before = req.session.cookie.maxAge;
        req.session[method]();
        res.end(JSON.stringify([before, req.session.cookie.maxAge]));
      });
      expect((await site.get()).body).toBe("[45000,60000]");
    });

    test.each(["touch", "resetMaxAge"] as const)("%s gives the session", async (method) => {
      const site = await known((req, res) => res.end(String(req.session[method]() === req.session)));
      expect(await site.visit()).toBe("true");
    });

    test("touch asks no store", async () => {
      const site = await known((req, res) => {
        req.session.touch();
        site.store.calls.push("-");
        res.end();
      });
      await site.visit();
      expect(site.store.taken()[1]).toBe("");
    });

    test("touch goes back to the age that the cookie was made with", async () => {
      stoppedTime();
      const site = await serve(session, { cookie: { maxAge: MINUTE } }, (req, res) => {
        req.session.cookie.originalMaxAge = 5000;
        req.session.touch();
        res.end(String(req.session.cookie.maxAge));
      });
      expect((await site.get()).body).toBe("5000");
    });
  });
});
