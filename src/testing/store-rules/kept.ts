import assert from "node:assert/strict";
import type { SessionRecord } from "../../core/record.ts";
import type { AnyStore } from "../../core/store.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const USER = "user:1";

/** Reads as the first look of a request does: a record from a while ago will do. */
async function readKept(store: AnyStore, name: string): Promise<SessionRecord | null> {
  return await store.read(s.idOf(name), { ...s.call(), kept: true });
}

/** Has the store keep what it keeps. */
async function kept(store: AnyStore, ...names: readonly string[]): Promise<void> {
  for (const name of names) for (const _time of s.range(2)) await readKept(store, name);
}

/** What a store that keeps records beside its engine has to keep to; one that keeps none does so by itself. */
export const keptRules: readonly StoreRule[] = group("kept", [
  rule("a read that may take what is kept sees at once what its own handle wrote", async ({ store }) => {
    await kept(store, "a");
    const record = await s.put(store, s.recordOf("a"));
    s.assertSame(await readKept(store, "a"), record);
    await s.apply(store, "a", { set: { a: "1" }, accessedAt: s.NOW + 1 });
    const changed = { ...record, version: 2, accessedAt: s.NOW + 1, fields: { a: "1" } };
    s.assertSame(await readKept(store, "a"), changed);
    await s.apply(store, "a", { accessedAt: s.NOW + 2 });
    s.assertSame(await readKept(store, "a"), { ...changed, accessedAt: s.NOW + 2 });
    await s.apply(store, "a", { renew: { secretHash: s.hashOf("next"), nextEpoch: 2 } });
    assert.equal((await readKept(store, "a"))?.secretHash, s.hashOf("next"));
    assert.equal(await s.remove(store, "a"), "done");
    assert.equal(await readKept(store, "a"), null);
    await kept(store, "a");
    await s.put(store, record);
    s.assertSame(await readKept(store, "a"), record);
  }),

  rule("so it does after a deletion by label", { needs: ["labels"] }, async ({ store }) => {
    for (const name of ["a", "b"]) await s.put(store, s.recordOf(name, { labels: [USER] }));
    const other = await s.put(store, s.recordOf("c"));
    await kept(store, "a", "b", "c");
    await s.labelsOf(store).deleteByLabel(USER, [s.idOf("b")], s.call());
    assert.equal(await readKept(store, "a"), null);
    assert.equal((await readKept(store, "b"))?.id, s.idOf("b"));
    s.assertSame(await readKept(store, "c"), other);
  }),

  rule(
    "any other read sees at once what other handles wrote, whatever is kept",
    { needs: ["second handle"] },
    async ({ handles }) => {
      const [store, other] = await handles();
      assert.ok(store && other);
      const record = await s.put(other, s.recordOf("a"));
      await kept(store, "a", "gone");
      await s.apply(other, "a", { set: { a: "1" } });
      await s.assertStored(store, { ...record, version: 2, fields: { a: "1" } });
      await kept(store, "a");
      assert.equal(await s.remove(other, "a"), "done");
      await s.assertAbsent(store, "a");
      const late = await s.put(other, s.recordOf("gone"));
      await s.assertStored(store, late);
    },
  ),

  rule(
    "what is kept decides no write: it is judged by what is stored",
    { needs: ["second handle"] },
    async ({ handles }) => {
      const [store, other] = await handles();
      assert.ok(store && other);
      for (const name of ["a", "b", "c"]) await s.put(other, s.recordOf(name));
      await kept(store, "a", "b", "c");
      await s.apply(other, "a", { set: { theirs: "1" } });
      assert.equal((await s.update(store, "a", { ifVersion: 1, set: { ours: "1" } })).kind, "conflict");
      await s.apply(store, "a", { set: { ours: "1" } });
      assert.deepEqual({ ...(await s.readThere(store, "a")).fields }, { theirs: "1", ours: "1" });
      await s.apply(other, "b", { renew: { secretHash: s.hashOf("next"), nextEpoch: 2 } });
      assert.equal((await s.update(store, "b", { set: { ours: "1" } })).kind, "stale");
      assert.equal(await s.remove(other, "c"), "done");
      assert.equal((await s.update(store, "c", { set: { ours: "1" } })).kind, "gone");
      assert.equal(await s.remove(store, "c"), "gone");
      await s.assertAbsent(other, "c");
    },
  ),
]);
