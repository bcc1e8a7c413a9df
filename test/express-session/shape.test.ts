import { describe, expect, test } from "vitest";
import { serve, type Site } from "./support/site.ts";
import { put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Request, Response } from "./support/types.ts";

const METHODS = ["destroy", "regenerate", "reload", "resetMaxAge", "save", "touch"] as const;

cases("the properties of req.session", (session) => {
  async function onSession(show: (req: Request) => unknown, fields: object = {}): Promise<unknown> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/", httpOnly: true }, ...fields });
    const site = await serve(session, { store }, (req, res) => res.end(JSON.stringify(show(req) ?? null)));
    return JSON.parse((await site.get("/", { cookie: cookieOf("known") })).body);
  }

  test("that Object.keys gives are the fields and the cookie", async () => {
    expect(await onSession((req) => Object.keys(req.session).sort(), { b: 1, a: 2 })).toEqual([
      "a",
      "b",
      "cookie",
    ]);
  });

  test("that for-in gives are the fields and the cookie", async () => {
    const keys = await onSession(
      (req) => {
        const found: string[] = [];
        for (const key in req.session) found.push(key);
        return found.sort();
      },
      { foo: 1, bar: 2 },
    );
    expect(keys).toEqual(["bar", "cookie", "foo"]);
  });

  test("that JSON gives are the cookie and the fields", async () => {
    expect(await onSession((req) => req.session, { user: "ann" })).toEqual({
      cookie: { expires: null, httpOnly: true, path: "/" },
      user: "ann",
    });
  });

  test("that a spread gives are the fields and the cookie", async () => {
    expect(await onSession((req) => Object.keys({ ...req.session }).sort(), { a: 1 })).toEqual([
      "a",
      "cookie",
    ]);
  });

  test("are told by in and hasOwn", async () => {
    const told = await onSession(
      (req) => ["user" in req.session, Object.hasOwn(req.session, "user"), "none" in req.session],
      { user: "ann" },
    );
    expect(told).toEqual([true, true, false]);
  });

  test("may be deleted", async () => {
    const left = await onSession(
      (req) => {
        delete req.session.user;
        return ["user" in req.session, req.session.user ?? null];
      },
      { user: "ann" },
    );
    expect(left).toEqual([false, null]);
  });

  test("that are methods are functions and not enumerable", async () => {
    const told = await onSession((req) =>
      METHODS.map((name) => [typeof req.session[name], Object.keys(req.session).includes(name)]),
    );
    expect(told).toEqual(METHODS.map(() => ["function", false]));
  });

  test("id and req are neither enumerable nor stored", async () => {
    const told = await onSession((req) => {
      const keys = Object.keys(req.session);
      return [keys.includes("id"), keys.includes("req"), "id" in req.session, "req" in req.session];
    });
    expect(told).toEqual([false, false, true, true]);
  });

  test("may be assigned all at once", async () => {
    const told = await onSession((req) => {
      Object.assign(req.session, { a: 1, b: [2] });
      return [req.session["a"], req.session["b"]];
    });
    expect(told).toEqual([1, [2]]);
  });

  test("keep their identity within a request", async () => {
    const told = await onSession(
      (req) => {
        const { items } = req.session;
        items?.push("b");
        return [req.session.items === items, req.session.items];
      },
      { items: ["a"] },
    );
    expect(told).toEqual([true, ["a", "b"]]);
  });

  test("may be defined with a getter", async () => {
    const told = await onSession((req) => {
      Object.defineProperty(req.session, "twice", { get: () => 2, enumerable: true });
      return req.session["twice"];
    });
    expect(told).toBe(2);
  });
});

