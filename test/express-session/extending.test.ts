import { expect, onTestFinished, test } from "vitest";
import { serve } from "./support/site.ts";
import { put, stored, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Done, Session } from "./support/types.ts";

cases("applications that extend sessions", (session) => {
  type Extended = Session & { login(user: string, done: Done): void };
  const prototype = session.Session.prototype as Record<string, unknown>;

  test("by a method of Session's prototype find it on req.session", async () => {
    prototype["login"] = function login(
      this: Session & { req: { session: Session } },
      user: string,
      done: Done,
    ) {
      const { req } = this;
      this.regenerate((error) => {
        if (error) return done(error);
        req.session.user = user;
        return req.session.save(done);
      });
    };
    onTestFinished(() => void delete prototype["login"]);
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      (req.session as Extended).login("ann", (error) => res.end(String(error ?? req.session.user)));
    });
    const answer = await site.get();
    expect(answer.body).toBe("ann");
    expect((await stored(store, answer.sid()))?.["user"]).toBe("ann");
    expect(await stored(store, answer.sid())).not.toHaveProperty("login");
  });

  test("by a method of their own for save have it called at the end as well", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    const saved: string[] = [];
    const site = await serve(session, { store }, (req, res) => {
      const save = req.session.save.bind(req.session);
      req.session.save = (done) => {
        saved.push(req.sessionID);
        return save(done);
      };
      req.session.user = "ann";
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    expect(saved).toEqual(["known"]);
    expect((await stored(store, "known"))?.["user"]).toBe("ann");
  });

  test("by a save on Session's prototype have it called at the end as well", async () => {
    const save = prototype["save"] as (done?: Done) => unknown;
    const saved: string[] = [];
    Object.defineProperty(prototype, "save", {
      configurable: true,
      writable: true,
      value(this: Session, done?: Done) {
        saved.push(this.id);
        return save.call(this, done);
      },
    });
    onTestFinished(() => {
      Object.defineProperty(prototype, "save", { configurable: true, writable: true, value: save });
    });
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const answer = await site.get();
    expect(saved).toEqual([answer.sid()]);
  });

  test("by a touch of their own have it called", async () => {
    let touched = 0;
    const site = await serve(session, { saveUninitialized: true }, (req, res) => {
      req.session.touch = () => {
        touched += 1;
        return req.session.resetMaxAge();
      };
      res.end();
    });
    await site.get();
    expect(touched).toBe(1);
  });

  test("by a generate of their own have it asked for new sessions", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => res.end(String(req.session["fresh"])));
    const { generate } = store;
    store.generate = (req) => {
      generate.call(store, req);
      (req as { session: Session }).session["fresh"] = "of the application";
    };
    expect((await site.get()).body).toBe("of the application");
  });

  test("by a getter upon the session still have it stored without it", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      Object.defineProperty(req.session, "shout", { get: () => "ANN" });
      req.session.user = "ann";
      res.end(String(req.session["shout"]));
    });
    const answer = await site.get();
    expect(answer.body).toBe("ANN");
    expect(Object.keys((await stored(store, answer.sid())) ?? {}).sort()).toEqual(["cookie", "user"]);
  });

  test("by a proxy before req.session still have its changes stored", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, count: 1 });
    const seen: string[] = [];
    const site = await serve(session, { store }, (req, res) => {
      req.session = new Proxy(req.session, {
        get(target, name) {
          if (typeof name === "string") seen.push(name);
          return Reflect.get(target, name) as unknown;
        },
      });
      req.session.count = 2;
      res.end(String(req.session.count));
    });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("2");
    expect(seen).toContain("count");
    expect((await stored(store, "known"))?.["count"]).toBe(2);
  });
});

cases("a Session by hand", ({ Session }) => {
  test("can be made the old way, by call", () => {
    type Own = Session & { own: boolean };
    function OwnSession(this: Own, req: unknown): void {
      (Session as unknown as { call(self: unknown, req: unknown): void }).call(this, req);
      this["own"] = true;
    }
    OwnSession.prototype = Object.create(Session.prototype) as object;
    const made = new (OwnSession as unknown as new (req: unknown) => Own)({ sessionID: "one" });
    expect([made.id, made.own, made instanceof Session]).toEqual(["one", true, true]);
  });
});

cases("a Cookie by hand", ({ Cookie }) => {
  test("can be made the old way, by call", () => {
    type Own = InstanceType<typeof Cookie>;
    function OwnCookie(this: Own): void {
      (Cookie as unknown as { call(self: unknown, options: unknown): void }).call(this, { path: "/own" });
    }
    OwnCookie.prototype = Object.create(Cookie.prototype) as object;
    const made = new (OwnCookie as unknown as new () => Own)();
    expect([made.path, made.httpOnly, made.expires]).toEqual(["/own", true, null]);
  });
});
