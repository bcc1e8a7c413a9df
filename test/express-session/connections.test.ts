import { describe, expect, test } from "vitest";
import { sendRaw } from "./support/client.ts";
import { serve, serveMiddleware } from "./support/site.ts";
import { put, stored, watched } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Response } from "./support/types.ts";

cases("an answer that others have wrapped", (session) => {
  /** Counts what is written through a wrap that knows nothing of sessions. */
  function wrap(res: Response): { readonly seen: string[] } {
    const seen: string[] = [];
    const write = res.write.bind(res) as (...args: unknown[]) => boolean;
    const end = res.end.bind(res) as (...args: unknown[]) => Response;
    res.write = ((chunk: unknown, ...rest: unknown[]) => {
      seen.push(`write ${String(chunk)}`);
      return write(chunk, ...rest);
    }) as never;
    res.end = ((chunk?: unknown, ...rest: unknown[]) => {
      seen.push("end");
      return end(chunk, ...rest);
    }) as never;
    return { seen };
  }

  test("before the middleware is whole", async () => {
    const site = await serve(
      session,
      {},
      (req, res) => {
        req.session.user = "ann";
        res.write("hello, ");
        res.end("world");
      },
      { before: (_req, res) => void wrap(res) },
    );
    const answer = await site.get();
    expect(answer.body).toBe("hello, world");
    expect(answer.cookie()).toBeDefined();
  });

  test("after the middleware is whole", async () => {
    let seen: readonly string[] = [];
    const site = await serve(session, {}, (req, res) => {
      ({ seen } = wrap(res));
      req.session.user = "ann";
      res.write("hello, ");
      res.end("world");
    });
    const answer = await site.get();
    expect(answer.body).toBe("hello, world");
    expect(answer.cookie()).toBeDefined();
    expect(seen).toEqual(["write hello, ", "end"]);
  });

  test("by a writeHead of their own that adds a header still gets it", async () => {
    const site = await serve(session, { saveUninitialized: true }, (_req, res) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => Response;
      res.writeHead = ((...args: unknown[]) => {
        res.setHeader("X-Time", "1 ms");
        return writeHead(...args);
      }) as never;
      res.end("hello");
    });
    const answer = await site.get();
    expect(answer.headers["x-time"]).toBe("1 ms");
    expect(answer.cookie()).toBeDefined();
  });
});

cases("the connection", (session) => {
  test("is kept for the next request", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, count: 0 });
    const site = await serve(session, { store }, (req, res) => {
      req.session.count = (req.session.count ?? 0) + 1;
      const body = String(req.session.count);
      res.setHeader("Content-Length", body.length);
      res.end(body);
    });
    const request = `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookieOf("known")}\r\n`;
    const text = await sendRaw(site.origin, `${request}\r\n${request}Connection: close\r\n\r\n`);
    expect(text.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(text.match(/\r\n\r\n(\d)/g)?.map((found) => found.trim())).toHaveLength(2);
  });

  test("of HTTP/1.0 gets a whole answer with the cookie", async () => {
    const site = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end("hello");
    });
    const text = await sendRaw(site.origin, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/\r\nSet-Cookie: connect\.sid=s%3A/i);
    expect(text).toMatch(/\r\n\r\nhello$/);
    expect(text).not.toMatch(/chunked/i);
  });

  test("of HTTP/1.0 without a session's change gets a whole answer", async () => {
    const site = await serve(session, {}, (_req, res) => {
      res.write("hel");
      res.end("lo");
    });
    const text = await sendRaw(site.origin, "GET / HTTP/1.0\r\n\r\n");
    expect(text).toMatch(/\r\n\r\nhello$/);
  });

  describe("that the client closes early", () => {
    test("still has its session stored", async () => {
      const store = watched(session);
      await put(store, "known", { cookie: {} });
      let closed = (): void => {};
      const gone = new Promise<void>((resolve) => (closed = resolve));
      const site = await serve(session, { store }, async (req, res) => {
        res.on("close", closed);
        res.write("hello");
        await gone;
        req.session.user = "ann";
        res.end();
      });
      const controller = new AbortController();
      const headers = { cookie: cookieOf("known") };
      const answer = await fetch(site.origin, { headers, signal: controller.signal });
      expect(answer.status).toBe(200);
      controller.abort();
      await expect.poll(async () => (await stored(store, "known"))?.["user"]).toBe("ann");
    });
  });
});

cases("two middlewares, one after another", (session) => {
  test("of which the second finds a session leave one cookie", async () => {
    const one = session({ secret: "one", resave: false, saveUninitialized: true, name: "one" });
    const two = session({ secret: "two", resave: false, saveUninitialized: true, name: "two" });
    const site = await serveMiddleware(
      (req, res, next) => one(req, res, (error) => (error ? next(error) : two(req, res, next))),
      (_req, res) => res.end("once"),
    );
    const answer = await site.get();
    expect(answer.setCookies.map(({ name }) => name)).toEqual(["one"]);
    expect(answer.body).toBe("once");
  });
});
