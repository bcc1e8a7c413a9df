import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { identityOf } from "../../../src/bridges/support/identity.ts";
import { type Base, ForeignSessions } from "../../../src/bridges/support/foreign-sessions.ts";
import { difference, sessionOf, textsOf, textsWithin } from "../../../src/bridges/support/members.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../../src/testing/index.ts";

const CALL = { signal: new AbortController().signal };
const MINUTE = 60_000;

function opened(store: AnyStore = memoryStore(), prefix = "") {
  const clock = manualClock();
  const sessions = new ForeignSessions(store, { prefix, clock });
  return { store, clock, sessions, soon: () => clock.now() + MINUTE };
}

async function created(
  { sessions, soon }: ReturnType<typeof opened>,
  sid: string,
  session: Record<string, unknown>,
): Promise<Base> {
  const outcome = await sessions.commit(sid, null, session, soon());
  assert.ok(outcome.kind === "done");
  return outcome.base;
}

describe("what a foreign session is stored under", () => {
  test("neither the id nor the hash gives the text of the cookie, and each differs by prefix", () => {
    const one = identityOf("abc", "");
    assert.match(one.id, /^[A-Za-z0-9_-]{24}$/);
    assert.equal(one.secretHash.length, 43);
    assert.ok(!one.secretHash.startsWith(one.id));
    assert.notDeepEqual(identityOf("abc", "x:"), one);
    assert.notDeepEqual(identityOf("x:abc", ""), identityOf("abc", "x:"));
    assert.notDeepEqual(identityOf("\ud800", ""), identityOf("\ud801", ""));
  });

  test("a stored id that is presented as a session id opens nothing (P7)", async () => {
    const rig = opened();
    await created(rig, "abc", { user: 1 });
    const { id, secretHash } = identityOf("abc", "");
    assert.equal(await rig.sessions.read(id), null);
    assert.equal(await rig.sessions.read(secretHash), null);
    assert.equal(await rig.sessions.read(id + secretHash), null);
    assert.ok((await rig.sessions.read("abc")) !== null);
  });
});

describe("the members of a foreign session", () => {
  const cookie = { originalMaxAge: MINUTE, expires: new Date(0), httpOnly: true, path: "/" };

  test("are fields of their own, the cookie part without its time too", () => {
    const texts = textsOf({ cookie, views: 3, cart: { a: [1] }, none: undefined, run: () => 1 });
    assert.deepEqual(texts, {
      views: "3",
      cart: '{"a":[1]}',
      "~cookie": '{"originalMaxAge":60000,"httpOnly":true,"path":"/"}',
    });
    assert.deepEqual(sessionOf(texts, 5000), {
      views: 3,
      cart: { a: [1] },
      cookie: { originalMaxAge: MINUTE, httpOnly: true, path: "/", expires: "1970-01-01T00:00:05.000Z" },
    });
  });

  test("keep that their cookie has no time", () => {
    const texts = textsOf({ cookie: { originalMaxAge: null, expires: null } });
    assert.deepEqual(sessionOf(texts, 5000), { cookie: { originalMaxAge: null, expires: null } });
  });

  test("may have any name: none is lost, none becomes the library's own, none changes a prototype", () => {
    const names = ["", "~auth", "~cookie", "~prefix", "~member:x", "__proto__", "constructor", "toJSON"];
    names.push("n".repeat(200), "a\0b", "\ud800", "12", "é", "fields", "prefix");
    const session = Object.fromEntries(names.map((name, index) => [name, { index }]));
    delete session["toJSON"];
    const texts = textsOf({ ...session, cookie });
    for (const name of Object.keys(texts)) {
      assert.ok(!["", "__proto__", "~auth", "~prefix"].includes(name), name);
      assert.ok(name.length <= 128 && encodeURIComponent(name) !== "");
    }
    const read = sessionOf(texts, 0);
    delete read["cookie"];
    assert.deepEqual(new Map(Object.entries(read)), new Map(Object.entries(session)));
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
    assert.deepEqual(difference(textsWithin(texts), textsOf({ ...session, cookie })), {
      set: {},
      remove: [],
    });
  });

  test("are told their names by whom JSON asks", () => {
    const value = { toJSON: (name: string) => `named ${name}` };
    assert.deepEqual(sessionOf(textsOf({ a: value, "~b": value }), 0), { a: "named a", "~b": "named ~b" });
  });

  test("that cannot be read are passed over, and are not removed", () => {
    const fields = { good: "1", bad: "{", sealed: "sealed.1.x", "~auth": '{"user":"1"}', "~member:": "7" };
    assert.deepEqual(sessionOf(fields, 0), { good: 1 });
    assert.deepEqual(difference(textsWithin(fields), textsOf({})), { set: {}, remove: ["good"] });
  });

  test("that a session manager's codec wrote are read, and written only when changed", () => {
    const fields = { at: '~{"~":"Date","=":0}' };
    const session = sessionOf(fields, 0);
    assert.deepEqual(session, { at: new Date(0) });
    assert.deepEqual(difference(textsWithin(fields), textsOf(session)), { set: {}, remove: [] });
  });
});

