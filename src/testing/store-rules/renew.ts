import assert from "node:assert/strict";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const renew = { secretHash: s.hashOf("new"), nextEpoch: 2 };

export const renewRules: readonly StoreRule[] = group("renew", [
  rule(
    "a new secret replaces the old one under the same id, and adds 1 to the version",
    async ({ store }) => {
      const record = await s.put(store, s.recordOf("a", { labels: ["user:1"], fields: { a: "1" } }));
      assert.deepEqual(await s.update(store, "a", { renew }), { kind: "done", version: 2 });
      await s.assertStored(store, { ...record, version: 2, epoch: 2, secretHash: renew.secretHash });
    },
  ),

  rule("after a privilege change the old epoch cannot write any more", { races: [6] }, async ({ store }) => {
    const record = await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { renew });
    assert.deepEqual(await s.update(store, "a", { set: { late: "1" } }), { kind: "stale" });
    assert.deepEqual(await s.update(store, "a", { ifVersion: 2, set: { late: "1" } }), { kind: "stale" });
    assert.deepEqual(await s.update(store, "a", { expiresAt: s.NOW + 60 * s.MINUTE }), { kind: "stale" });
    await s.assertStored(store, { ...record, version: 2, epoch: 2, secretHash: renew.secretHash });
    assert.deepEqual(await s.update(store, "a", { epoch: 2, set: { next: "1" } }), {
      kind: "done",
      version: 3,
    });
  }),

  rule("a new secret may keep the epoch: overlapping writers then go on", async ({ store }) => {
    await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { ifVersion: 1, renew: { secretHash: s.hashOf("new"), nextEpoch: s.EPOCH } });
    assert.deepEqual(await s.update(store, "a", { set: { late: "1" } }), { kind: "done", version: 3 });
    assert.equal((await s.readThere(store, "a")).secretHash, s.hashOf("new"));
  }),

  rule("labels that come with a new secret replace all labels; without them all stay", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { labels: ["tenant:7", "old"] }));
    await s.apply(store, "a", { renew: { ...renew, labels: ["tenant:7", "user:42"] } });
    const renewed = {
      ...record,
      version: 2,
      epoch: 2,
      secretHash: renew.secretHash,
      labels: ["tenant:7", "user:42"],
    };
    await s.assertStored(store, renewed);
    await s.apply(store, "a", { epoch: 2, renew: { secretHash: s.hashOf("third"), nextEpoch: 3 } });
    await s.assertStored(store, { ...renewed, version: 3, epoch: 3, secretHash: s.hashOf("third") });
    await s.apply(store, "a", {
      epoch: 3,
      renew: { secretHash: s.hashOf("third"), nextEpoch: 3, labels: [] },
    });
    assert.deepEqual((await s.readThere(store, "a")).labels, []);
  }),

  rule("with a new secret the times are taken as given, also when they are earlier", async ({ store }) => {
    const record = await s.put(
      store,
      s.recordOf("a", { accessedAt: s.NOW + 10, expiresAt: s.NOW + 60 * s.MINUTE }),
    );
    const times = { accessedAt: s.NOW + 5, expiresAt: s.NOW + s.MINUTE };
    const endsAt = s.NOW + 100 * s.MINUTE;
    await s.apply(store, "a", { ...times, renew: { ...renew, endsAt } });
    const renewed = { ...record, ...times, endsAt, version: 2, epoch: 2, secretHash: renew.secretHash };
    await s.assertStored(store, renewed);
    await s.apply(store, "a", { epoch: 2, renew: { secretHash: s.hashOf("third"), nextEpoch: 2 } });
    await s.assertStored(store, { ...renewed, version: 3, secretHash: s.hashOf("third") });
  }),

  rule("a new secret, fields, labels and times go in together", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { fields: { cart: "[]", guest: "1" } }));
    const labels = ["user:42"];
    const times = { accessedAt: s.NOW + 1, expiresAt: s.NOW + 40 * s.MINUTE };
    const change = {
      ifVersion: 1,
      set: { "~auth": "{}" },
      remove: ["guest"],
      ...times,
      renew: { ...renew, labels },
    };
    assert.deepEqual(await s.update(store, "a", change), { kind: "done", version: 2 });
    const fields = { cart: "[]", "~auth": "{}" };
    await s.assertStored(store, {
      ...record,
      ...times,
      labels,
      fields,
      version: 2,
      epoch: 2,
      secretHash: renew.secretHash,
    });
  }),

  rule("a renewal that is refused changes nothing, labels included", async ({ store, claims }) => {
    const record = await s.put(store, s.recordOf("a", { labels: ["user:1"] }));
    const change = { set: { a: "1" }, renew: { ...renew, labels: ["user:2"], endsAt: s.NOW + 1 } };
    assert.equal((await s.update(store, "a", { ...change, ifVersion: 9 })).kind, "conflict");
    assert.equal((await s.update(store, "a", { ...change, epoch: 9 })).kind, "stale");
    assert.equal((await s.update(store, "a", { ...change, now: record.expiresAt })).kind, "gone");
    await s.assertStored(store, record);
    if (!claims("labels")) return;
    assert.deepEqual(s.idsOf(await s.listed(store, "user:1")), [record.id]);
    assert.deepEqual(await s.listed(store, "user:2"), []);
  }),
]);
