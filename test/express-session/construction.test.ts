import { EventEmitter } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { quiet, SECRET, serve } from "./support/site.ts";
import { cases } from "./support/subjects.ts";
import type { Request, Store } from "./support/types.ts";

/** The messages of what is deprecated while an act goes on. */
function deprecations(act: () => unknown): string[] {
  const messages: string[] = [];
  const listener = (warning: Error): void => void messages.push(warning.message);
  process.on("deprecation", listener);
  try {
    act();
  } finally {
    process.off("deprecation", listener);
  }
  return messages;
}

cases("the module", (session) => {
  test("is a function", () => {
    expect(session).toBeTypeOf("function");
  });

  test("exports Store, MemoryStore, Cookie and Session", () => {
    for (const name of ["Store", "MemoryStore", "Cookie", "Session"] as const) {
      expect(session[name], name).toBeTypeOf("function");
      expect(session[name].name).toBe(name);
    }
  });

  test("its exports can be counted up", () => {
    expect(Object.keys(session).sort()).toEqual(["Cookie", "MemoryStore", "Session", "Store"]);
  });

  test("makes a middleware of three arguments called session", () => {
    const middleware = session(quiet());
    expect(middleware).toHaveLength(3);
    expect(middleware.name).toBe("session");
  });

  test("makes a middleware without any options", () => {
    let middleware: unknown;
    deprecations(() => (middleware = session()));
    expect(middleware).toBeTypeOf("function");
  });

  test("leaves its options as they are", () => {
    const options = Object.freeze(quiet({ cookie: Object.freeze({ maxAge: 1000 }) }));
    expect(() => session(options)).not.toThrow();
  });

  test("a Store is an event emitter", () => {
    expect(new session.Store()).toBeInstanceOf(EventEmitter);
  });

  test("a MemoryStore is a Store", () => {
    expect(new session.MemoryStore()).toBeInstanceOf(session.Store);
  });
});

cases("options that are refused", (session) => {
  test("a genid that is no function", () => {
    expect(() => session(quiet({ genid: "bogus!" }))).toThrow(
      new TypeError("genid option must be a function"),
    );
  });

  test("a genid that is an object", () => {
    expect(() => session(quiet({ genid: {} }))).toThrow(TypeError);
  });

  test("an unset that is neither destroy nor keep", () => {
    expect(() => session(quiet({ unset: "bogus!" }))).toThrow(
      new TypeError('unset option must be "destroy" or "keep"'),
    );
  });

  test("an empty list of secrets", () => {
    expect(() => session(quiet({ secret: [] }))).toThrow(
      new TypeError("secret option array must contain one or more strings"),
    );
  });

  test("genid is judged before unset", () => {
    expect(() => session(quiet({ genid: 1, unset: "bogus!" }))).toThrow(/genid/);
  });

  test.each(["destroy", "keep", undefined, ""])("but not an unset of %o", (unset) => {
    expect(() => session(quiet({ unset: unset as string }))).not.toThrow();
  });
});

cases("options of the cookie that are refused when a request comes", (session) => {
  test.each([
    [{ maxAge: "1 day" }, "maxAge must be a number or Date"],
    ["path=/", "argument options must be a object"],
  ])("%o", (cookie, message) => {
    const told: unknown[] = [];
    const res = { end() {}, write() {}, writeHead() {} };
    try {
      const middleware = session(quiet({ cookie: cookie as never }));
      middleware({ headers: {}, url: "/" } as Request, res as never, (error) => told.push(error));
    } catch (error) {
      told.push(error);
    }
    expect(told).toEqual([new TypeError(message)]);
  });
});

