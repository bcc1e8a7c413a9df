import assert from "node:assert/strict";
import { SessionError } from "../../core/errors.ts";
import { group, rule, type RuleContext, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const details: RuleDetails = { needs: ["damage"], races: [14] };

type Check = (context: RuleContext) => Promise<void>;

/** Runs a check once for each way of spoiling a record: with the record `bad` spoilt, beside two sound ones. */
function forEachDamage(check: Check): Check {
  return async (context) => {
    const { store, opened } = context;
    for (const [way, damage] of Object.entries(opened.damage ?? {})) {
      const sound = ["good0", "good1"].map((name) =>
        s.recordOf(name, { labels: ["user:1"], fields: { a: name } }),
      );
      for (const record of [s.recordOf("bad", { labels: ["user:1"], expiresAt: s.NOW + 1 }), ...sound])
        await s.put(store, record);
      await damage(s.idOf("bad"));
      try {
        await check(context);
        for (const record of sound) await s.assertStored(store, record);
      } catch (error) {
        throw new Error(`with a record ${way}: ${String(error)}`, { cause: error });
      }
      for (const name of ["bad", "good0", "good1"]) await s.remove(store, name);
      await s.assertAbsent(store, "bad");
    }
  };
}

export const damageRules: readonly StoreRule[] = group("damage", [
  rule(
    "read of what is no record rejects with ERR_SESSION_CORRUPT, every time",
    details,
    forEachDamage(async ({ store }) => {
      for (let time = 0; time < 3; time += 1) {
        await assert.rejects(
          s.read(store, "bad"),
          (error) => SessionError.is(error) && error.code === "ERR_SESSION_CORRUPT",
        );
      }
    }),
  ),

  rule(
    "update of what is no record resolves gone",
    details,
    forEachDamage(async ({ store }) => {
      assert.deepEqual(await s.update(store, "bad", { set: { a: "1" } }), { kind: "gone" });
      assert.deepEqual(await s.update(store, "bad", { expiresAt: s.NOW + 99 * s.MINUTE }), { kind: "gone" });
      assert.deepEqual(await s.update(store, "bad", { ifVersion: 1, set: {} }), { kind: "gone" });
    }),
  ),

  rule(
    "what is no record keeps its id taken until it is deleted, which needs no condition",
    details,
    forEachDamage(async ({ store }) => {
      assert.equal(await s.create(store, s.recordOf("bad")), false);
      assert.equal(await s.remove(store, "bad", { ifVersion: 1 }), "conflict");
      assert.equal(await s.remove(store, "bad", { label: "user:1" }), "conflict");
      assert.equal(await s.remove(store, "bad"), "done");
      assert.equal(await s.remove(store, "bad"), "gone");
      await s.assertAbsent(store, "bad");
      await s.put(store, s.recordOf("bad"));
    }),
  ),

  rule(
    "listings skip what is no record, and show the others",
    { ...details, needs: ["damage", "labels", "iterate"] },
    forEachDamage(async ({ store }) => {
      const sound = ["good0", "good1"].map(s.idOf);
      for (const limit of [1, 2, 10]) {
        assert.deepEqual(s.idsOf(await s.listed(store, "user:1", limit)), sound);
        assert.deepEqual(s.idsOf(await s.everything(store, limit)), sound);
      }
    }),
  ),

  rule(
    "a sweep does not stumble over what is no record",
    { ...details, needs: ["damage", "sweep"] },
    forEachDamage(async ({ store }) => {
      await s.put(store, s.recordOf("due", { expiresAt: s.NOW }));
      await s.sweepOf(store).sweep(s.NOW, 10, s.call());
      await s.assertAbsent(store, "due");
    }),
  ),
]);
