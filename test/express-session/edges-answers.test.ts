import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { sendRaw } from "./support/client.ts";
import {
  EXPRESSES,
  type ExpressHandler,
  type Handler,
  quiet,
  serve,
  serveApp,
  type Site,
} from "./support/site.ts";
import { put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases, require } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Response } from "./support/types.ts";

const compression = require("compression") as (options?: object) => ExpressHandler;

cases("callbacks of an answer", (session) => {
  test("of end with nothing else is called, when there is nothing to store", async () => {
    let called = 0;
    const site = await serve(session, {}, (_req, res) => res.end(() => (called += 1)));
    expect((await site.get()).body).toBe("");
    await expect.poll(() => called).toBe(1);
  });

  test("of end with a text is called, when there is nothing to store", async () => {
    let called = 0;
    const site = await serve(session, {}, (_req, res) => res.end("hello", () => (called += 1)));
    expect((await site.get()).body).toBe("hello");
    await expect.poll(() => called).toBe(1);
  });

  test("of end with a text is called, when there is something to store", async () => {
    let called = 0;
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end("hello", () => (called += 1));
    });
    expect((await site.get()).body).toBe("hello");
    await expect.poll(() => called).toBe(1);
  });

  test("of write is called", async () => {
    let called = 0;
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.write("hello", () => (called += 1));
      res.end();
    });
    expect((await site.get()).body).toBe("hello");
    await expect.poll(() => called).toBe(1);
  });
});

cases("an answer bit by bit", (session) => {
  /** Resolves with the body as soon as the client has this much of it, while the handler still waits. */
  async function firstPart(site: Site, cookie: string): Promise<{ text: string; rest(): Promise<string> }> {
    const answer = await fetch(site.origin, { headers: { cookie } });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    const { value } = await reader.read();
    const rest = async (): Promise<string> => {
      let text = "";
      for (let part = await reader.read(); !part.done; part = await reader.read())
        text += decoder.decode(part.value);
      return text;
    };
    return { text: decoder.decode(value), rest };
  }

  test.each([
    ["that changed", true],
    ["that did not change", false],
  ])("reaches the client before its end, with a session %s", async (_, changes) => {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    let finish = (): void => {};
    const waits = new Promise<void>((resolve) => (finish = resolve));
    const site = await serve(session, { store }, async (req, res) => {
      if (changes) req.session.user = "ann";
      res.write("first,");
      await waits;
      res.end("last");
    });
    const { text, rest } = await firstPart(site, cookieOf("known"));
    expect(text).toBe("first,");
    finish();
    expect(await rest()).toBe("last");
    expect((await stored(store, "known"))?.["user"]).toBe(changes ? "ann" : undefined);
  });

  test("flushHeaders sends the head before anything else", async () => {
    let finish = (): void => {};
    const waits = new Promise<void>((resolve) => (finish = resolve));
    const site = await serve(session, { saveUninitialized: true }, async (_req, res) => {
      res.setHeader("Content-Type", "text/event-stream");
      res.flushHeaders();
      await waits;
      res.end("data: 1\n\n");
    });
    const answer = await fetch(site.origin);
    expect(answer.headers.get("set-cookie")).toMatch(/^connect\.sid=/);
    finish();
    expect(await answer.text()).toBe("data: 1\n\n");
  });

  test("of five megabytes through a pipe is whole", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      Readable.from(Array.from({ length: 80 }, () => Buffer.alloc(65_536, "a"))).pipe(res);
    });
    expect((await site.get()).body.length).toBe(80 * 65_536);
  });

  test("says by drain when it can take more", async () => {
    const site = await serve(session, {}, async (req, res) => {
      req.session.user = "ann";
      for (let written = 0; written < 40; written += 1)
        if (!res.write(Buffer.alloc(65_536, "a"))) await new Promise((resolve) => res.once("drain", resolve));
      res.end();
    });
    expect((await site.get()).body.length).toBe(40 * 65_536);
  });

  test("may end with trailers", async () => {
    const site = await serve(session, { saveUninitialized: true }, (_req, res) => {
      res.setHeader("Trailer", "X-Sum");
      res.write("hello");
      res.addTrailers({ "X-Sum": "5" });
      res.end();
    });
    const text = await sendRaw(site.origin, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(text).toMatch(/set-cookie: connect\.sid/i);
    expect(text).toMatch(/x-sum: 5\r\n/i);
  });

  test("may come after an early hint", async () => {
    const site = await serve(session, { saveUninitialized: true }, (_req, res) => {
      res.writeEarlyHints({ link: "</style.css>; rel=preload" });
      res.end("hello");
    });
    const text = await sendRaw(site.origin, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 103 /);
    expect(text).toMatch(/HTTP\/1\.1 200 OK\r\n[^]*set-cookie: connect\.sid/i);
  });

  test("may come after the client was told to go on", async () => {
    const site = await serve(session, { saveUninitialized: true }, async (req, res) => {
      let body = "";
      for await (const chunk of req) body += String(chunk);
      res.end(body);
    });
    const head =
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n";
    const text = await sendRaw(site.origin, `${head}\r\nhi`);
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue/);
    expect(text).toMatch(/set-cookie: connect\.sid/i);
    expect(text).toContain("hi");
  });
});