cases("what is deprecated", (session) => {
  test("leaving resave to its default", () => {
    expect(deprecations(() => session({ secret: SECRET, saveUninitialized: false }))).toEqual([
      "undefined resave option; provide resave option",
    ]);
  });

  test("leaving saveUninitialized to its default", () => {
    expect(deprecations(() => session({ secret: SECRET, resave: false }))).toEqual([
      "undefined saveUninitialized option; provide saveUninitialized option",
    ]);
  });

  test("leaving out the secret", () => {
    expect(deprecations(() => session({ resave: false, saveUninitialized: false }))).toEqual([
      "req.secret; provide secret option",
    ]);
  });

  test("all three at once, in that order", () => {
    expect(deprecations(() => session({}))).toEqual([
      "undefined resave option; provide resave option",
      "undefined saveUninitialized option; provide saveUninitialized option",
      "req.secret; provide secret option",
    ]);
  });

  test("once for each place in the code", () => {
    const messages = deprecations(() => {
      for (let time = 0; time < 3; time += 1) session({ secret: SECRET, saveUninitialized: false });
    });
    expect(messages).toHaveLength(1);
  });

  test("but nothing when all three are given", () => {
    expect(deprecations(() => session(quiet()))).toEqual([]);
  });

  test("an age of the cookie that is a Date", () => {
    const messages = deprecations(() => new session.Cookie({ maxAge: new Date(0) }));
    expect(messages).toEqual(["maxAge as Date; pass number of milliseconds instead"]);
  });

  test("under the namespace express-session", () => {
    const namespaces: unknown[] = [];
    const listener = (warning: Error & { namespace?: string }): void =>
      void namespaces.push(warning.namespace);
    process.on("deprecation", listener);
    onTestFinished(() => void process.off("deprecation", listener));
    session({ secret: SECRET, resave: false });
    expect(namespaces).toEqual(["express-session"]);
  });
});

cases("the secret", (session) => {
  test("is missed when a request comes, not before", async () => {
    const site = await serve(session, { secret: undefined });
    const answer = await site.get();
    expect(answer.status).toBe(500);
    expect(answer.body).toBe("secret option required for sessions");
  });

  test("an empty one is none", async () => {
    const site = await serve(session, { secret: "" });
    expect((await site.get()).status).toBe(500);
  });

  test("is taken from req.secret where it was not given", async () => {
    const site = await serve(
      session,
      { secret: undefined },
      (req, res) => {
        req.session.count = (req.session.count ?? 0) + 1;
        res.end(String(req.session.count));
      },
      { before: (req) => (req.secret = SECRET) },
    );
    const first = await site.get();
    expect(first.body).toBe("1");
    expect((await site.get("/", { cookie: first })).body).toBe("2");
  });

  test("that was given goes before req.secret", async () => {
    const site = await serve(session, { saveUninitialized: true, genid: () => "apple" }, undefined, {
      before: (req) => (req.secret = "another"),
    });
    const line = (await site.get()).cookie()?.value;
    expect(line).toBe("s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU");
  });
});

cases("the store", (session) => {
  test("is a MemoryStore where none was given", async () => {
    const site = await serve(session, {}, (req, res) =>
      res.end(String(req.sessionStore instanceof session.MemoryStore)),
    );
    expect((await site.get()).body).toBe("true");
  });

  test("is not shared by two middlewares that were given none", async () => {
    const write = await serve(session, {}, (req, res) => {
      req.session.user = "ann";
      res.end();
    });
    const read = await serve(session, {}, (req, res) => res.end(String(req.session.user)));
    expect((await read.get("/", { cookie: await write.get() })).body).toBe("undefined");
  });

  test("gets a function that generates sessions", () => {
    const store = new session.MemoryStore();
    session(quiet({ store }));
    expect(store.generate).toBeTypeOf("function");
  });

  test("is listened to for disconnect and connect", () => {
    const store = new session.MemoryStore();
    session(quiet({ store }));
    expect(store.listenerCount("disconnect")).toBe(1);
    expect(store.listenerCount("connect")).toBe(1);
  });

  test("has to be an event emitter", () => {
    expect(() => session(quiet({ store: {} as Store }))).toThrow(TypeError);
  });
});
