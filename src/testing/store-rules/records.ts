import assert from "node:assert/strict";
import { RESERVED } from "../../core/record.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

export const recordRules: readonly StoreRule[] = group("records", [
  rule("a record comes back as it was written, every column and field", async ({ store }) => {
    const record = s.recordOf("whole", {
      epoch: 7,
      version: 12,
      labels: ["user:42", "tenant:7"],
      createdAt: s.NOW - 5,
      accessedAt: s.NOW - 4,
      fields: { cart: '{"items":[1,2]}', name: '"Ada"', [`${RESERVED}flash`]: "[]" },
    });
    await s.put(store, record);
    await s.assertStored(store, record);
  }),

  rule("an id that was never written reads as null", async ({ store }) => {
    await s.assertAbsent(store, "never");
    await s.put(store, s.recordOf("other"));
    await s.assertAbsent(store, "never");
  }),

  rule("create over a taken id resolves false and writes nothing", async ({ store }) => {
    const first = await s.put(store, s.recordOf("taken", { fields: { a: "1" }, labels: ["user:1"] }));
    assert.equal(
      await s.create(store, s.recordOf("taken", { secretHash: s.hashOf("x"), fields: { b: "2" } })),
      false,
    );
    await s.assertStored(store, first);
  }),

  rule("create over an expired record resolves false and writes nothing", async ({ store }) => {
    const expired = await s.put(store, s.recordOf("old", { expiresAt: s.NOW - 1, fields: { a: "1" } }));
    assert.equal(await s.create(store, s.recordOf("old", { createdAt: s.NOW })), false);
    await s.assertStored(store, expired);
  }),

  rule(
    "create works again once the record was deleted, and nothing of the old one is left",
    async ({ store }) => {
      await s.put(store, s.recordOf("again", { fields: { a: "1" }, version: 9, labels: ["user:1"] }));
      assert.equal(await s.remove(store, "again"), "done");
      const second = await s.put(store, s.recordOf("again", { fields: { b: "2" } }));
      await s.assertStored(store, second);
    },
  ),

  rule("read hands out an expired record too: the core alone judges expiry", async ({ store }) => {
    const expired = await s.put(store, s.recordOf("expired", { expiresAt: s.NOW - 60 * s.MINUTE }));
    await s.assertStored(store, expired);
  }),

  rule(
    "read hands out what expired by every clock, where the engine does not remove it",
    async ({ store }) => {
      if (store.traits.expires) return;
      const ancient = await s.put(
        store,
        s.recordOf("ancient", { createdAt: 0, accessedAt: 0, expiresAt: 1, endsAt: 1 }),
      );
      await s.assertStored(store, ancient);
      assert.equal(await s.create(store, ancient), false);
    },
  ),

  rule("a mark is a record like any other", async ({ store }) => {
    const mark = await s.put(store, s.markOf("mark"));
    await s.assertStored(store, mark);
    assert.equal(await s.create(store, s.markOf("mark")), false);
    await s.apply(store, "mark", { set: { note: '"x"' } });
    await s.assertStored(store, { ...mark, version: 2, fields: { ...mark.fields, note: '"x"' } });
    assert.equal(await s.remove(store, "mark"), "done");
    await s.assertAbsent(store, "mark");
  }),

  rule("two stores opened apart share nothing", { races: [17] }, async ({ store, openAnother, claims }) => {
    const other = await openAnother();
    const record = await s.put(store, s.recordOf("mine", { labels: ["user:1"], expiresAt: s.NOW - 1 }));
    await s.assertAbsent(other, "mine");
    assert.deepEqual(await s.update(other, "mine", { set: { a: "1" } }), { kind: "gone" });
    assert.equal(await s.remove(other, "mine"), "gone");
    if (claims("labels")) {
      assert.deepEqual(await s.listed(other, "user:1"), []);
      assert.equal(await s.labelsOf(other).deleteByLabel("user:1", [], s.call()), 0);
    }
    if (claims("iterate")) assert.deepEqual(await s.everything(other), []);
    if (claims("sweep")) assert.equal((await s.sweepOf(other).sweep(s.NOW, 10, s.call())).deleted, 0);
    await s.assertStored(store, record);
  }),

  rule(
    "what one handle wrote, the next call on any handle sees",
    { needs: ["second handle"] },
    async ({ handles }) => {
      for (const [index, writer] of (await handles()).entries()) {
        const name = `seen${index}`;
        const record = await s.put(writer, s.recordOf(name));
        for (const reader of await handles()) {
          await s.assertStored(reader, record);
          assert.equal(await s.create(reader, record), false);
        }
        await s.apply(writer, name, { set: { a: "1" } });
        for (const reader of await handles())
          assert.equal((await s.readThere(reader, name)).fields["a"], "1");
        assert.equal(await s.remove(writer, name), "done");
        for (const reader of await handles()) await s.assertAbsent(reader, name);
      }
    },
  ),
]);
