import assert from "node:assert/strict";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

export const updateRules: readonly StoreRule[] = group("update", [
  rule(
    "update writes the fields it sets, leaves the others, and adds 1 to the version",
    async ({ store }) => {
      const record = await s.put(store, s.recordOf("a", { version: 4, fields: { kept: "1", changed: "2" } }));
      const outcome = await s.update(store, "a", { set: { changed: "3", added: "4" } });
      assert.deepEqual(outcome, { kind: "done", version: 5 });
      await s.assertStored(store, { ...record, version: 5, fields: { kept: "1", changed: "3", added: "4" } });
    },
  ),

  rule("update removes the fields it names; an absent one is no error", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { fields: { kept: "1", dropped: "2" } }));
    const outcome = await s.update(store, "a", { remove: ["dropped", "absent"] });
    assert.deepEqual(outcome, { kind: "done", version: 2 });
    await s.assertStored(store, { ...record, version: 2, fields: { kept: "1" } });
  }),

  rule("set wins over remove for a name that is in both", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { fields: { both: "old" } }));
    await s.apply(store, "a", { set: { both: "new", fresh: "1" }, remove: ["both", "fresh"] });
    await s.assertStored(store, { ...record, version: 2, fields: { both: "new", fresh: "1" } });
  }),

  rule("a change of fields that alters nothing is still a change: the version grows", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { fields: { same: "1" } }));
    assert.equal(await s.apply(store, "a", { set: { same: "1" } }), 2);
    assert.equal(await s.apply(store, "a", { remove: ["absent"] }), 3);
    await s.assertStored(store, { ...record, version: 3 });
  }),

  rule("all fields can be removed, and the record stays", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { fields: { a: "1", b: "2" } }));
    await s.apply(store, "a", { remove: ["a", "b"] });
    await s.assertStored(store, { ...record, version: 2, fields: {} });
  }),

  rule(
    "update never creates: of a record that is not there it resolves gone",
    { races: [2] },
    async ({ store, claims }) => {
      assert.deepEqual(await s.update(store, "none", { set: { a: "1" } }), { kind: "gone" });
      await s.assertAbsent(store, "none");
      if (claims("iterate")) assert.deepEqual(await s.everything(store), []);
    },
  ),

  rule(
    "update of a deleted record resolves gone and does not bring it back",
    { races: [2] },
    async ({ store }) => {
      await s.put(store, s.recordOf("out", { fields: { a: "1" } }));
      assert.equal(await s.remove(store, "out"), "done");
      assert.deepEqual(await s.update(store, "out", { set: { a: "2" } }), { kind: "gone" });
      assert.deepEqual(await s.update(store, "out", { ifVersion: 1, set: { a: "2" } }), { kind: "gone" });
      const renew = { secretHash: s.hashOf("new"), nextEpoch: 2 };
      assert.deepEqual(await s.update(store, "out", { renew }), { kind: "gone" });
      await s.assertAbsent(store, "out");
    },
  ),

  rule("a writer of another epoch is stale and writes nothing", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { epoch: 3, fields: { a: "1" } }));
    for (const epoch of [2, 4]) {
      assert.deepEqual(await s.update(store, "a", { epoch, set: { a: "2" } }), { kind: "stale" });
      assert.deepEqual(await s.update(store, "a", { epoch, expiresAt: s.NOW + 90 * s.MINUTE }), {
        kind: "stale",
      });
    }
    await s.assertStored(store, record);
  }),

  rule("a writer of another version gets a conflict and writes nothing", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { version: 5, fields: { a: "1" } }));
    for (const ifVersion of [4, 6, 0]) {
      const outcome = await s.update(store, "a", { ifVersion, set: { a: "2" } });
      assert.equal(outcome.kind, "conflict");
      // The current record is a courtesy; when it is given, it must be true.
      if (outcome.kind === "conflict" && outcome.current !== undefined) s.assertSame(outcome.current, record);
    }
    await s.assertStored(store, record);
  }),

  rule("a writer of the right version and epoch is done", async ({ store }) => {
    await s.put(store, s.recordOf("a", { epoch: 2, version: 5 }));
    assert.deepEqual(await s.update(store, "a", { epoch: 2, ifVersion: 5, set: { a: "2" } }), {
      kind: "done",
      version: 6,
    });
    assert.deepEqual(await s.update(store, "a", { epoch: 2, ifVersion: 6, remove: ["a"] }), {
      kind: "done",
      version: 7,
    });
  }),

  rule("a conditional touch is refused by another version too", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { version: 5 }));
    assert.equal((await s.update(store, "a", { ifVersion: 4, accessedAt: s.NOW + 9 })).kind, "conflict");
    await s.assertStored(store, record);
  }),

  rule("gone is judged before stale, and stale before conflict", async ({ store }) => {
    await s.put(store, s.recordOf("expired", { epoch: 2, version: 5, expiresAt: s.NOW }));
    await s.put(store, s.recordOf("live", { epoch: 2, version: 5 }));
    assert.deepEqual(await s.update(store, "expired", { epoch: 1, ifVersion: 4, set: {} }), { kind: "gone" });
    assert.deepEqual(await s.update(store, "live", { epoch: 1, ifVersion: 4, set: {} }), { kind: "stale" });
    assert.equal((await s.update(store, "live", { epoch: 2, ifVersion: 4, set: {} })).kind, "conflict");
  }),

  rule("update changes one record and no other", async ({ store }) => {
    const others = await Promise.all(
      ["b", "c", "d"].map((name) => s.put(store, s.recordOf(name, { fields: { a: name } }))),
    );
    await s.put(store, s.recordOf("a", { fields: { a: "a" } }));
    await s.apply(store, "a", { set: { a: "x" }, accessedAt: s.NOW + 5, expiresAt: s.NOW + 60 * s.MINUTE });
    for (const other of others) await s.assertStored(store, other);
  }),
]);

