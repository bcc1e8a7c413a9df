import { describe, expect, test } from "vitest";
import { count, finished, put, stored } from "./support/stores.ts";
import { cases } from "./support/subjects.ts";
import { HOUR, MINUTE, stoppedTime } from "./support/time.ts";
import type { Done, MemoryStore, Request, Session, Stored } from "./support/types.ts";

/** All that a MemoryStore has, by its ids. */
function all(store: MemoryStore): Promise<Record<string, Stored>> {
  return new Promise((resolve, reject) => {
    store.all((error, sessions) => (error ? reject(error as Error) : resolve(sessions ?? {})));
  });
}

function ending(ms: number): { cookie: Record<string, unknown> } {
  return { cookie: { originalMaxAge: ms, expires: new Date(Date.now() + ms) } };
}

cases("a MemoryStore", ({ MemoryStore, Cookie }) => {
  test("has every method of a store", () => {
    const store = new MemoryStore();
    for (const name of ["all", "clear", "destroy", "get", "length", "set", "touch"] as const)
      expect(store[name], name).toBeTypeOf("function");
  });

  test("has nothing at first", async () => {
    const store = new MemoryStore();
    expect(await count(store)).toBe(0);
    expect(await all(store)).toEqual({});
    expect(await stored(store, "none")).toBeUndefined();
  });

  test("gives what was set", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, user: "ann" });
    expect(await stored(store, "one")).toEqual({ cookie: {}, user: "ann" });
  });

  test("holds a copy of what was set", async () => {
    const store = new MemoryStore();
    const data = { cookie: {}, items: ["a"] };
    await put(store, "one", data);
    data.items.push("b");
    expect(await stored(store, "one")).toEqual({ cookie: {}, items: ["a"] });
  });

  test("gives a copy of what it holds", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, items: ["a"] });
    const first = await stored(store, "one");
    (first?.["items"] as string[] | undefined)?.push("b");
    expect(await stored(store, "one")).toEqual({ cookie: {}, items: ["a"] });
  });

  test("replaces all of a session", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, a: 1 });
    await put(store, "one", { cookie: {}, b: 2 });
    expect(await stored(store, "one")).toEqual({ cookie: {}, b: 2 });
    expect(await count(store)).toBe(1);
  });

  test("destroys one session", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {} });
    await put(store, "two", { cookie: {} });
    await finished((done) => store.destroy("one", done));
    expect(Object.keys(await all(store))).toEqual(["two"]);
  });

  test("destroys what it does not have without an error", async () => {
    await expect(finished((done) => new MemoryStore().destroy("none", done))).resolves.toBeUndefined();
  });

  test("clears all", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {} });
    await put(store, "two", { cookie: {} });
    await finished((done) => store.clear(done));
    expect(await count(store)).toBe(0);
  });

  test("lists all by their ids", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, a: 1 });
    await put(store, "two", { cookie: {}, a: 2 });
    expect(await all(store)).toEqual({ one: { cookie: {}, a: 1 }, two: { cookie: {}, a: 2 } });
  });

  test.each(["__proto__", "constructor", "toString"])("takes %s for an id like any other", async (id) => {
    const store = new MemoryStore();
    expect(await stored(store, id)).toBeUndefined();
    await put(store, id, { cookie: {}, user: "ann" });
    expect((await stored(store, id))?.["user"]).toBe("ann");
    expect(await count(store)).toBe(1);
    await finished((done) => store.destroy(id, done));
    expect(await count(store)).toBe(0);
  });

  test("needs no callbacks but to read", async () => {
    const store = new MemoryStore();
    store.set("one", { cookie: {} });
    store.touch("one", { cookie: {} });
    expect(await count(store)).toBe(1);
    store.destroy("one");
    store.clear();
    expect(await count(store)).toBe(0);
  });

  test("never calls back before the call returns", async () => {
    const store = new MemoryStore();
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    store.set("one", { cookie: {} }, note("set"));
    store.get("one", note("get"));
    store.touch("one", { cookie: {} }, note("touch"));
    store.all(note("all"));
    store.destroy("one", note("destroy"));
    store.clear(note("clear"));
    expect(order).toEqual([]);
    await expect.poll(() => order).toEqual(["set", "get", "touch", "all", "destroy", "clear"]);
  });

  describe("and expiry", () => {
    test("gives a session until its moment, and not from then on", async () => {
      const time = stoppedTime();
      const store = new MemoryStore();
      await put(store, "one", ending(MINUTE));
      time.pass(MINUTE - 1);
      expect(await stored(store, "one")).toBeDefined();
      time.pass(1);
      expect(await stored(store, "one")).toBeUndefined();
    });

    test("neither counts nor lists what has expired", async () => {
      const time = stoppedTime();
      const store = new MemoryStore();
      await put(store, "short", ending(MINUTE));
      await put(store, "long", ending(HOUR));
      time.pass(MINUTE);
      expect(Object.keys(await all(store))).toEqual(["long"]);
      expect(await count(store)).toBe(1);
    });

    test.each([null, undefined, false])("keeps a session whose cookie has %o for it", async (expires) => {
      const time = stoppedTime();
      const store = new MemoryStore();
      await put(store, "one", { cookie: { expires } });
      time.pass(1000 * HOUR);
      expect(await stored(store, "one")).toBeDefined();
    });

    test("keeps a session without a cookie", async () => {
      const store = new MemoryStore();
      await put(store, "one", { user: "ann" });
      expect(await stored(store, "one")).toEqual({ user: "ann" });
    });

    test("touch moves it", async () => {
      const time = stoppedTime();
      const store = new MemoryStore();
      await put(store, "one", { ...ending(MINUTE), user: "ann" });
      time.pass(40_000);
      await finished((done) => store.touch("one", { cookie: new Cookie({ maxAge: MINUTE }) }, done));
      time.pass(40_000);
      expect((await stored(store, "one"))?.["user"]).toBe("ann");
    });

    test("touch keeps to the cookie and leaves the fields", async () => {
      const store = new MemoryStore();
      await put(store, "one", { cookie: {}, user: "ann" });
      await finished((done) => store.touch("one", { cookie: { path: "/x" }, user: "bob" }, done));
      expect(await stored(store, "one")).toEqual({ cookie: { path: "/x" }, user: "ann" });
    });

    test("touch does not make a session that is not there", async () => {
      const store = new MemoryStore();
      await finished((done) => store.touch("none", ending(MINUTE), done));
      expect(await count(store)).toBe(0);
    });

    test("touch does not bring back what has expired", async () => {
      const time = stoppedTime();
      const store = new MemoryStore();
      await put(store, "one", ending(MINUTE));
      time.pass(MINUTE);
      await finished((done) => store.touch("one", ending(HOUR), done));
      expect(await stored(store, "one")).toBeUndefined();
    });
  });
});