cases("what can be seen of the answer", (session) => {
  test("the cookie is among its headers when it has finished", async () => {
    let seen: unknown;
    const site = await serve(session, { saveUninitialized: true }, (_req, res) => {
      res.on("finish", () => (seen = res.getHeader("set-cookie")));
      res.end();
    });
    const answer = await site.get();
    await expect.poll(() => [seen].flat()).toEqual(answer.setCookies.map(({ line }) => line));
  });

  test("headersSent is true when end has been called", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end("hello");
      expect(res.headersSent).toBe(true);
    });
    await site.get();
    expect(site.errors).toEqual([]);
  });

  test("headersSent is false until then", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      expect(res.headersSent).toBe(false);
      res.end("hello");
    });
    await site.get();
    expect(site.errors).toEqual([]);
  });

  test("writableEnded and writableFinished are true when it has finished", async () => {
    let seen: unknown;
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.on("finish", () => (seen = [res.writableEnded, res.writableFinished, res.statusCode]));
      res.end("hello");
    });
    await site.get();
    await expect.poll(() => seen).toEqual([true, true, 200]);
  });

  test("a writeHead that others put over ours may change the session, and the cookie is set", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
      res.writeHead = ((...args: unknown[]) => {
        req.session.user = "late";
        return writeHead(...args);
      }) as never;
      res.writeHead(200);
      res.end();
    });
    const answer = await site.get();
    expect(answer.cookie()).toBeDefined();
    expect((await stored(store, answer.sid()))?.["user"]).toBe("late");
  });
});

cases("compression", (session) => {
  describe.each(EXPRESSES)("in %s", (_, express) => {
    const body = "hello ".repeat(1000);

    test.each(["before", "after"])("that stands %s the middleware leaves the answer whole", async (where) => {
      const store = watched(session);
      const middlewares = [compression({ threshold: 0 }), session(quiet({ store }))];
      if (where === "after") middlewares.reverse();
      const handler: ExpressHandler = (req, res) => {
        req.session.user = "ann";
        res.send(body);
      };
      const site = await serveApp(
        express()
          .use(...middlewares)
          .use(handler),
      );
      const answer = await fetch(site.origin, { headers: { "accept-encoding": "gzip" } });
      expect(answer.headers.get("content-encoding")).toBe("gzip");
      expect(answer.headers.get("set-cookie")).toMatch(/^connect\.sid=/);
      expect(await answer.text()).toBe(body);
      expect(store.taken()).toEqual(["set"]);
    });
  });
});

