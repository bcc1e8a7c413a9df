import assert from "node:assert/strict";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

export const deleteRules: readonly StoreRule[] = group("delete", [
  rule("delete without a condition deletes, whatever version and label", async ({ store }) => {
    await s.put(store, s.recordOf("a", { version: 77, labels: ["user:1"], fields: { a: "1" } }));
    assert.equal(await s.remove(store, "a"), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("delete of what is not there resolves gone, with and without a condition", async ({ store }) => {
    for (const when of [{}, { ifVersion: 1 }, { label: "user:1" }, { ifVersion: 1, label: "user:1" }]) {
      assert.equal(await s.remove(store, "none", when), "gone");
    }
    await s.put(store, s.recordOf("a"));
    assert.equal(await s.remove(store, "a"), "done");
    assert.equal(await s.remove(store, "a"), "gone");
  }),

  rule("delete on condition of a version leaves a record of another version", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { version: 5 }));
    for (const ifVersion of [0, 4, 6]) assert.equal(await s.remove(store, "a", { ifVersion }), "conflict");
    await s.assertStored(store, record);
    assert.equal(await s.remove(store, "a", { ifVersion: 5 }), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("delete on condition of a label leaves a record without it", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { labels: ["user:42", "tenant:7"] }));
    for (const label of ["user:4", "user:421", "USER:42", "user:42 ", "", "%", "user:*"]) {
      assert.equal(await s.remove(store, "a", { label }), "conflict");
    }
    await s.assertStored(store, record);
    assert.equal(await s.remove(store, "a", { label: "tenant:7" }), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("delete on two conditions needs both", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { version: 5, labels: ["user:1"] }));
    assert.equal(await s.remove(store, "a", { ifVersion: 4, label: "user:1" }), "conflict");
    assert.equal(await s.remove(store, "a", { ifVersion: 5, label: "user:2" }), "conflict");
    await s.assertStored(store, record);
    assert.equal(await s.remove(store, "a", { ifVersion: 5, label: "user:1" }), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("delete judges the version and the labels of now, not those of the creation", async ({ store }) => {
    await s.put(store, s.recordOf("a", { labels: ["user:1"] }));
    const labels = ["user:2"];
    await s.apply(store, "a", { renew: { secretHash: s.hashOf("x"), nextEpoch: 1, labels } });
    assert.equal(await s.remove(store, "a", { ifVersion: 1 }), "conflict");
    assert.equal(await s.remove(store, "a", { label: "user:1" }), "conflict");
    assert.equal(await s.remove(store, "a", { ifVersion: 2, label: "user:2" }), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("a touch does not spoil a delete on condition of the version", async ({ store }) => {
    await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { accessedAt: s.NOW + 1, expiresAt: s.NOW + 31 * s.MINUTE });
    assert.equal(await s.remove(store, "a", { ifVersion: 1 }), "done");
  }),

  rule("delete deletes an expired record too, and judges its condition", async ({ store }) => {
    await s.put(store, s.recordOf("a", { expiresAt: s.NOW - s.MINUTE }));
    assert.equal(await s.remove(store, "a", { ifVersion: 2 }), "conflict");
    assert.equal(await s.remove(store, "a"), "done");
    await s.assertAbsent(store, "a");
  }),

  rule("delete deletes one record and no other", async ({ store, claims }) => {
    const others = ["b", "c"].map((name) => s.recordOf(name, { labels: ["user:1"], fields: { a: name } }));
    for (const other of others) await s.put(store, other);
    await s.put(store, s.recordOf("a", { labels: ["user:1"] }));
    assert.equal(await s.remove(store, "a"), "done");
    for (const other of others) await s.assertStored(store, other);
    if (claims("labels")) assert.deepEqual(s.idsOf(await s.listed(store, "user:1")), s.idsOf(others));
  }),
]);
