import assert from "node:assert/strict";
import session from "express-session";
import { describe, test } from "vitest";
import type { SessionRecord } from "../../../src/core/record.ts";
import type { StoreRequirements } from "../../../src/core/options.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { SessionError, SessionManager } from "../../../src/index.ts";
import { expressSessionStore, type ExpressSessionStoreLike } from "../../../src/stores/express-session.ts";
import { keyOf } from "../../../src/stores/key-value/keys.ts";
import { Lines } from "../../../src/stores/key-value/lines.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { deferred } from "../../support/deferred.ts";
import { call, idOf, NOW, recordOf } from "../records.ts";

/** The same data as another process opens it: by an object of its own, and so without this one's lines. */
function elsewhere(foreign: ExpressSessionStoreLike, given: Partial<ExpressSessionStoreLike> = {}) {
  return expressSessionStore({
    get: (sid, callback) => foreign.get(sid, callback),
    set: (sid, stored, callback) => foreign.set(sid, stored, callback),
    destroy: (sid, callback) => foreign.destroy(sid, callback),
    ...given,
  });
}

/** A process whose writes are on their way until the door opens. */
function slowly(foreign: ExpressSessionStoreLike) {
  const sent = deferred();
  const door = deferred();
  const store = elsewhere(foreign, {
    set(sid, stored, callback) {
      sent.resolve();
      void door.promise.then(() => foreign.set(sid, stored, callback));
    },
  });
  return { store, sent: sent.promise, open: () => door.resolve() };
}

function touched(record: SessionRecord) {
  return { now: NOW, epoch: record.epoch, set: { a: "1" } };
}

describe("an engine without conditions, between processes", () => {
  test("a session that another process wrote back is ended again by who ended it (P2)", async () => {
    const foreign = new session.MemoryStore();
    const here = expressSessionStore(foreign);
    const there = slowly(foreign);
    const record = recordOf("a");
    await here.create(record, call());
    const late = there.store.update(record.id, touched(record), call());
    await there.sent;
    assert.equal(await here.delete(record.id, {}, call()), "done");
    there.open();
    assert.equal((await late).kind, "done");
    assert.equal(await here.read(record.id, call()), null);
    assert.equal(await elsewhere(foreign).read(record.id, call()), null);
  });

  test("an id that is made anew elsewhere is another session, and stays", async () => {
    const foreign = new session.MemoryStore();
    const here = expressSessionStore(foreign);
    await here.create(recordOf("a"), call());
    await here.delete(idOf("a"), {}, call());
    await elsewhere(foreign).create(recordOf("a", { createdAt: NOW + 1 }), call());
    assert.equal((await here.read(idOf("a"), call()))?.createdAt, NOW + 1);
  });

  test("of two creates that overlap the one that was overwritten says so", async () => {
    const foreign = new session.MemoryStore();
    let isFirst = true;
    const here = elsewhere(foreign, {
      set(sid, stored, callback) {
        foreign.set(sid, stored as session.SessionData, (error) => {
          // The other's write arrives between this one's and its look at what became of it.
          if (!isFirst) return callback?.(error);
          isFirst = false;
          const other = { ...recordOf("a"), secretHash: "other" };
          const text = JSON.stringify({ holdfast: 1, stamp: "theirs", record: other });
          foreign.set(sid, { cookie: {}, holdfast: text } as never, callback);
        });
      },
    });
    assert.equal(await here.create(recordOf("a"), call()), false);
    assert.equal((await here.read(idOf("a"), call()))?.secretHash, "other");
  });

  test("a call that never comes back holds up its session for a while, and not for ever (P9)", async () => {
    let now = 0;
    const lines = new Lines(() => now);
    const order: string[] = [];
    const add = (name: string) => lines.run(idOf("a"), async () => void order.push(name));
    void lines.run(idOf("a"), () => new Promise(() => {}));
    await Promise.resolve();
    void add("behind it");
    await lines.run(idOf("b"), async () => void order.push("another session"));
    now = 10_001;
    await add("later");
    assert.deepEqual(order, ["another session", "later"]);
    await add("after");
    assert.equal(lines.size, 0);
  });

  test("a listing holds none of another application's sessions", async () => {
    const foreign = new session.MemoryStore();
    foreign.set("theirs", { cookie: { originalMaxAge: null } } as session.SessionData);
    const store = expressSessionStore(foreign);
    await store.create(recordOf("a"), call());
    const page = await store.all?.({ limit: 9 }, call());
    assert.deepEqual(
      page?.records.map(({ id }) => id),
      [idOf("a")],
    );
  });

  test("what a newer version laid out is an outage to read, and can be ended (P8)", async () => {
    const foreign = new session.MemoryStore();
    const store = expressSessionStore(foreign);
    const text = JSON.stringify({ holdfast: 2, body: "of another kind" });
    foreign.set(keyOf(idOf("a")), { cookie: {}, holdfast: text } as never);
    const isFormat = (error: unknown): boolean =>
      SessionError.is(error) && error.code === "ERR_SESSION_FORMAT";
    await assert.rejects(store.read(idOf("a"), call()), isFormat);
    await assert.rejects(store.update(idOf("a"), touched(recordOf("a")), call()), isFormat);
    await assert.rejects(store.delete(idOf("a"), { ifVersion: 1 }, call()), isFormat);
    assert.equal(await store.create(recordOf("a"), call()), false);
    assert.equal(await store.delete(idOf("a"), {}, call()), "done");
    assert.equal(await store.read(idOf("a"), call()), null);
  });

  test("a record whose fields a newer version wrote is the core's to judge, and is revoked like others", async () => {
    const store = expressSessionStore(new session.MemoryStore());
    await store.create(recordOf("a", { labels: ["user:1"], fields: { "~format": "9" } }), call());
    assert.ok((await store.read(idOf("a"), call())) !== null);
    assert.equal(await store.deleteByLabel?.("user:1", [], call()), 1);
  });

  test("an application can refuse such a store", () => {
    const store = expressSessionStore(new session.MemoryStore(), { shared: true, durability: "process" });
    assert.equal(store.traits.conditions, "process");
    const started = (given: AnyStore, requires: StoreRequirements): unknown =>
      new SessionManager({ store: given, requires });
    started(store, { shared: true, durability: "process", conditions: "process" });
    started(memoryStore(), { conditions: "engine" });
    assert.throws(
      () => started(store, { conditions: "engine" }),
      (error) => SessionError.is(error) && error.message.includes("requires.conditions"),
    );
  });

  test("mistakes are named at construction", () => {
    const refused = (work: () => unknown, word: string): void =>
      void assert.throws(work, (error) => SessionError.is(error) && error.message.includes(word));
    const foreign = new session.MemoryStore();
    refused(() => expressSessionStore({} as never), "get, set and destroy");
    refused(() => expressSessionStore(foreign, { durability: "forever" as never }), "durability");
    refused(() => expressSessionStore(foreign, { shared: 1 as never }), "shared");
    refused(() => expressSessionStore(foreign, { ttl: 1 } as never), "ttl");
  });
});