export const touchRules: readonly StoreRule[] = group("touch", [
  rule("a touch moves the access time and the expiry, and nothing else", async ({ store }) => {
    const record = await s.put(
      store,
      s.recordOf("a", { version: 3, fields: { a: "1" }, labels: ["user:1"] }),
    );
    const times = { accessedAt: s.NOW + s.MINUTE, expiresAt: s.NOW + 31 * s.MINUTE };
    assert.deepEqual(await s.update(store, "a", times), { kind: "done", version: 3 });
    await s.assertStored(store, { ...record, ...times });
  }),

  rule("a late touch shortens nothing", { races: [19] }, async ({ store }) => {
    const record = await s.put(
      store,
      s.recordOf("a", { accessedAt: s.NOW + 10, expiresAt: s.NOW + 40 * s.MINUTE }),
    );
    await s.apply(store, "a", { accessedAt: s.NOW + 9, expiresAt: s.NOW + 39 * s.MINUTE });
    await s.assertStored(store, record);
  }),

  rule("access time and expiry grow each by itself", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { accessedAt: s.NOW + 10, expiresAt: s.NOW + s.MINUTE });
    await s.assertStored(store, { ...record, accessedAt: s.NOW + 10 });
    await s.apply(store, "a", { accessedAt: s.NOW + 5, expiresAt: s.NOW + 50 * s.MINUTE });
    await s.assertStored(store, { ...record, accessedAt: s.NOW + 10, expiresAt: s.NOW + 50 * s.MINUTE });
    await s.apply(store, "a", { expiresAt: s.NOW + 51 * s.MINUTE });
    await s.apply(store, "a", { accessedAt: s.NOW + 11 });
    await s.assertStored(store, { ...record, accessedAt: s.NOW + 11, expiresAt: s.NOW + 51 * s.MINUTE });
  }),

  rule("times that come with fields only grow too", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a"));
    await s.apply(store, "a", { set: { a: "1" }, accessedAt: s.NOW - 1, expiresAt: s.NOW + 1 });
    await s.assertStored(store, { ...record, version: 2, fields: { a: "1" } });
    await s.apply(store, "a", { remove: ["a"], accessedAt: s.NOW + 1, expiresAt: s.NOW + 60 * s.MINUTE });
    await s.assertStored(store, {
      ...record,
      version: 3,
      accessedAt: s.NOW + 1,
      expiresAt: s.NOW + 60 * s.MINUTE,
    });
  }),

  rule("a touch never creates and never revives", { races: [3] }, async ({ store }) => {
    const touch = { accessedAt: s.NOW + 1, expiresAt: s.NOW + 60 * s.MINUTE };
    assert.deepEqual(await s.update(store, "none", touch), { kind: "gone" });
    await s.assertAbsent(store, "none");
    await s.put(store, s.recordOf("out"));
    await s.remove(store, "out");
    assert.deepEqual(await s.update(store, "out", touch), { kind: "gone" });
    await s.assertAbsent(store, "out");
  }),

  rule("a touch leaves the absolute limit where it is", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { endsAt: s.NOW + 40 * s.MINUTE }));
    await s.apply(store, "a", { expiresAt: s.NOW + 40 * s.MINUTE });
    await s.assertStored(store, { ...record, expiresAt: s.NOW + 40 * s.MINUTE });
  }),

  rule("a change of nothing at all is done and changes nothing", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { version: 8 }));
    assert.deepEqual(await s.update(store, "a", {}), { kind: "done", version: 8 });
    await s.assertStored(store, record);
  }),
]);
