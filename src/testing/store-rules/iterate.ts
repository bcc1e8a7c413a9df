import assert from "node:assert/strict";
import { group, rule, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const needs: RuleDetails = { needs: ["iterate"] };

export const iterateRules: readonly StoreRule[] = group("iterate", [
  rule("a walk over an empty store is one empty page", needs, async ({ store }) => {
    const page = await s.iterableOf(store).all({ limit: 10 }, s.call());
    assert.deepEqual([...page.records], []);
    assert.equal(page.next, undefined);
  }),

  rule("all lists whole records: marks, expired ones and every field included", needs, async ({ store }) => {
    const records = [
      s.recordOf("live", { labels: ["user:1"], version: 3, fields: { a: "1", "~b": "2" } }),
      s.recordOf("past", { expiresAt: s.NOW - 1 }),
      s.markOf("mark"),
    ];
    for (const record of records) await s.put(store, record);
    const found = await s.everything(store);
    assert.equal(found.length, records.length);
    for (const record of records) s.assertSame(found.find((one) => one.id === record.id) ?? null, record);
  }),

  rule("pages hold to their limit, and together have each record once", needs, async ({ store }) => {
    const ids = s.range(12).map((index) => s.idOf(`r${index}x`));
    for (const id of ids) await s.put(store, s.recordOf(id));
    for (const limit of [1, 2, 3, 4, 5, 6, 11, 12, 13, 1000]) {
      assert.deepEqual(s.idsOf(await s.everything(store, limit)), [...ids].sort(), `by pages of ${limit}`);
    }
  }),

  rule(
    "a walk sees each record that stays once, whatever comes and goes meanwhile",
    needs,
    async ({ store, random }) => {
      const names = random.shuffle(s.range(40).map((index) => `r${index}x`));
      for (const name of names) await s.put(store, s.recordOf(name));
      const doomed = names.slice(0, 15);
      const stay = names.slice(15);
      let added = 0;
      const seen = await s.walk(
        (page) => s.iterableOf(store).all(page, s.call()),
        4,
        async () => {
          const victim = doomed.pop();
          if (victim !== undefined) await s.remove(store, victim);
          for (const name of [`A${added}`, `z${added}`]) if (added < 30) await s.put(store, s.recordOf(name));
          added += 1;
          await s.apply(store, random.pick(stay), {
            set: { a: String(added) },
            expiresAt: s.NOW + 40 * s.MINUTE + added,
          });
        },
      );
      assert.equal(new Set(seen.map((record) => record.id)).size, seen.length, "no record twice");
      const seenIds = new Set<string>(seen.map((record) => record.id));
      for (const name of stay) assert.ok(seenIds.has(s.idOf(name)), `${name} was there throughout`);
    },
  ),

  rule("a walk that deletes every page it saw reaches every record", needs, async ({ store }) => {
    const ids = s.range(25).map((index) => s.idOf(`r${index}x`));
    for (const id of ids) await s.put(store, s.recordOf(id));
    const deleted: string[] = [];
    const seen = await s.walk(async (page) => {
      const turned = await s.iterableOf(store).all(page, s.call());
      for (const record of turned.records)
        if ((await s.remove(store, record.id)) === "done") deleted.push(record.id);
      return turned;
    }, 3);
    assert.deepEqual(s.idsOf(seen), [...ids].sort());
    assert.deepEqual(deleted.sort(), [...ids].sort());
    assert.deepEqual(await s.everything(store), []);
  }),
]);
