import assert from "node:assert/strict";
import type { SessionRecord } from "../../core/record.ts";
import type { AnyStore } from "../../core/store.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

/** Spoils a record and all inside it. What is frozen refuses, which is as good as a copy. */
function spoil(record: SessionRecord): void {
  attempt(() => Object.assign(record, { version: 99, secretHash: "spoilt", expiresAt: 0, extra: 1 }));
  attempt(() => Object.assign(record.fields, { a: "spoilt", extra: "spoilt" }));
  attempt(() => Reflect.deleteProperty(record.fields, "kept"));
  attempt(() => (record.labels as string[]).push("spoilt"));
  attempt(() => (record.labels as string[]).splice(0, 1, "user:0"));
}

function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // Frozen.
  }
}

async function assertUntouched(store: AnyStore, record: SessionRecord): Promise<void> {
  await s.assertStored(store, record);
  assert.deepEqual(await s.update(store, "a", { ifVersion: record.version }), {
    kind: "done",
    version: record.version,
  });
  assert.equal(await s.remove(store, "a", { label: "spoilt" }), "conflict");
}

function sample(): SessionRecord {
  return s.recordOf("a", { labels: ["user:1"], fields: { a: "1", kept: "2" } });
}

export const copyRules: readonly StoreRule[] = group("copies", [
  rule("changing a record after it was given to create changes nothing stored", async ({ store }) => {
    const given = sample();
    await s.put(store, given);
    spoil(given);
    await assertUntouched(store, sample());
  }),

  rule("changing a record while create is under way changes nothing stored", async ({ store }) => {
    const given = sample();
    const created = s.create(store, given);
    spoil(given);
    assert.equal(await created, true);
    await assertUntouched(store, sample());
  }),

  rule("changing a record that read gave changes nothing stored, nor what others read", async ({ store }) => {
    await s.put(store, sample());
    const other = await s.readThere(store, "a");
    spoil(await s.readThere(store, "a"));
    s.assertSame(other, sample());
    await assertUntouched(store, sample());
  }),

  rule("a record that was read does not change by a later update", async ({ store }) => {
    await s.put(store, sample());
    const before = await s.readThere(store, "a");
    await s.apply(store, "a", { set: { a: "9" }, remove: ["kept"], accessedAt: s.NOW + 1 });
    s.assertSame(before, sample());
  }),

  rule("changing what was given to update changes nothing stored", async ({ store }) => {
    const record = await s.put(store, sample());
    const set: Record<string, string> = { a: "new" };
    const remove = ["kept"];
    const labels = ["user:2"];
    const renew = { secretHash: s.hashOf("x"), nextEpoch: 2, labels };
    const updated = s.update(store, "a", { set, remove, renew });
    Object.assign(set, { a: "spoilt", extra: "spoilt" });
    remove.push("a");
    labels.push("spoilt");
    Object.assign(renew, { secretHash: "spoilt" });
    assert.equal((await updated).kind, "done");
    labels.push("spoilt too");
    const { secretHash } = { secretHash: s.hashOf("x") };
    await s.assertStored(store, {
      ...record,
      version: 2,
      epoch: 2,
      secretHash,
      labels: ["user:2"],
      fields: { a: "new" },
    });
  }),

  rule("changing the current record of a conflict changes nothing stored", async ({ store }) => {
    await s.put(store, sample());
    const outcome = await s.update(store, "a", { ifVersion: 7, set: { a: "2" } });
    assert.equal(outcome.kind, "conflict");
    if (outcome.kind === "conflict" && outcome.current) spoil(outcome.current);
    await assertUntouched(store, sample());
  }),

  rule(
    "changing a listed record changes nothing stored",
    { needs: ["labels", "iterate"] },
    async ({ store }) => {
      await s.put(store, sample());
      for (const record of await s.listed(store, "user:1")) spoil(record);
      for (const record of await s.everything(store)) spoil(record);
      await assertUntouched(store, sample());
      assert.equal((await s.listed(store, "user:1")).length, 1);
      assert.equal((await s.listed(store, "spoilt")).length, 0);
    },
  ),

  rule("frozen input is taken as it is", async ({ store }) => {
    const record = Object.freeze({
      ...sample(),
      labels: Object.freeze(["user:1"]),
      fields: Object.freeze({ a: "1" }),
    });
    await s.put(store, record);
    await s.apply(
      store,
      "a",
      Object.freeze({ set: Object.freeze({ b: "2" }), remove: Object.freeze(["a"]) }),
    );
    await s.assertStored(store, { ...record, version: 2, fields: { b: "2" } });
  }),
]);
