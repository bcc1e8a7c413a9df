import { expect, test } from "vitest";
import type { LmdbStore } from "../../../src/stores/lmdb.ts";
import { belongings, headKey, partKey } from "../../../src/stores/lmdb/keys.ts";
import { call, freshFile, idOf, keysOf, NOW, recordOf, rootOn, storeOn, tableOf } from "./support.ts";

/** Short ones, long ones, more than find room with the head, one with a long name, and one that is reserved. */
const fields: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`f${index}`, "x".repeat(60)])),
  long: "y".repeat(5000),
  ["n".repeat(600)]: "z".repeat(300),
  "~own": "o".repeat(300),
};
const labels = ["user:1", "tenant:1", `cart:${"l".repeat(2000)}`];

interface Two {
  readonly store: LmdbStore;
  keys(): readonly string[];
  /** All that was there before the session that is to go. */
  readonly before: readonly string[];
}

/** A store with a session to delete and one to keep, and the keys as another handle sees them. */
async function twoSessions(): Promise<Two> {
  const file = freshFile();
  const store = await storeOn(file);
  const table = tableOf(rootOn(file));
  await store.create(recordOf("kept", { fields, labels, expiresAt: NOW + 1500 }), call());
  const before = keysOf(table);
  await store.create(recordOf("gone", { fields, labels }), call());
  expect(keysOf(table)).toHaveLength(2 * before.length - 1);
  return { store, before, keys: () => keysOf(table) };
}

test("nothing stays of a session that was deleted", async () => {
  const { store, before, keys } = await twoSessions();
  expect(await store.delete(idOf("gone"), {}, call())).toBe("done");
  expect(keys()).toEqual(before);
});

test("nothing stays of a session that was deleted by one of its labels", async () => {
  const { store, before, keys } = await twoSessions();
  expect(await store.deleteByLabel("user:1", [idOf("kept")], call())).toBe(1);
  expect(keys()).toEqual(before);
});

test("nothing stays of a session that was swept, also when it was touched before", async () => {
  const { store, before, keys } = await twoSessions();
  const touch = { now: NOW, epoch: 1, expiresAt: NOW + 1100 };
  expect(await store.update(idOf("gone"), touch, call())).toMatchObject({ kind: "done" });
  expect(await store.sweep(NOW + 1050, 10, call())).toEqual({ deleted: 0, more: false });
  expect(await store.sweep(NOW + 1200, 10, call())).toEqual({ deleted: 1, more: false });
  expect(keys()).toEqual(before);
});

test("nothing stays of a session that was relabelled, shortened and emptied of long fields before it went", async () => {
  const { store, before, keys } = await twoSessions();
  const renew = { secretHash: "n".repeat(43), nextEpoch: 2, labels: ["user:2"] };
  const remove = Object.keys(fields);
  const shortened = { now: NOW, epoch: 1, expiresAt: NOW + 500, remove, set: { long: "short" }, renew };
  expect(await store.update(idOf("gone"), shortened, call())).toMatchObject({ kind: "done" });
  expect((await store.read(idOf("gone"), call()))?.fields).toEqual({ long: "short" });
  // The head, the places, one label, and when it is due.
  expect(keys()).toHaveLength(before.length + 4);
  expect(await store.sweep(NOW + 600, 10, call())).toEqual({ deleted: 1, more: false });
  expect(keys()).toEqual(before);
});

test("nothing stays of a session whose head or places were spoiled by hand", async () => {
  for (const spoilt of [headKey(idOf("gone")), belongings(idOf("gone")).start]) {
    const file = freshFile();
    const store = await storeOn(file);
    const table = tableOf(rootOn(file));
    const before = keysOf(table);
    await store.create(recordOf("gone", { fields, labels }), call());
    await table.put(spoilt, "garbage", 7);
    expect(await store.delete(idOf("gone"), {}, call())).toBe("done");
    // When it was due stands nowhere else, and goes at that time.
    await store.sweep(NOW + 2000, 10, call());
    expect(keysOf(table)).toEqual(before);
  }
});

test("what a hand left behind becomes no part of a new session", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  await tableOf(rootOn(file)).put(partKey(idOf("a"), "left"), '"left"\nbehind', 7);
  const record = recordOf("a", { fields });
  expect(await store.create(record, call())).toBe(true);
  expect(await store.read(idOf("a"), call())).toEqual(record);
});

test("one small field of a large session is written alone, with the head; a touch writes the head alone", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  const large = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [`f${index}`, "x".repeat(1000)]),
  );
  await store.create(recordOf("a", { fields: { ...large, small: "1" } }), call());
  const table = tableOf(rootOn(file));
  const versions = (): Map<string, number> => {
    table.resetReadTxn();
    const range = { start: "s", versions: true };
    return new Map(Array.from(table.getRange(range), ({ key, version }) => [key, version ?? 0]));
  };
  const changedBy = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
    const before = versions();
    await work();
    return [...versions()].filter(([key, version]) => before.get(key) !== version).map(([key]) => key);
  };
  const head = headKey(idOf("a"));
  const change = { now: NOW, epoch: 1 };
  expect(await changedBy(() => store.update(idOf("a"), { ...change, set: { small: "2" } }, call()))).toEqual([
    head,
  ]);
  expect(
    await changedBy(() => store.update(idOf("a"), { ...change, set: { f7: "2".repeat(999) } }, call())),
  ).toEqual([head, partKey(idOf("a"), "f7")]);
  expect(
    await changedBy(() => store.update(idOf("a"), { ...change, expiresAt: NOW + 1800 }, call())),
  ).toEqual([head]);
  expect(await changedBy(() => store.update(idOf("a"), { ...change, epoch: 9 }, call()))).toEqual([]);
  expect(String(table.get(head)).length).toBeLessThan(500);
});
