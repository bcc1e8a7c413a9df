import { describe, expect, test } from "vitest";
import { type App, EXPRESSES, quiet, serve, serveApp } from "./support/site.ts";
import { put, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { ExpressRequest, ExpressResponse } from "./support/site.ts";

const boom = (): Error => new Error("boom!");

cases("a store that cannot read", (session) => {
  test("fails the request, and the handler does not run", async () => {
    const store = watched(session);
    let ran = false;
    const site = await serve(session, { store }, (_req, res) => {
      ran = true;
      res.end();
    });
    store.get = (_id, done) => done(boom());
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect([answer.status, answer.body, ran]).toEqual([500, "boom!", false]);
    expect(answer.setCookies).toEqual([]);
  });

  test("does not matter to a request without a cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (_req, res) => res.end("hello, world"));
    store.get = (_id, done) => done(boom());
    expect((await site.get()).body).toBe("hello, world");
  });

  test("hands on the very error", async () => {
    const store = watched(session);
    const error = Object.assign(boom(), { code: "EWHATEVER", status: 503 });
    const site = await serve(session, { store });
    store.get = (_id, done) => done(error);
    await site.get("/", { cookie: cookieOf("known") });
    expect(site.errors[0]).toBe(error);
  });

  test("leaves no session on the request", async () => {
    const store = watched(session);
    const seen: unknown[] = [];
    const middleware = session(quiet({ store }));
    store.get = (_id, done) => done(boom());
    const site = await serve(session, {}, undefined, {});
    const req = { headers: { cookie: cookieOf("known") }, url: "/" };
    const res = { end() {}, write() {}, writeHead() {} };
    await new Promise<void>((resolve) => {
      middleware(req as never, res as never, (error) => {
        seen.push((error as Error).message, "session" in req && req.session !== undefined);
        resolve();
      });
    });
    expect(site.errors).toEqual([]);
    expect(seen).toEqual(["boom!", false]);
  });

  test("by ENOENT has simply no such session", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      req.session.user = "new";
      res.end(req.session.user);
    });
    store.get = (_id, done) => done(Object.assign(boom(), { code: "ENOENT" }));
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect([answer.status, answer.body]).toEqual([200, "new"]);
    expect(answer.sid()).not.toBe("known");
  });

  test.each([null, undefined, false, 0, ""])("by answering %o has no such session", async (nothing) => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true });
    store.get = (_id, done) => done(null, nothing as never);
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect(answer.status).toBe(200);
    expect(answer.sid()).not.toBe("known");
  });

  test("by throwing fails the request", async () => {
    const store = watched(session);
    const site = await serve(session, { store });
    store.get = () => {
      throw boom();
    };
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect([answer.status, answer.body]).toEqual([500, "boom!"]);
  });

  test("or has something without a cookie fails the request", async () => {
    const store = watched(session);
    await put(store, "known", { user: "ann" });
    const site = await serve(session, { store });
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect(answer.status).toBe(500);
    expect(answer.body).toMatch(/Cannot read prop/);
  });

  test("answers the requests that come later as soon as it can", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => res.end(req.session.user));
    const { get } = store;
    store.get = (_id, done) => done(boom());
    expect((await site.get("/", { cookie: cookieOf("known") })).status).toBe(500);
    store.get = get;
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
  });
});

cases("a store that cannot write", (session) => {
  test("set: the error reaches the application once", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true }, (_req, res) => res.end("saved?"));
    store.set = (_id, _data, done) => done?.(boom());
    await site.get();
    await expect.poll(() => site.errors.length).toBe(1);
    expect(site.errors[0]?.message).toBe("boom!");
  });

  test("touch: the error reaches the application once, and the answer is whole", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true }, (_req, res) => res.end("hello"));
    const first = await site.get();
    store.touch = (_id, _data, done) => done?.(boom());
    await site.get("/", { cookie: first });
    await expect.poll(() => site.errors.map(({ message }) => message)).toEqual(["boom!"]);
  });

  test("destroy, of a session that was unset: the error reaches the application once", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    const site = await serve(session, { store, unset: "destroy" }, (req, res) => {
      Object.assign(req, { session: null });
      res.end("destroyed?");
    });
    store.destroy = (_id, done) => done?.(boom());
    await site.get("/", { cookie: cookieOf("known") });
    await expect.poll(() => site.errors.map(({ message }) => message)).toEqual(["boom!"]);
  });

  test("save(): the callback gets the error", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      req.session.save((error) => {
        Object.assign(req, { session: null });
        res.end((error as Error).message);
      });
    });
    store.set = (_id, _data, done) => done?.(boom());
    expect((await site.get()).body).toBe("boom!");
  });

  test("destroy(): the callback gets the error, and the session has gone from the request", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    const site = await serve(session, { store }, (req, res) => {
      req.session.destroy((error) => res.end(`${(error as Error).message} ${typeof req.session}`));
    });
    store.destroy = (_id, done) => done?.(boom());
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("boom! undefined");
  });

  test("regenerate(): the callback gets the error, and there is a new session all the same", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      req.session.regenerate((error) =>
        res.end(`${(error as Error).message} ${req.sessionID === "known"} ${req.session.user}`),
      );
    });
    store.destroy = (_id, done) => done?.(boom());
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("boom! false undefined");
  });

  test("reload(): the callback gets the error, and the session stays", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      store.get = (_id, done) => done(boom());
      req.session.reload((error) => res.end(`${(error as Error).message} ${req.session.user}`));
    });
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("boom! ann");
  });
});

cases("a store that loses its connection", (session) => {
  test("leaves requests without a session", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true }, (req, res) =>
      res.end(typeof req.session),
    );
    store.emit("disconnect");
    const answer = await site.get("/", { cookie: cookieOf("known") });
    expect([answer.status, answer.body]).toEqual([200, "undefined"]);
    expect(answer.setCookies).toEqual([]);
    expect(store.calls).toEqual([]);
  });

  test("and has it again gives sessions again", async () => {
    const store = watched(session);
    const site = await serve(session, { store, saveUninitialized: true }, (req, res) =>
      res.end(typeof req.session),
    );
    store.emit("disconnect");
    expect((await site.get()).body).toBe("undefined");
    store.emit("connect");
    const answer = await site.get();
    expect(answer.body).toBe("object");
    expect(answer.cookie()).toBeDefined();
  });

  test("twice needs it once to give sessions again", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => res.end(typeof req.session));
    store.emit("disconnect");
    store.emit("disconnect");
    store.emit("connect");
    expect((await site.get()).body).toBe("object");
  });

  test("while a request is under way still stores it", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      store.emit("disconnect");
      req.session.user = "ann";
      res.end();
    });
    expect((await site.get()).cookie()).toBeDefined();
    expect(store.taken()).toEqual(["set"]);
  });

  test("without a session neither req.sessionID nor req.sessionStore is set", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) =>
      res.end(JSON.stringify([req.sessionID === undefined, req.sessionStore === undefined])),
    );
    store.emit("disconnect");
    expect((await site.get()).body).toBe("[true,true]");
  });
});

cases("a failing store in Express", (session) => {
  describe.each(EXPRESSES)("%s", (_, express: () => App) => {
    test("brings the error to the error handler", async () => {
      const store = watched(session);
      const app = express();
      app.use(session(quiet({ store })));
      app.use((_req: ExpressRequest, res: ExpressResponse) => res.send("fine"));
      const site = await serveApp(app);
      store.get = (_id, done) => done(Object.assign(boom(), { status: 503 }));
      const answer = await site.get("/", { cookie: cookieOf("known") });
      expect([answer.status, answer.body]).toEqual([503, "boom!"]);
    });
  });
});
