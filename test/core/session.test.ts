import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type LoginOptions, Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { cookieAfter, testExchange } from "../support/exchange.ts";
import { refusal, rejection, site } from "../support/site.ts";

describe("session.data", () => {
  test("is read, assigned, changed in place and deleted as a plain object is", async () => {
    const { visit, read } = site();
    const { cookie } = await visit(undefined, ({ data }) => {
      data["cart"] = { items: [] };
      data["gone"] = 1;
    });
    await visit(cookie, ({ data }) => {
      (data["cart"] as { items: string[] }).items.push("tea");
      delete data["gone"];
      delete data["never"];
    });
    expect(await read(cookie, ({ data }) => ({ ...data }))).toEqual({ cart: { items: ["tea"] } });
  });

  test("answers in, Object.keys, entries, spread, JSON and hasOwn as a plain object does", async () => {
    const { open } = site();
    const { session } = await open();
    session
      .set("a", 1)
      .set("b", { c: [2] })
      .set("c", undefined);
    const { data } = session;
    expect("a" in data).toBe(true);
    expect("c" in data).toBe(false);
    expect("toString" in data).toBe(false);
    expect(Object.keys(data)).toEqual(["a", "b"]);
    expect(Object.entries(data)).toEqual([
      ["a", 1],
      ["b", { c: [2] }],
    ]);
    expect({ ...data }).toEqual({ a: 1, b: { c: [2] } });
    expect(JSON.stringify(data)).toBe('{"a":1,"b":{"c":[2]}}');
    expect(Object.hasOwn(data, "a")).toBe(true);
    expect(Object.hasOwn(data, "c")).toBe(false);
    expect(inspect(data)).toBe("{ a: 1, b: { c: [ 2 ] } }");
    expect(inspect(data, { showProxy: true })).not.toContain("secret");
    const { a, ...rest } = data;
    expect([a, rest]).toEqual([1, { b: { c: [2] } }]);
  });

  test("is the same object every time, and so are the values in it", async () => {
    const { session } = await site().open();
    session.set("list", [1]);
    expect(session.data).toBe(session.data);
    expect(session.data["list"]).toBe(session.get("list"));
  });

  test("can be awaited, probed and printed without harm", async () => {
    const { visit } = site();
    const { exchange } = await visit(undefined, async (session) => {
      const data = await Promise.resolve(session.data);
      for (const name of [
        "then",
        "toJSON",
        "constructor",
        "valueOf",
        "~flash",
        "__proto__",
        "",
        "a\0b",
        "x".repeat(999),
      ]) {
        expect(data[name]).toBeUndefined();
        expect(name in data).toBe(false);
      }
      expect((data as Record<symbol, unknown>)[Symbol.toPrimitive]).toBeUndefined();
      expect(Object.getPrototypeOf(data)).toBeNull();
      expect(inspect(data)).toBe("{}");
      expect(Object.keys(data)).toEqual([]);
    });
    expect(exchange.cookies).toEqual([]);
  });

  test("shows nothing of what the library keeps with the session", async () => {
    const { visit, read } = site();
    const { cookie } = await visit(undefined, (session) => {
      session.login("ann", { remember: "1d" });
      session.flash("notice", "m");
      session.csrfToken();
      session.createFormToken();
      session.set("mine", 1);
    });
    await read(cookie, ({ data }) => {
      for (const name of ["~auth", "~flash", "~csrf", "~form", "~life", "~device"]) {
        expect(data[name]).toBeUndefined();
        expect(name in data).toBe(false);
        expect(Object.getOwnPropertyDescriptor(data, name)).toBeUndefined();
      }
      expect(Reflect.ownKeys(data)).toEqual(["mine"]);
    });
  });

  test("holds fields named as methods are, as any other", async () => {
    const { visit, read } = site();
    const names = ["constructor", "toString", "hasOwnProperty", "then", "toJSON", "length", "prototype"];
    const { cookie } = await visit(undefined, ({ data }) => {
      for (const name of names) data[name] = `field ${name}`;
    });
    expect(await read(cookie, ({ data }) => names.map((name) => data[name]))).toEqual(
      names.map((name) => `field ${name}`),
    );
  });

  test("refuses names that cannot be fields, and says why", async () => {
    const { session } = await site().open();
    const { data } = session;
    for (const name of ["~auth", "~flash", "~", "__proto__", "", "a\nb", "\ud800", "x".repeat(129)]) {
      for (const work of [
        () => (data[name] = 1),
        () => delete data[name],
        () => Object.defineProperty(data, name, { value: 1 }),
        () => session.set(name, 1),
        () => session.delete(name),
        () => session.get(name),
        () => session.has(name),
        () => session.update(name, () => 1),
        () => session.increment(name),
        () => session.take(name),
        () => session.flash(name, "m"),
      ]) {
        expect(refusal(work)).toMatchObject({ code: "ERR_SESSION_USE" });
        expect(refusal(work).message).toMatch(/field name .* (is not allowed|must have|begins with|holds)/s);
      }
      expect((await rejection(session.claim(name))).code).toBe("ERR_SESSION_USE");
    }
    for (const name of [undefined, 5, Symbol("x"), {}, Object.create(null)]) {
      expect(refusal(() => session.set(name as never, 1)).message).toContain("is not a string");
    }
    expect(session.hasInfo()).toBe(false);
  });

  test("takes data properties by defineProperty, and no accessor, symbol, prototype or lock", async () => {
    const { session } = await site().open();
    const { data } = session;
    Object.defineProperty(data, "a", { value: 1, writable: true, enumerable: true, configurable: true });
    expect(data["a"]).toBe(1);
    expect(Object.getOwnPropertyDescriptor(data, "a")).toEqual({
      value: 1,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    expect(() => Object.defineProperty(data, "b", { get: () => 1, configurable: true })).toThrow(TypeError);
    expect(() => Object.defineProperty(data, "c", { value: 1, configurable: false })).toThrow(TypeError);
    expect(() => ((data as Record<symbol, unknown>)[Symbol("s")] = 1)).toThrow(TypeError);
    expect(() => Object.setPrototypeOf(data, {})).toThrow(TypeError);
    expect(() => Object.freeze(data)).toThrow(TypeError);
    expect(() => Object.preventExtensions(data)).toThrow(TypeError);
    expect(session.keys()).toEqual(["a"]);
    Object.assign(data, { d: 4 });
    expect(session.keys()).toEqual(["a", "d"]);
  });

  test("takes what a client sent without letting it touch a prototype or the library's fields", async () => {
    const { session } = await site().open();
    expect(refusal(() => Object.assign(session.data, JSON.parse('{"__proto__":{"admin":true}}'))).code).toBe(
      "ERR_SESSION_USE",
    );
    expect(refusal(() => Object.assign(session.data, JSON.parse('{"~auth":{"user":"root"}}'))).code).toBe(
      "ERR_SESSION_USE",
    );
    expect((session.data as { admin?: unknown }).admin).toBeUndefined();
    expect(session.user).toBeNull();
  });
});

describe("verbs", () => {
  test("increment counts, from 0 where there is nothing, and by any finite number", async () => {
    const { visit, read } = site();
    const { cookie } = await visit(undefined, (session) => {
      expect(session.increment("n")).toBe(1);
      expect(session.increment("n", 2)).toBe(3);
      expect(session.increment("n", -0.5)).toBe(2.5);
    });
    expect(await read(cookie, (session) => session.get("n"))).toBe(2.5);
  });

  test("a count that was read before another request's commit came in between is exact all the same", async () => {
    const { visit, open, read, manager } = site();
    const { cookie } = await visit(undefined, (session) => session.set("n", 1).set("m", 1));
    const { exchange, session } = await open(cookie);
    expect(session.get("n")).toBe(1);
    session.increment("m");
    await visit(cookie, (other) => other.set("n", 5));
    await session.commit();
    session.increment("n");
    await manager.finishSuccessfulRequest(exchange);
    expect(await read(cookie, ({ data }) => ({ ...data }))).toEqual({ n: 6, m: 2 });
  });

  test("an assignment to a field that was read before another request's commit came in between is a conflict", async () => {
    const { visit, open, manager } = site();
    const conflicts: string[] = [];
    manager.on("conflict", ({ field }) => conflicts.push(field));
    const { cookie } = await visit(undefined, (session) => session.set("n", 1).set("m", 1));
    const { exchange, session } = await open(cookie);
    expect(session.get("n")).toBe(1);
    session.increment("m");
    await visit(cookie, (other) => other.set("n", 5));
    await session.commit();
    session.set("n", 2);
    await manager.finishSuccessfulRequest(exchange);
    expect(conflicts).toEqual(["n"]);
  });

  test("what is staged while commits of this very request are on their way is stored once, and in order", async () => {
    const { visit, open, read, manager } = site();
    const { cookie } = await visit(undefined, (session) => session.set("n", 0).set("last", 0));
    const { exchange, session } = await open(cookie);
    const commits: Promise<void>[] = [];
    for (let turn = 1; turn <= 5; turn += 1) {
      session.increment("n");
      session.set("last", turn);
      commits.push(session.commit());
    }
    session.increment("n");
    session.set("last", 6);
    await manager.finishSuccessfulRequest(exchange);
    await Promise.all(commits);
    expect(await read(cookie, ({ data }) => ({ ...data }))).toEqual({ n: 6, last: 6 });
  });

  test("commits of one request that overlap create one session", async () => {
    const { open, manager } = site();
    const created: string[] = [];
    manager.on("created", ({ id }) => created.push(id));
    const { exchange, session } = await open();
    session.set("a", 1);
    const first = session.commit();
    session.set("b", 2);
    const second = session.commit();
    session.set("c", 3);
    await manager.finishSuccessfulRequest(exchange);
    await Promise.all([first, second]);
    expect(created).toHaveLength(1);
    const next = await manager.startRequest(testExchange({ cookie: cookieAfter(exchange) }));
    expect({ ...next.data }).toEqual({ a: 1, b: 2, c: 3 });
  });

  test.each(["take", "form token"] as const)(
    "of two requests that log in by one %s, one logs in",
    async (kind) => {
      const { visit, open, manager } = site();
      const { cookie, result } = await visit(undefined, (session) => {
        session.set("code", "c").set("keep", 1);
        return session.createFormToken();
      });
      const logins: string[] = [];
      manager.on("login", ({ user }) => logins.push(user));
      const requests = [await open(cookie), await open(cookie)];
      const outcomes = await Promise.allSettled(
        requests.map(async ({ exchange, session }) => {
          if (kind === "take") expect(session.take("code")).toBe("c");
          else expect(session.removeFormToken(result)).toBe(true);
          session.login("ann");
          await manager.finishSuccessfulRequest(exchange);
        }),
      );
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(logins).toEqual(["ann"]);
      expect(requests.flatMap(({ exchange }) => exchange.cookies)).toHaveLength(1);
    },
  );

  test("take and claim give a value once, to a session that is not stored too", async () => {
    const { session } = await site().open();
    session.set("state", "s").set("code", "c");
    expect(session.take("state")).toBe("s");
    expect(session.take("state")).toBeUndefined();
    expect(await session.claim("code")).toBe("c");
    expect(await session.claim("code")).toBeUndefined();
    expect(session.hasInfo()).toBe(false);
  });

  test("wrong arguments are refused by an error that says what to give, and stage nothing", async () => {
    const { open } = site();
    const { session } = await open();
    session.set("text", "x");
    session.login("ann");
    const before = inspect(session);
    const wrong: readonly [work: () => unknown, mend: RegExp][] = [
      [() => session.increment("text"), /does not hold a number/],
      [() => session.increment("n", "1" as never), /number/],
      [() => session.increment("n", Number.NaN), /number/],
      [() => session.increment("n", Number.POSITIVE_INFINITY), /number/],
      [() => session.update("n", 5 as never), /function/],
      [() => session.update("n", async () => 1), /synchronous/],
      [() => session.login(5 as never), /string.*String\(user\.id\)/],
      [() => session.login(""), /1 to 200/],
      [() => session.login("x".repeat(201)), /1 to 200/],
      [() => session.login("a\0"), /1 to 200/],
      [() => session.login("bob", { remember: "forever" as never }), /remember .*"30m"/],
      [() => session.login("bob", { remember: "500d" }), /rememberMax/],
      [() => session.login("bob", { remember: 0 }), /remember/],
      [() => session.login("bob", { methods: "pwd" as never }), /methods.*\["pwd"\]/],
      [() => session.login("bob", { methods: [1] as never }), /methods/],
      [() => session.login("bob", { labels: "tenant:7" as never }), /labels.*\["project:7"\]/],
      [() => session.login("bob", { labels: ["user:root"] }), /"user:"/],
      [() => session.login("bob", { labels: [""] }), /label/],
      [() => session.login("bob", null as never), /options/],
      [() => session.reauthenticate({ methods: "otp" as never }), /methods/],
      [() => session.requireFresh("soon" as never), /maxAge .*"30m"/],
      [() => session.flash(undefined as never, "m"), /not a string/],
    ];
    for (const [work, mend] of wrong) {
      const error = refusal(work);
      expect(error).toMatchObject({
        code: "ERR_SESSION_USE",
        message: expect.stringMatching(mend) as string,
      });
    }
    expect(session.user).toBe("ann");
    expect(inspect(session)).toBe(before);
  });

  test("a login that is refused leaves nobody logged in", async () => {
    const { session } = await site().open();
    session.set("a", 1);
    expect(refusal(() => session.login("ann", { labels: ["user:root"] })).code).toBe("ERR_SESSION_USE");
    expect(refusal(() => session.login("ann", { methods: "pwd" as never })).code).toBe("ERR_SESSION_USE");
    expect(session.user).toBeNull();
  });

  test("a login gives 16 labels at most, those of user, tenant, device and identity among them", async () => {
    const { visit, manager } = site();
    const scope = { tenant: "t", device: "d", identity: { issuer: "i", subject: "s", session: "x" } };
    const texts = Array.from({ length: 16 }, (_, index) => `project:${index}`);
    await visit(undefined, (session) => {
      const tooMany: LoginOptions[] = [{ labels: texts }, { ...scope, labels: texts.slice(0, 12) }];
      for (const options of tooMany)
        expect(refusal(() => session.login("ann", options))).toMatchObject({
          code: "ERR_SESSION_USE",
          message: expect.stringMatching(/16 labels.*17.*Give one label/) as string,
        });
      expect(session.user).toBeNull();
      // What is given twice is one label.
      session.login("ann", { ...scope, labels: [...texts.slice(0, 11), "project:0", "tenant:t"] });
    });
    expect(await manager.revokeWhere({ label: "project:10", tenant: "t" })).toBe(1);
  });

  test("requireFresh refuses a wrong age also when nobody is logged in, and else asks for authentication", async () => {
    const { clock, open } = site();
    const { session } = await open();
    expect(refusal(() => session.requireFresh("soon" as never)).code).toBe("ERR_SESSION_USE");
    expect(refusal(() => session.requireFresh("5m"))).toMatchObject({
      code: "ERR_SESSION_NOT_FRESH",
      status: 401,
    });
    session.login("ann");
    clock.advance(300_000);
    session.requireFresh("5m");
    clock.advance(1);
    expect(refusal(() => session.requireFresh("5m")).code).toBe("ERR_SESSION_NOT_FRESH");
    session.reauthenticate();
    session.requireFresh("5m");
  });

  test("reauthenticate without a user names login", async () => {
    const { session } = await site().open();
    expect(refusal(() => session.reauthenticate())).toMatchObject({ code: "ERR_SESSION_USE" });
    expect(refusal(() => session.reauthenticate()).message).toContain("login(user)");
  });

  test("methods add up over authentications, and nobody outside can change them", async () => {
    const { session } = await site().open();
    session.login("ann", { methods: ["pwd"] });
    session.reauthenticate({ methods: ["otp", "pwd"] });
    (session.methods as string[]).push("forged");
    expect(session.methods).toEqual(["pwd", "otp"]);
  });
});

describe("flash", () => {
  test("messages are shown once, in order, and each kind apart", async () => {
    const { visit, read } = site();
    const { cookie } = await visit(undefined, (session) => {
      session.flash("notice", "one");
      session.flash("error", { text: "bad", at: new Date(0) });
      session.flash("notice", "two");
    });
    await visit(cookie, (session) => expect(session.flash("notice")).toEqual(["one", "two"]));
    await visit(cookie, (session) => {
      expect(session.flash("notice")).toEqual([]);
      expect(session.flash("error")).toEqual([{ text: "bad", at: new Date(0) }]);
      expect(session.flash("error")).toEqual([]);
    });
    expect(await read(cookie, (session) => session.isNew)).toBe(true);
  });

  test("a message of this request is shown in this request, and then not in the next", async () => {
    const { visit } = site();
    const { exchange } = await visit(undefined, (session) => {
      session.flash("notice", "one");
      session.flash("notice", "two");
      expect(session.flash("notice")).toEqual(["one", "two"]);
      session.flash("notice", "three");
      expect(session.flash("notice")).toEqual(["three"]);
    });
    expect(exchange.cookies).toEqual([]);
  });

  test("undefined, null and falsy messages are messages", async () => {
    const { visit } = site();
    const { cookie } = await visit(undefined, (session) => {
      for (const message of [undefined, null, 0, ""]) session.flash("k", message);
    });
    await visit(cookie, (session) => expect(session.flash("k")).toEqual([undefined, null, 0, ""]));
  });

  test("messages of overlapping requests are all kept", async () => {
    const { visit, open, manager } = site();
    const { cookie } = await visit(undefined, (session) => session.set("a", 1));
    const one = await open(cookie);
    const two = await open(cookie);
    one.session.flash("k", "one");
    two.session.flash("k", "two");
    await Promise.all([
      manager.finishSuccessfulRequest(one.exchange),
      manager.finishSuccessfulRequest(two.exchange),
    ]);
    await visit(cookie, (session) =>
      expect((session.flash("k") as string[]).toSorted()).toEqual(["one", "two"]),
    );
  });

  test("a message that was added after another request showed the ones before is not dropped unseen", async () => {
    const { visit, open, manager, read } = site();
    const { cookie } = await visit(undefined, (session) => {
      session.set("keep", 1);
      session.flash("k", "old");
    });
    const slow = await open(cookie);
    expect(slow.session.flash("k")).toEqual(["old"]);
    await visit(cookie, (session) => session.flash("k"));
    await visit(cookie, (session) => session.flash("k", "new"));
    await manager.finishSuccessfulRequest(slow.exchange);
    expect(await read(cookie, (session) => session.flash("k"))).toEqual(["new"]);
  });

  test("of a kind that is a name of JavaScript is empty until something was added", async () => {
    const { session } = await site().open();
    for (const kind of ["constructor", "__proto__", "toString"]) expect(session.flash(kind)).toEqual([]);
    session.flash("constructor", "m");
    expect(session.flash("constructor")).toEqual(["m"]);
  });
});

describe("form tokens and the token against forged requests", () => {
  test("a form token is used up once, and nonsense never is one", async () => {
    const { visit } = site();
    const { cookie, result } = await visit(undefined, (session) => session.createFormToken());
    await visit(cookie, (session) => {
      for (const nonsense of [
        undefined,
        null,
        "",
        5,
        {},
        [result],
        "x".repeat(1_000_000),
        `${String(result)} `,
      ])
        expect(session.removeFormToken(nonsense)).toBe(false);
      expect(session.hasFormToken(result)).toBe(true);
      expect(session.removeFormToken(result)).toBe(true);
      expect(session.removeFormToken(result)).toBe(false);
    });
    await visit(cookie, (session) => expect(session.hasFormToken(result)).toBe(false));
  });

  test("of two requests that use up one form token, one fails", async () => {
    const { visit, open, manager } = site();
    const { cookie, result } = await visit(undefined, (session) => session.createFormToken());
    const requests = [await open(cookie), await open(cookie)];
    for (const { session } of requests) expect(session.removeFormToken(result)).toBe(true);
    const outcomes = await Promise.allSettled(
      requests.map(async ({ exchange, session }) => {
        session.set("keep", 1);
        await manager.finishSuccessfulRequest(exchange);
      }),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  test("a form token of the session that a login of another user leaves can be used up in that very request", async () => {
    const { visit, read } = site();
    const first = await visit(undefined, (session) => {
      session.login("ann");
      return session.createFormToken();
    });
    const { cookie } = await visit(first.cookie, (session) => {
      expect(session.removeFormToken(first.result)).toBe(true);
      session.login("bob");
      session.set("mine", 1);
    });
    expect(await read(cookie, (session) => [session.user, session.keys()])).toEqual(["bob", ["mine"]]);
  });

  test("the 33rd form token pushes out the first", async () => {
    const { session } = await site().open();
    const tokens = Array.from({ length: 33 }, () => session.createFormToken());
    expect(tokens.map((token) => session.hasFormToken(token))).toEqual([false, ...Array(32).fill(true)]);
  });

  test("the csrf token stays the same, and is known from anything else", async () => {
    const { visit, read } = site();
    const { cookie, result } = await visit(undefined, (session) => session.csrfToken());
    await visit(cookie, (session) => {
      expect(session.csrfToken()).toBe(result);
      expect(session.isCsrfToken(result)).toBe(true);
      for (const nonsense of [undefined, null, "", 5, {}, [result]])
        expect(session.isCsrfToken(nonsense)).toBe(false);
    });
    expect(await read(undefined, (session) => session.isCsrfToken(""))).toBe(false);
  });
});

describe("hasInfo", () => {
  test("a default of a schema is no information, and reading it stores nothing", async () => {
    const { visit } = site({
      fields: { views: z.number().default(0), cart: z.array(z.string()).default([]) },
    });
    const { exchange } = await visit(undefined, (session) => {
      expect({ ...session.data }).toEqual({ views: 0, cart: [] });
      expect(session.hasInfo()).toBe(false);
    });
    expect(exchange.cookies).toEqual([]);
  });

  test("a subclass decides anew what is worth keeping, and has its own methods", async () => {
    class Shop extends Session<{ cart: string[]; seen: number }> {
      override hasInfo(): boolean {
        return super.hasInfo() && (this.data.cart?.length ?? 0) > 0;
      }
      add(item: string): void {
        this.update("cart", (cart = []) => [...cart, item]);
      }
    }
    const manager = new SessionManager({ store: memoryStore(), sessionClass: Shop });
    const browsing = testExchange();
    (await manager.startRequest(browsing)).data.seen = 1;
    await manager.finishSuccessfulRequest(browsing);
    expect(browsing.cookies).toEqual([]);

    const buying = testExchange();
    const session = await manager.startRequest(buying);
    expect(session).toBeInstanceOf(Shop);
    session.add("tea");
    await manager.finishSuccessfulRequest(buying);
    const next = testExchange({ cookie: cookieAfter(buying) });
    (await manager.startRequest(next)).data.cart?.pop();
    await manager.finishSuccessfulRequest(next);
    expect(next.cookies).toMatchObject([{ maxAge: 0 }]);
  });

  test("a subclass may look at its data while it is made: that counts as a look", async () => {
    class Eager extends Session<{ cart: string[] }> {
      readonly cart: string[] = this.data.cart ?? [];
    }
    const manager = new SessionManager({ store: memoryStore(), sessionClass: Eager });
    const exchange = testExchange();
    await manager.startRequest(exchange);
    await manager.finishSuccessfulRequest(exchange);
    expect(exchange.headers.get("vary")).toBe("Cookie");
  });

  test("a hasInfo or startRequest that throws fails the request with its own error", async () => {
    class Broken extends Session {
      override hasInfo(): boolean {
        throw new RangeError("mine");
      }
    }
    const manager = new SessionManager({ store: memoryStore(), sessionClass: Broken });
    const exchange = testExchange();
    (await manager.startRequest(exchange)).set("a", 1);
    await expect(Promise.resolve().then(() => manager.finishSuccessfulRequest(exchange))).rejects.toThrow(
      "mine",
    );
  });
});

describe("secrets", () => {
  test("are in nothing that a session, a manager, an event or an error prints, however deep one looks", async () => {
    const { manager, visit, open } = site({ rotateEvery: "10m" });
    const seen: unknown[] = [];
    const names = [
      "created",
      "login",
      "rotated",
      "ended",
      "revoked",
      "rejected",
      "gone",
      "conflict",
      "invalid",
    ] as const;
    for (const name of names) manager.on(name, (event) => seen.push(event));
    const first = await visit(undefined, (session) => session.set("a", 1));
    const { cookie, result, exchange, session } = await visit(first.cookie, (current) => {
      current.login("ann");
      current.set("pin", "data-value-4711");
      return [current.csrfToken(), current.createFormToken()];
    });
    const errors: unknown[] = [];
    const { session: other } = await open(first.cookie);
    for (const work of [
      () => other.increment("a", "x" as never),
      () => session.set("~x", 1),
      () => session.get(""),
    ]) {
      errors.push(refusal(work));
    }
    other.set("pin", () => "data-value-4711");
    errors.push(await rejection(other.commit()));
    const secret = (text: string | undefined): string => (text ?? "").split("=")[1]!.slice(24);
    const secrets = [secret(first.cookie), secret(cookie), ...(result as string[]), "data-value-4711"];
    const things: unknown[] = [session, other, manager, ...seen, ...errors];
    for (const thing of things) {
      for (const text of printedForms(thing)) for (const one of secrets) expect(text).not.toContain(one);
    }
    expect(seen.length).toBeGreaterThan(2);
    expect(exchange.cookies).toHaveLength(1);
  });

  test("a session prints as its id, user and the names of its fields", async () => {
    const { visit } = site();
    const { session } = await visit(undefined, (current) => {
      expect(String(current)).toBe("Session (not stored) (no user)");
      current.login("ann");
      current.set("cart", [1]);
    });
    expect(String(session)).toBe(`Session ${session.id} (user ann)`);
    expect(inspect(session)).toBe(`Session ${session.id} (user ann) { cart }`);
    expect(JSON.parse(JSON.stringify(session))).toMatchObject({
      id: session.id,
      user: "ann",
      fields: ["cart"],
    });
  });

  test("printing is no look: it makes no response depend on the cookie", async () => {
    const { visit } = site();
    const { exchange } = await visit(undefined, (session) => {
      inspect(session);
      JSON.stringify(session);
    });
    expect(exchange.headers.has("vary")).toBe(false);
  });
});

function printedForms(thing: unknown): string[] {
  return [
    String(thing),
    JSON.stringify(thing) ?? "",
    inspect(thing, { depth: 20, showHidden: true }),
    inspect(thing, { depth: 20, showHidden: true, customInspect: false, showProxy: true }),
    ...(thing instanceof Error
      ? [thing.stack ?? "", thing.message, inspect(thing.cause, { depth: 20 })]
      : []),
  ];
}

describe("times and identity", () => {
  test("of a session that is not stored are now, and it has no id", async () => {
    const { clock, open } = site();
    const { session } = await open();
    expect(session).toMatchObject({ id: null, isNew: true, user: null, methods: [], authenticatedAt: null });
    expect(session).toMatchObject({ expiresAt: null, endsAt: null, remoteAddress: null });
    expect(session.createdAt).toBe(clock.now());
    expect([session.age(), session.idleFor()]).toEqual([0, 0]);
  });

  test("of a stored one are the record's", async () => {
    const { clock, visit, open } = site();
    const at = clock.now();
    const { cookie, session: stored } = await visit(undefined, (session) => session.set("a", 1));
    clock.advance(5000);
    const { session } = await open(cookie);
    expect(session).toMatchObject({ id: stored.id, isNew: false, createdAt: at, accessedAt: at });
    expect([session.age(), session.idleFor(), session.age(at + 1)]).toEqual([5000, 5000, 1]);
    expect(session.endsAt).toBe(at + 30 * 86_400_000);
  });

  test("after logout the object is empty, and what is staged then goes into a new session", async () => {
    const { visit, read, manager } = site();
    const { cookie, session: old } = await visit(undefined, (session) => {
      session.login("ann");
      session.set("a", 1);
    });
    const id = old.id;
    const after = await visit(cookie, (session) => {
      session.logout();
      expect([session.user, session.keys(), session.id, session.isNew]).toEqual([null, [], null, true]);
      session.flash("notice", "bye");
    });
    expect(await read(after.cookie, (session) => session.flash("notice"))).toEqual(["bye"]);
    expect(await manager.hasSession(id!)).toBe(false);
    expect(await read(cookie, (session) => session.isNew)).toBe(true);
  });
});
