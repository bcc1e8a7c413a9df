import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { type Handler, serve, type Site } from "./support/site.ts";
import { put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Response } from "./support/types.ts";

cases("an answer", (session) => {
  /** A site whose handler changes the session, and then answers so. */
  async function siteThat(answer: Handler): Promise<Site & { readonly store: WatchedStore }> {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res, next) => {
      req.session.user = "ann";
      return answer(req, res, next);
    });
    return { ...site, store };
  }

  const bodies: Readonly<Record<string, [body: string, act: (res: Response) => unknown]>> = {
    "of end with a text": ["hello", (res) => res.end("hello")],
    "of end with a Buffer": ["hello", (res) => res.end(Buffer.from("hello"))],
    "of end with a Uint8Array": ["hello", (res) => res.end(new Uint8Array(Buffer.from("hello")))],
    "of end with an encoding": ["hello", (res) => res.end("68656c6c6f", "hex")],
    "of end with text beyond ASCII": ["grün 🍎", (res) => res.end("grün 🍎")],
    "of end with nothing": ["", (res) => res.end()],
    "of end with null": ["", (res) => res.end(null)],
    "of end with an empty text": ["", (res) => res.end("")],
    "of end with undefined": ["", (res) => res.end(undefined)],
    "of write and end": [
      "hello, world",
      (res) => {
        res.write("hello, ");
        res.end("world");
      },
    ],
    "of write and an empty end": [
      "hello",
      (res) => {
        res.write("hello");
        res.end();
      },
    ],
    "of write with an encoding": [
      "hello",
      (res) => {
        res.write("aGVs", "base64");
        res.end("lo");
      },
    ],
    "of many writes": [
      "0123456789",
      (res) => {
        for (let at = 0; at < 10; at += 1) res.write(String(at));
        res.end();
      },
    ],
    "of writeHead and end": ["hello", (res) => res.writeHead(200, { "X-A": "b" }).end("hello")],
    "of flushHeaders and end": [
      "hello",
      (res) => {
        res.flushHeaders();
        res.end("hello");
      },
    ],
    "with a length of its own": [
      "session saved",
      (res) => {
        res.setHeader("Content-Length", "13");
        res.end("session saved");
      },
    ],
    "with a length of its own, in bytes": [
      "grün",
      (res) => {
        res.setHeader("Content-Length", 5);
        res.end("grün");
      },
    ],
    "with a length of its own, and more than one write": [
      "hello, world",
      (res) => {
        res.setHeader("Content-Length", "12");
        res.write("hello, ");
        res.end("world");
      },
    ],
    "with a length of one byte": [
      "x",
      (res) => {
        res.setHeader("Content-Length", "1");
        res.end("x");
      },
    ],
    "with a length of 0": [
      "",
      (res) => {
        res.setHeader("Content-Length", "0");
        res.end();
      },
    ],
    "with a length given to writeHead": [
      "hello",
      (res) => res.writeHead(200, { "Content-Length": "5" }).end("hello"),
    ],
    "that is piped": [
      "abc",
      (res) => {
        Readable.from(["a", "b", "c"]).pipe(res);
      },
    ],
    "of a pipeline": ["abc", (res) => pipeline(Readable.from(["a", "b", "c"]), res)],
    "of a megabyte": ["m".repeat(1_000_000), (res) => res.end("m".repeat(1_000_000))],
  };

  test.each(Object.entries(bodies))(
    "%s is whole, and its session is stored and sent",
    async (_, [body, act]) => {
      const site = await siteThat((_req, res) => act(res));
      const answer = await site.get();
      expect([answer.status, answer.body.length, answer.body === body]).toEqual([200, body.length, true]);
      expect(answer.cookie()).toBeDefined();
      expect(site.store.taken()).toEqual(["set"]);
      expect((await stored(site.store, answer.sid()))?.["user"]).toBe("ann");
      expect(site.errors).toEqual([]);
    },
  );

  test.each([201, 204, 205, 304, 400, 404, 500])("of status %d has the cookie", async (status) => {
    const site = await siteThat((_req, res) => {
      res.statusCode = status;
      res.end();
    });
    const answer = await site.get();
    expect([answer.status, answer.body]).toEqual([status, ""]);
    expect(answer.cookie()).toBeDefined();
    expect(site.store.taken()).toEqual(["set"]);
  });

  test.each([301, 302, 303, 307])("that redirects by %d has the cookie", async (status) => {
    const site = await siteThat((_req, res) => {
      res.writeHead(status, { Location: "/next" });
      res.end();
    });
    const answer = await site.get();
    expect([answer.status, answer.headers.location]).toEqual([status, "/next"]);
    expect(answer.cookie()).toBeDefined();
  });

  test("to HEAD has the cookie and no body", async () => {
    const site = await siteThat((_req, res) => {
      res.setHeader("Content-Length", "5");
      res.end("hello");
    });
    const answer = await site.get("/", { method: "HEAD" });
    expect([answer.status, answer.body, answer.headers["content-length"]]).toEqual([200, "", "5"]);
    expect(answer.cookie()).toBeDefined();
    expect(site.store.taken()).toEqual(["set"]);
  });

  test.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("to %s has the cookie", async (method) => {
    const site = await siteThat((_req, res) => res.end("done"));
    const answer = await site.get("/", { method });
    expect(answer.body).toBe("done");
    expect(answer.cookie()).toBeDefined();
  });

  test("to a request with a body leaves that body to the handler", async () => {
    const site = await siteThat(async (req, res) => {
      let body = "";
      for await (const chunk of req) body += String(chunk);
      res.end(body);
    });
    expect((await site.post("/", { body: "of the request" })).body).toBe("of the request");
  });

  test("keeps its headers and its reason", async () => {
    const site = await siteThat((_req, res) => {
      res.setHeader("X-One", "1");
      res.writeHead(202, "Fine", { "X-Two": ["2", "3"] });
      res.end();
    });
    const answer = await site.get();
    expect([answer.status, answer.headers["x-one"], answer.headers["x-two"]]).toEqual([202, "1", "2, 3"]);
  });

  test("that is ended twice is what it was first", async () => {
    const site = await siteThat((_req, res) => {
      res.setHeader("Content-Type", "text/plain");
      res.end("Hello, world!");
      res.end();
      res.end("again");
    });
    const answer = await site.get();
    expect([answer.body, answer.headers["content-type"]]).toEqual(["Hello, world!", "text/plain"]);
    expect(site.store.taken()).toEqual(["set"]);
  });

  test("cannot get headers after its end", async () => {
    const site = await siteThat((_req, res) => {
      res.end();
      expect(() => res.setHeader("X-Late", "1")).toThrow(/Cannot set headers after they are sent/);
      expect(res.headersSent).toBe(true);
    });
    expect((await site.get()).status).toBe(200);
    expect(site.errors).toEqual([]);
  });

  test("emits finish once", async () => {
    let finished = 0;
    const site = await siteThat((_req, res) => {
      res.on("finish", () => (finished += 1));
      res.end("hello");
    });
    await site.get();
    await expect.poll(() => finished).toBe(1);
  });

  test("that fails in the handler before its start is the error handler's, with the session stored", async () => {
    const site = await siteThat((_req, _res, next) => next(new Error("handled")));
    const answer = await site.get();
    expect([answer.status, answer.body]).toEqual([500, "handled"]);
    expect((await stored(site.store, answer.sid()))?.["user"]).toBe("ann");
  });

  test("changes the session until end is called", async () => {
    const site = await siteThat((req, res) => {
      res.write("hello");
      req.session.user = "bob";
      res.end();
    });
    const answer = await site.get();
    expect((await stored(site.store, answer.sid()))?.["user"]).toBe("bob");
  });

  test("whose head was sent before the session changed has no cookie", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      res.write("hello");
      req.session.user = "ann";
      res.end();
    });
    const answer = await site.get();
    expect([answer.body, answer.setCookies.length]).toEqual(["hello", 0]);
  });

  test("of a known session whose head was sent before the session changed is stored", async () => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, user: "ann" });
    const site = await serve(session, { store }, (req, res) => {
      res.write("hello");
      req.session.user = "bob";
      res.end();
    });
    await site.get("/", { cookie: cookieOf("known") });
    expect((await stored(store, "known"))?.["user"]).toBe("bob");
  });

  /** A site whose store holds one kind of call back until it is told to go on. */
  async function siteHolding(
    call: "set" | "touch",
    answer: Handler,
  ): Promise<Site & { goOn(first: () => void): Promise<void> }> {
    const store = watched(session);
    await put(store, "known", { cookie: {} });
    let held: (() => void) | undefined;
    store[call] = (_id: string, _data: unknown, done?: () => void) => {
      held = () => done?.();
    };
    const site = await serve(session, { store }, answer);
    const goOn = async (first: () => void): Promise<void> => {
      await expect.poll(() => held).toBeDefined();
      // Whole answers to others come and go meanwhile.
      for (let more = 0; more < 3; more += 1) await site.get("/other");
      first();
      held?.();
    };
    return { ...site, goOn };
  }

  test.each(["set", "touch"] as const)("is only over when the store has done its %s", async (call) => {
    const order: string[] = [];
    const site = await siteHolding(call, (req, res) => {
      if (call === "set" && req.url === "/") req.session.user = "ann";
      res.end("hello");
    });
    const answer = site.get("/", { cookie: cookieOf("known") }).then(({ body }) => order.push(body));
    await site.goOn(() => order.push("stored"));
    await answer;
    expect(order).toEqual(["stored", "hello"]);
  });
});
