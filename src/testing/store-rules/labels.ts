import assert from "node:assert/strict";
import type { SessionRecord } from "../../core/record.ts";
import type { AnyStore } from "../../core/store.ts";
import { group, rule, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const needs: RuleDetails = { needs: ["labels"] };
const MINE = "user:1";

/** Records with one label, made one after another. */
async function bearers(store: AnyStore, count: number, label = MINE): Promise<SessionRecord[]> {
  const made: SessionRecord[] = [];
  for (const index of s.range(count))
    made.push(await s.put(store, s.recordOf(`b${index}x`, { labels: [label] })));
  return made;
}

function revoke(store: AnyStore, label: string, except: readonly string[] = []): Promise<number> {
  return s.labelsOf(store).deleteByLabel(label, except.map(s.idOf), s.call());
}

export const labelRules: readonly StoreRule[] = group("labels", [
  rule("a listing has the records that bear the label, and no other", needs, async ({ store }) => {
    assert.deepEqual(await s.listed(store, MINE), []);
    await s.put(store, s.recordOf("mine", { labels: [MINE, "tenant:7"] }));
    await s.put(store, s.recordOf("ours", { labels: ["tenant:7", MINE] }));
    await s.put(store, s.recordOf("theirs", { labels: ["user:2", "tenant:7"] }));
    await s.put(store, s.recordOf("nobodys"));
    assert.deepEqual(s.idsOf(await s.listed(store, MINE)), ["mine", "ours"].map(s.idOf));
    assert.deepEqual(s.idsOf(await s.listed(store, "tenant:7")), ["mine", "ours", "theirs"].map(s.idOf));
  }),

  rule(
    "a listing shows every column and the library's own fields, and leaves the others out",
    needs,
    async ({ store }) => {
      const own = { "~auth": '{"at":1}', "~device": '"phone"' };
      const record = await s.put(
        store,
        s.recordOf("a", { labels: [MINE], version: 6, fields: { cart: "[]", "a~b": "1", ...own } }),
      );
      const [found] = await s.listed(store, MINE);
      s.assertSame(found ?? null, { ...record, fields: own });
      await s.assertStored(store, record);
    },
  ),

  rule("a record that is gone is never listed", needs, async ({ store, claims }) => {
    await bearers(store, 3);
    await s.put(store, s.recordOf("due", { labels: [MINE], expiresAt: s.NOW - 1 }));
    await s.remove(store, "b0x");
    await s.remove(store, "b1x", { label: MINE, ifVersion: 1 });
    if (claims("sweep")) await s.sweepOf(store).sweep(s.NOW, 100, s.call());
    else await s.remove(store, "due");
    assert.deepEqual(s.idsOf(await s.listed(store, MINE)), [s.idOf("b2x")]);
    await s.remove(store, "b2x");
    assert.deepEqual(await s.listed(store, MINE), []);
  }),

  rule(
    "labels that come with a new secret are found by the next call, and old ones are not",
    needs,
    async ({ store }) => {
      await s.put(store, s.recordOf("a", { labels: ["guest", "tenant:7"] }));
      await s.apply(store, "a", {
        renew: { secretHash: s.hashOf("x"), nextEpoch: 2, labels: [MINE, "tenant:7"] },
      });
      assert.deepEqual(await s.listed(store, "guest"), []);
      assert.equal(await revoke(store, "guest"), 0);
      for (const label of [MINE, "tenant:7"]) {
        const [found] = await s.listed(store, label);
        assert.deepEqual([...(found?.labels ?? [])].sort(), ["tenant:7", MINE]);
      }
      assert.equal(await revoke(store, MINE), 1);
      await s.assertAbsent(store, "a");
      assert.deepEqual(await s.listed(store, "tenant:7"), []);
    },
  ),

  rule("a listing shows each record as it is now", needs, async ({ store }) => {
    const record = await s.put(
      store,
      s.recordOf("a", { labels: [MINE], fields: { "~note": "1", own: "1" } }),
    );
    const times = { accessedAt: s.NOW + 5, expiresAt: s.NOW + 50 * s.MINUTE };
    await s.apply(store, "a", { set: { "~note": "2", own: "2" }, ...times });
    const [found] = await s.listed(store, MINE);
    s.assertSame(found ?? null, { ...record, ...times, version: 2, fields: { "~note": "2" } });
  }),

  rule("pages by label hold to their limit, and together have each record once", needs, async ({ store }) => {
    const made = await bearers(store, 12);
    await s.put(store, s.recordOf("other", { labels: ["user:12", "user:"] }));
    for (const limit of [1, 2, 3, 4, 5, 6, 11, 12, 13, 1000]) {
      assert.deepEqual(s.idsOf(await s.listed(store, MINE, limit)), s.idsOf(made), `by pages of ${limit}`);
    }
  }),

  rule(
    "a walk by label sees each record that stays once, whatever comes and goes meanwhile",
    needs,
    async ({ store, random }) => {
      const made = await bearers(store, 30);
      const [removed, stay] = [made.slice(0, 10), made.slice(10)];
      const doomed = random.shuffle(removed);
      let added = 0;
      const seen = await s.walk(
        (page) => s.labelsOf(store).listByLabel(MINE, page, s.call()),
        3,
        async () => {
          const victim = doomed.pop();
          if (victim) await s.remove(store, victim.id);
          if (added < 20) await s.put(store, s.recordOf(`new${added++}`, { labels: [MINE] }));
          const kept = random.pick(stay);
          await s.apply(store, kept.id, {
            epoch: (await s.readThere(store, kept.id)).epoch,
            accessedAt: s.NOW + added,
          });
        },
      );
      assert.equal(new Set(seen.map((record) => record.id)).size, seen.length, "no record twice");
      for (const record of stay)
        assert.ok(
          seen.some((one) => one.id === record.id),
          `${record.id} was there throughout`,
        );
    },
  ),

  rule(
    "a walk goes on where it was when the last record of its page is deleted",
    needs,
    async ({ store }) => {
      const made = await bearers(store, 9);
      const last: string[] = [];
      const seen = await s.walk(
        async (page) => {
          const turned = await s.labelsOf(store).listByLabel(MINE, page, s.call());
          last.push(turned.records.at(-1)?.id ?? "");
          return turned;
        },
        2,
        async () => void (await s.remove(store, last.at(-1) ?? "")),
      );
      assert.deepEqual(s.idsOf(seen), s.idsOf(made));
    },
  ),

  rule("delete by label deletes all but those named, and tells how many", needs, async ({ store }) => {
    await bearers(store, 6);
    const other = await s.put(store, s.recordOf("other", { labels: ["user:2"] }));
    await s.put(store, s.recordOf("due", { labels: [MINE], expiresAt: s.NOW - 1 }));
    assert.equal(await revoke(store, MINE, ["b2x", "b4x", "other", "unknown"]), 5);
    assert.deepEqual(s.idsOf(await s.listed(store, MINE)), ["b2x", "b4x"].map(s.idOf));
    for (const name of ["b0x", "b1x", "b3x", "b5x", "due"]) await s.assertAbsent(store, name);
    await s.assertStored(store, other);
    assert.equal(await revoke(store, MINE), 2);
    assert.equal(await revoke(store, MINE), 0);
    assert.deepEqual(await s.listed(store, MINE), []);
  }),

  rule(
    "delete by label takes hundreds at once, and hundreds of exceptions",
    needs,
    async ({ store, rounds }) => {
      const count = 2 * Math.max(20, rounds(200));
      const made = await bearers(store, count);
      const kept = made.slice(0, count / 2).map((record) => record.id);
      assert.equal(await revoke(store, MINE, kept), count - kept.length);
      assert.deepEqual(s.idsOf(await s.listed(store, MINE)), [...kept].sort());
    },
  ),

  rule("a record deleted by its label is gone for writers and free to create", needs, async ({ store }) => {
    await bearers(store, 1);
    assert.equal(await revoke(store, MINE), 1);
    assert.deepEqual(await s.update(store, "b0x", { set: { a: "1" } }), { kind: "gone" });
    assert.equal(await s.remove(store, "b0x"), "gone");
    const again = await s.put(store, s.recordOf("b0x"));
    await s.assertStored(store, again);
    assert.deepEqual(await s.listed(store, MINE), [], "the new record bears no label");
  }),

  rule("a refused create leaves the index as it is", needs, async ({ store }) => {
    await s.put(store, s.recordOf("a", { labels: [MINE] }));
    assert.equal(await s.create(store, s.recordOf("a", { labels: ["user:2"] })), false);
    assert.deepEqual(await s.listed(store, "user:2"), []);
    assert.equal((await s.listed(store, MINE)).length, 1);
  }),
]);