cases("what every Store has", (session) => {
  const { MemoryStore, Store, Session, Cookie } = session;

  test("createSession puts a session on the request", () => {
    const store = new MemoryStore();
    const req = { sessionID: "one", sessionStore: store } as unknown as Request;
    const made = store.createSession(req, { cookie: { path: "/foo" }, user: "ann" });
    expect(req.session).toBe(made);
    expect(made).toBeInstanceOf(Session);
    expect(made.cookie).toBeInstanceOf(Cookie);
    expect([made.id, made.user, made.cookie.path]).toEqual(["one", "ann", "/foo"]);
  });

  test("createSession makes a Date of what was stored as a text, and keeps the original age", () => {
    const expires = "2040-01-01T00:00:00.000Z";
    const made = new Store().createSession(
      { sessionID: "one" },
      { cookie: { expires, originalMaxAge: 1234 } },
    );
    expect(made.cookie.expires).toEqual(new Date(expires));
    expect(made.cookie.originalMaxAge).toBe(1234);
  });

  test("createSession takes a Date as well", () => {
    const expires = new Date(Date.UTC(2040, 0, 1));
    const made = new Store().createSession({ sessionID: "one" }, { cookie: { expires, originalMaxAge: 5 } });
    expect(made.cookie.expires).toEqual(expires);
  });

  test("createSession fails on what has no cookie", () => {
    expect(() => new Store().createSession({ sessionID: "one" }, { user: "ann" })).toThrow(TypeError);
  });

  test("load gives a session without a request", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, user: "ann" });
    const loaded = await new Promise<Session | undefined>((resolve) => {
      store.load("one", (_error, found) => resolve(found));
    });
    expect(loaded).toBeInstanceOf(Session);
    expect([loaded?.id, loaded?.user]).toEqual(["one", "ann"]);
  });

  test("load gives a session that can be saved", async () => {
    const store = new MemoryStore();
    await put(store, "one", { cookie: {}, user: "ann" });
    const loaded = await new Promise<Session | undefined>((resolve) => {
      store.load("one", (_error, found) => resolve(found));
    });
    if (loaded === undefined) throw new Error("not loaded");
    loaded.user = "bob";
    await finished((done) => loaded.save(done));
    expect((await stored(store, "one"))?.["user"]).toBe("bob");
  });

  test("load gives nothing for what is not there", async () => {
    const given = await new Promise<unknown[]>((resolve) => {
      new MemoryStore().load("none", (...all) => resolve(all));
    });
    expect(given.filter((each) => each !== undefined && each !== null)).toEqual([]);
  });

  test("load gives the error of get", async () => {
    const store = new MemoryStore();
    store.get = (_id, done) => done(new Error("boom!"));
    const error = await new Promise<unknown>((resolve) => store.load("one", resolve));
    expect((error as Error).message).toBe("boom!");
  });

  test("regenerate destroys, then generates, then calls back", async () => {
    const store = new MemoryStore();
    const order: string[] = [];
    store.destroy = (id, done) => {
      order.push(`destroy ${id}`);
      done?.();
    };
    store.generate = () => void order.push("generate");
    await finished((done) => store.regenerate({ sessionID: "one" }, done));
    expect(order).toEqual(["destroy one", "generate"]);
  });

  test("regenerate gives the error of destroy, and generates all the same", async () => {
    const store = new MemoryStore();
    let generated = false;
    store.destroy = (_id, done) => done?.(new Error("boom!"));
    store.generate = () => (generated = true);
    await expect(finished((done) => store.regenerate({ sessionID: "one" }, done))).rejects.toThrow("boom!");
    expect(generated).toBe(true);
  });
});

cases("new Session", ({ Session, Cookie }) => {
  test("has the id and the request, which are no fields", () => {
    const req = { sessionID: "one" };
    const made = new Session(req);
    expect([made.id, made["req"] === req, Object.keys(made)]).toEqual(["one", true, []]);
  });

  test("has the fields that it was given", () => {
    const made = new Session({ sessionID: "one" }, { user: "ann", cookie: new Cookie() });
    expect(Object.keys(made)).toEqual(["user", "cookie"]);
  });

  test.each([null, "text", 1, undefined])("given %o for fields has none", (data) => {
    expect(Object.keys(new Session({ sessionID: "one" }, data))).toEqual([]);
  });

  test("asks the store of its request", async () => {
    const calls: string[] = [];
    const sessionStore = { set: (id: string, _data: unknown, done: Done) => (calls.push(id), done()) };
    const made = new Session({ sessionID: "one", sessionStore });
    await finished((done) => made.save(done));
    expect(calls).toEqual(["one"]);
  });
});
