// What express-session's users ask of a store themselves, without a request.
import assert from "node:assert/strict";
import session from "express-session";
import { describe, test } from "vitest";
import { expressSessionBridge, type ExpressSessionBridge } from "../../src/bridges/express-session.ts";
import { fastifySessionBridge } from "../../src/bridges/fastify-session.ts";
import { koaSessionBridge } from "../../src/bridges/koa-session.ts";
import { SessionError } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { faultyStore, manualClock } from "../../src/testing/index.ts";

type Bridge = ExpressSessionBridge<session.Store>;
type Stored = Record<string, unknown> & { cookie: { expires?: unknown; originalMaxAge: number | null } };

const MINUTE = 60_000;

function opened(prefix = "", store = memoryStore()) {
  const clock = manualClock();
  const faulty = faultyStore(store);
  const bridge = expressSessionBridge(session, faulty.store, { clock, prefix });
  return { bridge, clock, faulty, store };
}

function cookie(maxAge: number | null, now: number) {
  return { originalMaxAge: maxAge, expires: maxAge === null ? null : new Date(now + maxAge), path: "/" };
}

function get(bridge: Bridge, sid: string): Promise<Stored | null> {
  return new Promise((resolve, reject) =>
    bridge.get(sid, (error, found) => (error ? reject(error) : resolve((found ?? null) as Stored | null))),
  );
}

function put(bridge: Bridge, sid: string, value: object): Promise<void> {
  return new Promise((resolve, reject) =>
    bridge.set(sid, value, (error) => (error ? reject(error) : resolve())),
  );
}

function touch(bridge: Bridge, sid: string, value: object): Promise<void> {
  return new Promise((resolve, reject) =>
    bridge.touch(sid, value, (error) => (error ? reject(error) : resolve())),
  );
}

function destroy(bridge: Bridge, sid: string): Promise<void> {
  return new Promise((resolve, reject) =>
    bridge.destroy(sid, (error) => (error ? reject(error) : resolve())),
  );
}

