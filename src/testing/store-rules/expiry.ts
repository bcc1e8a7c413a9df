import assert from "node:assert/strict";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const SKEW = 30_000;

export const expiryRules: readonly StoreRule[] = group("expiry", [
  rule("one millisecond before its expiry a record is live", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a"));
    const now = record.expiresAt - 1;
    assert.deepEqual(await s.update(store, "a", { now, set: { a: "1" } }), { kind: "done", version: 2 });
  }),

  rule(
    "at exactly its expiry a record is gone for every writer, and stays as it is",
    { races: [12] },
    async ({ store }) => {
      const record = await s.put(store, s.recordOf("a"));
      for (const now of [record.expiresAt, record.expiresAt + 1, record.expiresAt + 1000 * s.MINUTE]) {
        assert.deepEqual(await s.update(store, "a", { now, set: { a: "1" } }), { kind: "gone" });
        assert.deepEqual(await s.update(store, "a", { now, expiresAt: now + s.MINUTE }), { kind: "gone" });
        const renew = { secretHash: s.hashOf("x"), nextEpoch: 2 };
        assert.deepEqual(await s.update(store, "a", { now, renew, expiresAt: now + s.MINUTE }), {
          kind: "gone",
        });
      }
      await s.assertStored(store, record);
    },
  ),

  rule("the clock of the caller judges, also when it goes backwards", { races: [19] }, async ({ store }) => {
    const record = await s.put(store, s.recordOf("a"));
    const { expiresAt } = record;
    assert.equal((await s.update(store, "a", { now: expiresAt + SKEW, set: { a: "1" } })).kind, "gone");
    assert.equal((await s.update(store, "a", { now: expiresAt - SKEW, set: { a: "1" } })).kind, "done");
    assert.equal((await s.update(store, "a", { now: s.NOW - SKEW, set: { b: "1" } })).kind, "done");
    await s.assertStored(store, { ...record, version: 3, fields: { a: "1", b: "1" } });
  }),

  rule("a caller whose clock stands in 1970 is right too", async ({ store }) => {
    if (store.traits.expires) return;
    await s.put(store, s.recordOf("a", { createdAt: 0, accessedAt: 0, expiresAt: 2, endsAt: 9 }));
    assert.equal((await s.update(store, "a", { now: 1, set: { a: "1" } })).kind, "done");
    assert.equal((await s.update(store, "a", { now: 2, set: { a: "2" } })).kind, "gone");
    assert.equal((await s.readThere(store, "a")).fields["a"], "1");
  }),

  rule("a touch at the last moment moves the moment", { races: [12] }, async ({ store }) => {
    const { expiresAt } = await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { now: expiresAt - 1, expiresAt: expiresAt + 10 });
    await s.apply(store, "a", { now: expiresAt + 9, set: { a: "1" } });
    assert.deepEqual(await s.update(store, "a", { now: expiresAt + 10, set: { a: "2" } }), { kind: "gone" });
    assert.equal((await s.readThere(store, "a")).fields["a"], "1");
  }),

  rule("the absolute limit alone does not make a record gone for a store", async ({ store }) => {
    await s.put(store, s.recordOf("a", { endsAt: s.NOW - 1 }));
    assert.equal((await s.update(store, "a", { set: { a: "1" } })).kind, "done");
  }),
]);
