import assert from "node:assert/strict";
import type { AnyStore, SweepOutcome } from "../../core/store.ts";
import { group, rule, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const needs: RuleDetails = { needs: ["sweep"] };

function sweep(store: AnyStore, now: number, limit = 1000): Promise<SweepOutcome> {
  return s.sweepOf(store).sweep(now, limit, s.call());
}

export const sweepRules: readonly StoreRule[] = group("sweep", [
  rule("a sweep over nothing, or over live records alone, deletes nothing", needs, async ({ store }) => {
    assert.deepEqual(await sweep(store, s.NOW), { deleted: 0, more: false });
    const record = await s.put(store, s.recordOf("live"));
    assert.deepEqual(await sweep(store, s.NOW), { deleted: 0, more: false });
    await s.assertStored(store, record);
  }),

  rule(
    "a sweep deletes what expired at its now or before, and nothing that expires a millisecond later",
    needs,
    async ({ store }) => {
      await s.put(store, s.recordOf("before", { expiresAt: s.NOW - 1 }));
      await s.put(store, s.recordOf("exactly", { expiresAt: s.NOW }));
      const after = await s.put(store, s.recordOf("after", { expiresAt: s.NOW + 1 }));
      assert.deepEqual(await sweep(store, s.NOW), { deleted: 2, more: false });
      await s.assertAbsent(store, "before");
      await s.assertAbsent(store, "exactly");
      await s.assertStored(store, after);
      assert.deepEqual(await sweep(store, s.NOW + 1), { deleted: 1, more: false });
    },
  ),

  rule(
    "a sweep deletes at most its limit, says whether it got there, and the next goes on",
    needs,
    async ({ store }) => {
      for (const index of s.range(7))
        await s.put(store, s.recordOf(`due${index}`, { expiresAt: s.NOW - index }));
      await s.put(store, s.recordOf("live"));
      assert.deepEqual(await sweep(store, s.NOW, 3), { deleted: 3, more: true });
      assert.deepEqual(await sweep(store, s.NOW, 3), { deleted: 3, more: true });
      assert.deepEqual(await sweep(store, s.NOW, 3), { deleted: 1, more: false });
      assert.deepEqual(await sweep(store, s.NOW, 3), { deleted: 0, more: false });
      await s.readThere(store, "live");
    },
  ),

  rule("a sweep that deletes exactly its limit says that it got there", needs, async ({ store }) => {
    for (const index of s.range(4)) await s.put(store, s.recordOf(`due${index}`, { expiresAt: s.NOW - 1 }));
    assert.deepEqual(await sweep(store, s.NOW, 4), { deleted: 4, more: true });
    assert.deepEqual(await sweep(store, s.NOW, 4), { deleted: 0, more: false });
  }),

  rule(
    "a sweep goes by the expiry of now: what was touched stays",
    { ...needs, races: [11] },
    async ({ store }) => {
      const { expiresAt } = await s.put(store, s.recordOf("touched"));
      await s.put(store, s.recordOf("idle"));
      await s.apply(store, "touched", { expiresAt: expiresAt + 10 });
      assert.deepEqual(await sweep(store, expiresAt), { deleted: 1, more: false });
      await s.readThere(store, "touched");
      await s.assertAbsent(store, "idle");
      assert.deepEqual(await sweep(store, expiresAt + 9), { deleted: 0, more: false });
      assert.deepEqual(await sweep(store, expiresAt + 10), { deleted: 1, more: false });
      await s.assertAbsent(store, "touched");
    },
  ),

  rule("a sweep takes a record whose life a renewal shortened", needs, async ({ store }) => {
    await s.put(store, s.recordOf("short"));
    await s.put(store, s.recordOf("long"));
    await s.apply(store, "short", {
      expiresAt: s.NOW + 5,
      renew: { secretHash: s.hashOf("x"), nextEpoch: 2 },
    });
    assert.deepEqual(await sweep(store, s.NOW + 4), { deleted: 0, more: false });
    assert.deepEqual(await sweep(store, s.NOW + 5), { deleted: 1, more: false });
    await s.assertAbsent(store, "short");
    await s.readThere(store, "long");
  }),

  rule(
    "a sweep takes marks and large records, and never decodes a field",
    { ...needs, races: [14] },
    async ({ store }) => {
      await s.put(store, s.markOf("mark", { expiresAt: s.NOW - 1 }));
      await s.put(
        store,
        s.recordOf("odd", { expiresAt: s.NOW - 1, fields: { a: "{not json", b: "x".repeat(300_000) } }),
      );
      assert.deepEqual(await sweep(store, s.NOW), { deleted: 2, more: false });
      await s.assertAbsent(store, "mark");
      await s.assertAbsent(store, "odd");
    },
  ),

  rule("a swept id is free again", needs, async ({ store }) => {
    await s.put(store, s.recordOf("a", { expiresAt: s.NOW - 1, fields: { old: "1" } }));
    await sweep(store, s.NOW);
    assert.deepEqual(await s.update(store, "a", { now: 0, set: { b: "1" } }), { kind: "gone" });
    const fresh = await s.put(store, s.recordOf("a"));
    assert.deepEqual(await sweep(store, s.NOW), { deleted: 0, more: false });
    await s.assertStored(store, fresh);
  }),

  rule("many are swept in batches, each once", needs, async ({ store, rounds, random }) => {
    const count = 2 * Math.max(25, rounds(250));
    const names = random.shuffle(s.range(count).map((index) => `s${index}x`));
    for (const [index, name] of names.entries())
      await s.put(store, s.recordOf(name, { expiresAt: s.NOW + index - count / 2 }));
    let deleted = 0;
    for (let more = true; more;) {
      const outcome = await sweep(store, s.NOW - 1, 7);
      assert.ok(outcome.deleted <= 7);
      deleted += outcome.deleted;
      more = outcome.more;
    }
    assert.equal(deleted, count / 2);
    for (const [index, name] of names.entries()) {
      assert.equal((await s.read(store, name)) === null, index < count / 2, `record ${index} of ${count}`);
    }
  }),
]);