describe("the bridge to express-session, as a store", () => {
  test("is a Store of express-session's own", () => {
    const { bridge } = opened();
    assert.ok(bridge instanceof session.Store);
    for (const method of ["load", "regenerate", "createSession", "on", "emit"])
      assert.equal(typeof bridge[method as "load"], "function");
  });

  test("a copy that is saved is compared with what this process last handed out", async () => {
    const { bridge, clock } = opened();
    await put(bridge, "s", { cookie: cookie(MINUTE, clock.now()), a: 1, b: 1 });
    const found = { ...(await get(bridge, "s")) };
    const other = (await get(bridge, "s")) as Stored;
    await put(bridge, "s", { ...found, a: 2 });
    other["b"] = 2;
    await put(bridge, "s", other);
    const { cookie: _, ...members } = (await get(bridge, "s")) as Stored;
    assert.deepEqual(members, { a: 2, b: 2 });
  });

  test("a copy of what has ended is not saved, in this process or by another's end (P2)", async () => {
    const store = memoryStore();
    const here = opened("", store);
    const there = opened("", store);
    const told: unknown[] = [];
    here.bridge.on("gone", ({ fields }) => told.push(fields));
    for (const ending of [here, there]) {
      await put(here.bridge, "s", { cookie: cookie(MINUTE, here.clock.now()), a: 1 });
      const copy = { ...(await get(here.bridge, "s")), a: 2 };
      await destroy(ending.bridge, "s");
      await put(here.bridge, "s", copy);
      assert.equal(await get(here.bridge, "s"), null);
      // As express-session has it, which has made this id just now.
      const made = here.bridge as unknown as { generate: (request: object) => void };
      made.generate = () => {};
      made.generate({ sessionID: "s" });
    }
    assert.equal(told.length, 2);
  });

  test("a copy of a session whose texts are not remembered any more is compared with what is stored", async () => {
    const { bridge, clock } = opened();
    const large = "x".repeat(3_000_000);
    for (const sid of ["s", "ended"]) await put(bridge, sid, { cookie: cookie(MINUTE, clock.now()), a: 1 });
    const copies = { s: { ...(await get(bridge, "s")) }, ended: { ...(await get(bridge, "ended")) } };
    for (const sid of ["l1", "l2", "l3"])
      await put(bridge, sid, { cookie: cookie(MINUTE, clock.now()), large });
    await put(bridge, "s", { ...copies.s, a: 2 });
    assert.equal((await get(bridge, "s"))?.["a"], 2);
    await new Promise((resolve) => bridge.clear(resolve));
    await put(bridge, "ended", { ...copies.ended, a: 2 });
    assert.equal(await get(bridge, "ended"), null);
  });

  test("touch moves the end and the cookie, costs no write within the resolution, and creates nothing", async () => {
    const { bridge, clock, faulty } = opened();
    await put(bridge, "s", { cookie: cookie(MINUTE, clock.now()), a: 1 });
    clock.advance(1000);
    await touch(bridge, "s", { cookie: cookie(MINUTE, clock.now()) });
    assert.equal(faulty.count("update"), 0);
    clock.advance(10_000);
    await touch(bridge, "s", { cookie: cookie(MINUTE, clock.now()), a: 9 });
    assert.equal(faulty.count("update"), 1);
    clock.advance(55_000);
    const found = (await get(bridge, "s")) as Stored;
    assert.equal(found["a"], 1);
    assert.equal(found.cookie.expires, new Date(clock.now() + 5000).toISOString());
    await touch(bridge, "s", { cookie: cookie(2 * MINUTE, clock.now()) });
    assert.equal((await get(bridge, "s"))?.cookie.originalMaxAge, 2 * MINUTE);
    await touch(bridge, "s", { cookie: cookie(1000, clock.now()) });
    clock.advance(1000);
    assert.equal(await get(bridge, "s"), null);
    await touch(bridge, "s", { cookie: cookie(MINUTE, clock.now()) });
    assert.equal(await get(bridge, "s"), null);
  });

  test("a session whose cookie ends with the browser lives a day unused", async () => {
    const { bridge, clock } = opened();
    await put(bridge, "s", { cookie: cookie(null, clock.now()), a: 1 });
    clock.advance(23 * 60 * MINUTE);
    const found = (await get(bridge, "s")) as Stored;
    assert.equal(found.cookie.expires, null);
    await touch(bridge, "s", found);
    clock.advance(23 * 60 * MINUTE);
    assert.ok((await get(bridge, "s")) !== null);
    clock.advance(60 * MINUTE);
    assert.equal(await get(bridge, "s"), null);
  });

  test("an unchanged session that is saved again costs nothing, and a changed member alone is sent", async () => {
    const { bridge, clock, faulty } = opened();
    await put(bridge, "s", { cookie: cookie(MINUTE, clock.now()), a: 1, big: "x".repeat(1000) });
    const found = (await get(bridge, "s")) as Stored;
    await put(bridge, "s", found);
    assert.equal(faulty.count("update"), 0);
    found["a"] = 2;
    await put(bridge, "s", found);
    assert.equal(faulty.count("update"), 1);
  });

  test("all, length and clear keep to the prefix", async () => {
    const store = memoryStore();
    const [one, two] = [opened("one:", store), opened("two:", store)];
    const now = one.clock.now();
    for (const sid of ["s", "t"]) await put(one.bridge, sid, { cookie: cookie(MINUTE, now), a: sid });
    await put(two.bridge, "s", { cookie: cookie(MINUTE, now), a: "other" });
    const all = await new Promise<Record<string, unknown>[]>((resolve) =>
      one.bridge.all((_: unknown, found: unknown) => resolve(found as Record<string, unknown>[])),
    );
    assert.deepEqual(new Set(all.map((each) => each["a"])), new Set(["s", "t"]));
    const length = (): Promise<number | undefined> =>
      new Promise((resolve) => one.bridge.length((_, count) => resolve(count)));
    assert.equal(await length(), 2);
    await new Promise((resolve) => one.bridge.clear(resolve));
    assert.equal(await length(), 0);
    assert.equal((await get(two.bridge, "s"))?.["a"], "other");
  });

  test("a failure reaches the callback with a status and its cause, and a callback is no duty", async () => {
    const { bridge, clock, faulty } = opened();
    const failures: string[] = [];
    bridge.on("storeFailure", ({ operation }) => failures.push(operation));
    faulty.always("create", () => Promise.reject(new Error("down")));
    const value = { cookie: cookie(MINUTE, clock.now()) };
    await assert.rejects(
      put(bridge, "s", value),
      (error) => SessionError.is(error) && error.status === 503 && /down/.test(String(error.cause)),
    );
    bridge.set("s", value);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(failures, ["create", "create"]);
  });

  test("a member that JSON cannot hold fails its save", async () => {
    const { bridge, clock } = opened();
    await assert.rejects(put(bridge, "s", { cookie: cookie(MINUTE, clock.now()), a: 1n }), /BigInt/);
  });
});

test("mistakes are named at construction", () => {
  const refused = (work: () => unknown, word: string): void =>
    void assert.throws(work, (error) => SessionError.is(error) && error.message.includes(word));
  refused(() => expressSessionBridge(memoryStore() as never, {} as never), "module express-session");
  refused(() => expressSessionBridge(session, new Map() as never), "takes a store");
  refused(() => expressSessionBridge(session, memoryStore(), { ttl: 1 } as never), 'no option "ttl"');
  refused(() => fastifySessionBridge(memoryStore(), { idle: "soon" as never }), "idle");
  refused(() => koaSessionBridge(memoryStore(), { deadline: -1 }), "deadline");
});