describe("foreign sessions", () => {
  test("are read as they were stored, until they expire", async () => {
    const rig = opened();
    await created(rig, "s", { views: 1 });
    assert.deepEqual((await rig.sessions.read("s"))?.session, { views: 1 });
    rig.clock.advance(MINUTE);
    assert.equal(await rig.sessions.read("s"), null);
  });

  test("overlapping commits of different members both survive, and only what changed is sent (P1)", async () => {
    const rig = opened();
    await created(rig, "s", { a: 1, b: 1 });
    const one = await rig.sessions.read("s");
    const other = await rig.sessions.read("s");
    assert.ok(one !== null && other !== null);
    await rig.sessions.commit("s", one.base, { ...one.session, a: 2 }, rig.soon());
    await rig.sessions.commit("s", other.base, { b: 1, c: 3 }, rig.soon());
    assert.deepEqual((await rig.sessions.read("s"))?.session, { b: 1, c: 3 });
  });

  test("of two that change one member the last wins, and the loss is told (P1)", async () => {
    const rig = opened();
    const base = await created(rig, "s", { a: 1, b: 1 });
    const lost: string[] = [];
    rig.sessions.on("conflict", ({ field }) => lost.push(field));
    await rig.sessions.commit("s", base, { a: 2, b: 1 }, rig.soon());
    await rig.sessions.commit("s", base, { a: 3, b: 2 }, rig.soon());
    assert.deepEqual((await rig.sessions.read("s"))?.session, { a: 3, b: 2 });
    assert.deepEqual(lost, ["a"]);
  });

  test("many overlapping commits of one process keep each member of each", async () => {
    const rig = opened();
    await created(rig, "s", { turn: 0 });
    const found = await Promise.all(Array.from({ length: 32 }, () => rig.sessions.read("s")));
    await Promise.all(
      found.map(async (one, index) => {
        assert.ok(one !== null);
        await rig.sessions.commit("s", one.base, { turn: index, [`n${index}`]: index }, rig.soon());
      }),
    );
    assert.equal(Object.keys((await rig.sessions.read("s"))?.session ?? {}).length, 33);
  });

  test("one that was ended is not brought back by a commit or a touch under way (P2)", async () => {
    const rig = opened();
    const base = await created(rig, "s", { a: 1 });
    const told: (readonly string[])[] = [];
    rig.sessions.on("gone", ({ fields }) => told.push(fields));
    await rig.sessions.end("s");
    await rig.sessions.end("s");
    for (const session of [{ a: 2 }, { a: 1, b: 1 }, { a: 1 }])
      assert.deepEqual(await rig.sessions.commit("s", base, session, rig.soon() + MINUTE), { kind: "gone" });
    assert.deepEqual(await rig.sessions.touch("s", base, rig.soon() + MINUTE), { kind: "gone" });
    assert.equal(await rig.sessions.read("s"), null);
    assert.deepEqual(told, [["a"], ["b"]]);
  });

  test("a touch moves the end alone; a commit may also bring it nearer, and one in the past ends the session", async () => {
    const rig = opened();
    let base = await created(rig, "s", { a: 1 });
    const touched = await rig.sessions.touch("s", base, rig.clock.now() + 9 * MINUTE);
    assert.ok(touched.kind === "done");
    assert.equal(touched.base.version, base.version);
    rig.clock.advance(8 * MINUTE);
    assert.ok((await rig.sessions.read("s")) !== null);
    base = touched.base;
    await rig.sessions.commit("s", base, { a: 1 }, rig.clock.now() + 5);
    rig.clock.advance(5);
    assert.equal(await rig.sessions.read("s"), null);

    const again = await created(rig, "t", { a: 1 });
    assert.deepEqual(await rig.sessions.commit("t", again, { a: 2 }, rig.clock.now()), { kind: "gone" });
    assert.equal(await rig.sessions.read("t"), null);
  });

  test("a new one whose id is taken is laid over what is there; over what expired, it is new", async () => {
    const rig = opened();
    await created(rig, "s", { a: 1, b: 1 });
    await created(rig, "s", { a: 2 });
    assert.deepEqual((await rig.sessions.read("s"))?.session, { a: 2, b: 1 });
    rig.clock.advance(MINUTE);
    await created(rig, "s", { c: 1 });
    assert.deepEqual((await rig.sessions.read("s"))?.session, { c: 1 });
  });

  test("are listed and cleared by prefix, beside whatever else the store holds", async () => {
    const store = memoryStore();
    const shop = opened(store, "shop:");
    const blog = opened(store, "blog:");
    await created(shop, "s", { a: 1 });
    await created(shop, "t", { a: 2 });
    await created(blog, "s", { a: 3 });
    const seen: unknown[] = [];
    for await (const { session } of shop.sessions.all()) seen.push(session["a"]);
    assert.deepEqual(new Set(seen), new Set([1, 2]));
    await shop.sessions.clear();
    assert.equal(await shop.sessions.read("s"), null);
    assert.deepEqual((await blog.sessions.read("s"))?.session, { a: 3 });
    assert.equal((await store.all({ limit: 9 }, CALL)).records.length, 1);
  });
});