cases("names of fields that mean something else", (session) => {
  test.each(METHODS)("a stored field %s does not hide the method", async (name) => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, [name]: "nope", user: "ann" });
    const site = await serve(session, { store }, (req, res) =>
      res.end(`${typeof req.session[name]} ${req.session.user}`),
    );
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("function ann");
  });

  test.each(["id", "req"])("a stored field %s does not hide the session's own", async (name) => {
    const store = watched(session);
    await put(store, "known", { cookie: {}, [name]: "nope" });
    const site = await serve(session, { store }, (req, res) =>
      res.end(JSON.stringify([req.session.id, req.session["req"] === req])),
    );
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe('["known",true]');
  });

  test.each(["constructor", "toString", "hasOwnProperty", "valueOf"])(
    "a stored field %s does not hide what every object has",
    async (name) => {
      const store = watched(session);
      await put(store, "known", { cookie: {}, [name]: "nope" });
      const site = await serve(session, { store }, (req, res) => res.end(typeof req.session[name]));
      expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("function");
    },
  );

  test("a stored __proto__ does not change what the session is", async () => {
    const store = watched(session);
    store.get = (_id, done) =>
      done(null, JSON.parse('{"cookie":{},"__proto__":{"admin":true},"user":"ann"}'));
    const site = await serve(session, { store }, (req, res) =>
      res.end(JSON.stringify([req.session["admin"] ?? null, req.session.user, typeof req.session.save])),
    );
    const { body } = await site.get("/", { cookie: cookieOf("known") });
    expect(JSON.parse(body)).toEqual([null, "ann", "function"]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test("what a store inherits to the session is taken over", async () => {
    const store = watched(session);
    store.get = (_id, done) =>
      done(null, Object.assign(Object.create({ user: "ann" }), { cookie: {} }) as never);
    const site = await serve(session, { store }, (req, res) => res.end(req.session.user));
    expect((await site.get("/", { cookie: cookieOf("known") })).body).toBe("ann");
  });
});

cases("values", (session) => {
  async function siteThatKeeps(): Promise<Site & { readonly store: WatchedStore }> {
    const store = watched(session);
    const site = await serve(session, { store }, (req: Request, res: Response) => {
      if (req.method !== "POST") return res.end(JSON.stringify(req.session["value"] ?? "absent"));
      req.session["value"] = (req as unknown as { value: unknown }).value;
      req.session.user = "ann";
      return res.end();
    });
    return { ...site, store };
  }

  /** What the next request sees of a value that one request assigns. */
  async function through(value: unknown): Promise<unknown> {
    const site = await siteThatKeeps();
    site.server.prependListener("request", (req: { value?: unknown }) => {
      req.value = value;
    });
    const first = await site.post();
    expect(first.status).toBe(200);
    return JSON.parse((await site.get("/", { cookie: first })).body);
  }

  const same: Readonly<Record<string, unknown>> = {
    "a text": "plain",
    "a text beyond ASCII": "ü 漢字 🍎 \u2028 \u0000",
    "half a character": "\ud83c",
    "an empty text": "",
    "a number": -1.5e300,
    zero: 0,
    false: false,
    "a list of all kinds": [1, "a", null, true, { deep: [[]] }],
    "names of fields beyond ASCII": { "ключ 🔑": { "": 1 } },
    "a megabyte": "x".repeat(1_000_000),
    "ten thousand items": Array.from({ length: 10_000 }, (_, index) => index),
    "fifty levels": Array.from({ length: 50 }).reduce<unknown>((inner) => ({ inner }), "bottom"),
  };

  test.each(Object.entries(same))("%s comes back as it went in", async (_, value) => {
    expect(await through(value)).toEqual(value);
  });

  const changed: readonly [string, unknown, unknown][] = [
    ["a Date comes back as a text", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["NaN comes back as nothing", Number.NaN, "absent"],
    ["a Map comes back empty", new Map([["a", 1]]), {}],
    ["undefined comes back as nothing", undefined, "absent"],
    ["a function comes back as nothing", () => 1, "absent"],
    ["an object that has toJSON comes back as it says", { toJSON: () => ["said"] }, ["said"]],
    ["undefined in a list comes back as null", [undefined, 1], [null, 1]],
  ];

  test.each(changed)("%s", async (_, value, expected) => {
    expect(await through(value)).toEqual(expected);
  });

  describe("that JSON cannot hold", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;

    test.each([
      ["a circle", circle, /circular/i],
      ["a bigint", 1n, /BigInt/],
    ])("%s fails where the answer ends, and the application can catch it", async (_, value, message) => {
      const site = await serve(session, {}, (req, res) => {
        req.session["value"] = value;
        try {
          res.end("never");
        } catch (error) {
          delete req.session["value"];
          throw error;
        }
      });
      // The middleware counts the answer as ended, so that only what it threw is left to look at.
      void site.get().catch(() => undefined);
      await expect.poll(() => site.errors.length).toBeGreaterThan(0);
      expect(site.errors[0]?.message).toMatch(message);
    });
  });

  test("many fields come back", async () => {
    const store = watched(session);
    const site = await serve(session, { store }, (req, res) => {
      if (req.url === "/fill") for (let at = 0; at < 1000; at += 1) req.session[`f${at}`] = at;
      res.end(String(Object.keys(req.session).length));
    });
    const first = await site.get("/fill");
    expect((await site.get("/", { cookie: first })).body).toBe("1001");
    expect((await stored(store, first.sid()))?.["f999"]).toBe(999);
  });
});