cases("after the answer", (session) => {
  async function siteOfKnown(handler: Handler): Promise<Site & { readonly store: WatchedStore }> {
    const store = watched(session);
    await put(store, "known", { cookie: {}, count: 1 });
    store.taken();
    return { ...(await serve(session, { store }, handler)), store };
  }

  test("a session can still be saved by hand", async () => {
    const site = await siteOfKnown((req, res) => {
      res.on("finish", () => {
        req.session.count = 2;
        req.session.save();
      });
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    await expect.poll(async () => (await stored(site.store, "known"))?.["count"]).toBe(2);
  });

  test("a change alone is not saved", async () => {
    const site = await siteOfKnown((req, res) => {
      res.on("finish", () => (req.session.count = 2));
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    await site.get("/", { cookie: cookieOf("known") });
    expect((await stored(site.store, "known"))?.["count"]).toBe(1);
  });

  test("a session can still be destroyed", async () => {
    const site = await siteOfKnown((req, res) => {
      res.on("finish", () => req.session.destroy());
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    await expect.poll(() => stored(site.store, "known")).toBeUndefined();
  });

  test("a client that left before there was any has its session stored when the handler ends", async () => {
    let closed = (): void => {};
    const gone = new Promise<void>((resolve) => (closed = resolve));
    const site = await siteOfKnown(async (req, res) => {
      res.on("close", closed);
      controller.abort();
      await gone;
      req.session.count = 2;
      res.end("to nobody");
    });
    const controller = new AbortController();
    const headers = { cookie: cookieOf("known") };
    await fetch(site.origin, { headers, signal: controller.signal }).catch(() => undefined);
    await expect.poll(async () => (await stored(site.store, "known"))?.["count"]).toBe(2);
  });

  test("a handler that never ends leaves the session as it was", async () => {
    const site = await siteOfKnown((req, res) => {
      req.session.count = 99;
      res.destroy();
    });
    await expect(site.get("/", { cookie: cookieOf("known") })).rejects.toThrow();
    expect((await stored(site.store, "known"))?.["count"]).toBe(1);
  });
});

cases("patterns of Express", (session) => {
  describe.each(EXPRESSES)("in %s", (_, express) => {
    test("save, then redirect: the next page sees it", async () => {
      const login: ExpressHandler = (req, res, next) => {
        req.session.user = "ann";
        req.session.save((error) => (error ? next(error) : res.redirect("/home")));
      };
      const app = express()
        .use(session(quiet()))
        .get("/login", login)
        .get("/home", (req, res) => res.send(req.session.user));
      const site = await serveApp(app);
      const cookie = await site.get("/login");
      expect([cookie.status, cookie.headers.location]).toEqual([302, "/home"]);
      expect((await site.get("/home", { cookie })).body).toBe("ann");
    });

    test("regenerate, then save, then redirect, as the page of Express says of a login", async () => {
      const store = watched(session);
      await put(store, "known", { cookie: {}, cart: "full" });
      const login: ExpressHandler = (req, res, next) => {
        req.session.regenerate((error) => {
          if (error) return next(error);
          req.session.user = "ann";
          req.session.save((failed) => (failed ? next(failed) : res.redirect("/")));
        });
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .get("/login", login),
      );
      const answer = await site.get("/login", { cookie: cookieOf("known") });
      expect((await stored(store, answer.sid()))?.["user"]).toBe("ann");
      expect(await stored(store, "known")).toBeUndefined();
    });

    test("unset the user, save, regenerate, redirect, as that page says of a logout", async () => {
      const store = watched(session);
      await put(store, "known", { cookie: {}, user: "ann" });
      const logout: ExpressHandler = (req, res, next) => {
        req.session["user"] = null as never;
        req.session.save((error) => {
          if (error) return next(error);
          req.session.regenerate((failed) => (failed ? next(failed) : res.redirect("/")));
        });
      };
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .get("/logout", logout),
      );
      const answer = await site.get("/logout", { cookie: cookieOf("known") });
      expect(answer.sid()).not.toBe("known");
      expect(await stored(store, "known")).toBeUndefined();
      expect((await stored(store, answer.sid()))?.["user"]).toBeUndefined();
    });

    test("a conditional request is answered 304", async () => {
      const store = watched(session);
      await put(store, "known", { cookie: {}, user: "ann" });
      const page: ExpressHandler = (req, res) => res.send(req.session.user);
      const site = await serveApp(
        express()
          .use(session(quiet({ store })))
          .use(page),
      );
      const first = await site.get("/", { cookie: cookieOf("known") });
      const headers = { "if-none-match": first.headers.etag ?? "" };
      const second = await site.get("/", { cookie: cookieOf("known"), headers });
      expect([second.status, second.body]).toEqual([304, ""]);
    });

    test("HEAD of a page for GET", async () => {
      const app = express()
        .use(session(quiet({ saveUninitialized: true })))
        .get("/", (_req, res) => res.send("hello"));
      const answer = await (await serveApp(app)).get("/", { method: "HEAD" });
      expect([answer.status, answer.body, answer.headers["content-length"]]).toEqual([200, "", "5"]);
      expect(answer.cookie()).toBeDefined();
    });

    test("the middleware used twice is used once", async () => {
      const store = watched(session);
      const middleware = session(quiet({ store }));
      const handler: ExpressHandler = (req, res) => {
        req.session.user = "ann";
        res.send("ok");
      };
      const site = await serveApp(express().use(middleware, middleware).use(handler));
      expect((await site.get()).setCookies).toHaveLength(1);
      expect(store.taken()).toEqual(["set"]);
    });
  });
});
