import assert from "node:assert/strict";
import type { SessionRecord } from "../../core/record.ts";
import type { AnyStore } from "../../core/store.ts";
import { group, rule, type RuleContext, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";
import { overlap, turns } from "./turns.ts";

const USER = "user:1";

function details(...races: number[]): RuleDetails {
  return { needs: ["labels"], races };
}

function revoke(store: AnyStore, label = USER, except: readonly SessionRecord["id"][] = []): Promise<number> {
  return s.labelsOf(store).deleteByLabel(label, except, s.call());
}

/** Lets the microtask queue run a few times, a number of the seed's choosing. */
async function pause(context: RuleContext): Promise<void> {
  for (let turn = context.random.below(6); turn > 0; turn -= 1) await Promise.resolve();
}

/** Asserts that listing by the label and reading agree: nothing dead is listed, nothing live is missed. */
async function assertIndexed(store: AnyStore, label: string, names: readonly string[]): Promise<void> {
  const live = (await Promise.all(names.map((name) => s.read(store, name)))).filter((record) =>
    record?.labels.includes(label),
  );
  assert.deepEqual(s.idsOf(await s.listed(store, label)), s.idsOf(live.filter((record) => record !== null)));
}

export const labelRaceRules: readonly StoreRule[] = group("label races", [
  rule(
    "revoking a user while its sessions are written, touched and renewed leaves none of them",
    details(2, 3, 8, 13),
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const names = s.range(6).map((index) => `r${round}n${index}`);
        for (const name of names) await s.put(context.store, s.recordOf(name, { labels: [USER] }));
        const storm = names.flatMap((name, index) => [
          s.update(at(index), name, { set: { a: "1" } }),
          s.update(at(index + 1), name, { expiresAt: s.NOW + 50 * s.MINUTE }),
          s.update(at(index + 2), name, {
            ifVersion: 1,
            renew: { secretHash: s.hashOf("x"), nextEpoch: 1, labels: [USER, "more"] },
          }),
        ]);
        await pause(context);
        const deleted = revoke(at(round));
        const late = names.map((name, index) => s.update(at(index), name, { set: { late: "1" } }));
        assert.equal(await deleted, names.length);
        await Promise.all([...storm, ...late]);
        for (const name of names) await s.assertAbsent(at(round), name);
        for (const label of [USER, "more"]) assert.deepEqual(await s.listed(context.store, label), []);
      }
    },
  ),

  rule(
    "a login that overlaps a revocation ends listed and live, or not at all",
    details(8, 13),
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(30))) {
        const [fresh, login] = [`f${round}`, `l${round}`];
        await s.put(context.store, s.recordOf(login, { labels: ["guest"] }));
        const work = [
          s.create(at(round), s.recordOf(fresh, { labels: [USER] })),
          s.update(at(round + 1), login, {
            renew: { secretHash: s.hashOf("x"), nextEpoch: 2, labels: [USER] },
          }),
        ];
        await pause(context);
        await Promise.all([...work, revoke(at(round + 2))]);
        await assertIndexed(context.store, USER, [fresh, login]);
        await assertIndexed(context.store, "guest", [fresh, login]);
        await revoke(context.store);
        for (const name of [fresh, login]) await s.assertAbsent(context.store, name);
      }
    },
  ),

  rule(
    "a record that changes its label while that label is revoked: revoked before, or changed and left alone",
    details(8, 13),
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(60))) {
        const name = `r${round}`;
        await s.put(context.store, s.recordOf(name, { labels: [USER] }));
        const renew = { secretHash: s.hashOf("x"), nextEpoch: 2, labels: ["user:2"] };
        const [changed, deleted] = await overlap<string | number>(context, [
          async () => (await s.update(at(round), name, { renew })).kind,
          () => revoke(at(round + 1)),
        ]);
        const stored = await s.read(context.store, name);
        const seen = [changed, deleted, stored === null ? "absent" : stored.labels.join()];
        if (changed === "done") assert.deepEqual(seen, ["done", 0, "user:2"]);
        else assert.deepEqual(seen, ["gone", 1, "absent"]);
        await s.remove(context.store, name);
      }
    },
  ),

  rule(
    "a revocation noted as a mark before it deletes, and checked after a create, leaves no older login",
    details(8, 15),
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const [mark, label] = [`mark${round}`, `user:${round}`];
        async function login(index: number): Promise<void> {
          const name = `r${round}n${index}`;
          await s.put(at(index), s.recordOf(name, { labels: [label] }));
          if ((await s.read(at(index), mark)) !== null) await s.remove(at(index), name);
        }
        async function revokeUser(): Promise<void> {
          await pause(context);
          await s.put(at(round), s.markOf(mark));
          await revoke(at(round), label);
        }
        await Promise.all([...s.range(5).map(login), revokeUser()]);
        for (const index of s.range(5)) await s.assertAbsent(context.store, `r${round}n${index}`);
        assert.deepEqual(await s.listed(context.store, label), []);
      }
    },
  ),

  rule(
    "revoking all others while the current one renews leaves the current one, once",
    details(9),
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const current = s.recordOf(`r${round}`, { labels: [USER] });
        await s.put(context.store, current);
        for (const index of s.range(4))
          await s.put(context.store, s.recordOf(`r${round}n${index}`, { labels: [USER] }));
        const renewed = s.update(at(round), current.id, {
          renew: { secretHash: s.hashOf("x"), nextEpoch: 2, labels: [USER] },
        });
        await pause(context);
        const [outcome, deleted] = await Promise.all([renewed, revoke(at(round + 1), USER, [current.id])]);
        assert.deepEqual([outcome.kind, deleted], ["done", 4]);
        const found = await s.listed(context.store, USER);
        assert.deepEqual(s.idsOf(found), [current.id]);
        assert.equal(found[0]?.secretHash, s.hashOf("x"));
        await s.remove(context.store, current.id);
      }
    },
  ),

  rule(
    "logins beyond a limit that each list and delete the oldest end within the limit",
    details(10),
    async (context) => {
      const at = await turns(context);
      const limit = 3;
      for (const round of s.range(context.rounds(10))) {
        const label = `user:${round}`;
        await Promise.all(
          s.range(2 * limit).map(async (index) => {
            await s.put(
              at(index),
              s.recordOf(`r${round}n${index}`, { labels: [label], createdAt: s.NOW + index }),
            );
            const oldestFirst = (await s.listed(at(index), label)).sort((a, b) => a.createdAt - b.createdAt);
            const excess = oldestFirst.slice(0, Math.max(0, oldestFirst.length - limit));
            for (const record of excess) await s.remove(at(index), record.id);
          }),
        );
        assert.equal((await s.listed(context.store, label)).length, limit);
      }
    },
  ),

  rule("index and record never part, whatever overlaps", details(6, 13), async (context) => {
    const at = await turns(context);
    const names = s.range(5).map((index) => `n${index}`);
    const labels = ["user:1", "user:2", "tenant:7"];
    for (const round of s.range(context.rounds(40))) {
      const storm = s
        .range(12)
        .map((index) =>
          oneOf(context, at(index + round), context.random.pick(names), labels, round * 12 + index),
        );
      await Promise.all(storm);
      for (const label of labels) await assertIndexed(at(round), label, names);
    }
  }),

  rule(
    "a listing during a storm shows only records that bore the label, whole and once",
    details(13),
    async (context) => {
      const at = await turns(context);
      const names = s.range(6).map((index) => `n${index}`);
      for (const name of names) await s.put(context.store, s.recordOf(name, { labels: [USER] }));
      for (const round of s.range(context.rounds(20))) {
        const storm = s
          .range(8)
          .map((index) =>
            oneOf(context, at(index), context.random.pick(names), [USER, "user:2"], round * 8 + index),
          );
        const listings = await Promise.all(
          s.range(3).map((index) => s.labelsOf(at(index)).listByLabel(USER, { limit: 50 }, s.call())),
        );
        for (const { records } of listings) {
          assert.equal(new Set(records.map((record) => record.id)).size, records.length, "no record twice");
          for (const record of records) {
            assert.ok(record.labels.includes(USER), "a listed record bears the label");
            // Each change writes the same number everywhere: two numbers would be a record of two halves.
            assert.ok(new Set(Object.values(record.fields)).size <= 1, "a listed record is whole");
          }
        }
        await Promise.all(storm);
      }
    },
  ),
]);

async function oneOf(
  context: RuleContext,
  store: AnyStore,
  name: string,
  labels: readonly string[],
  stamp: number,
): Promise<unknown> {
  const some = labels.filter(() => context.random.oneIn(2));
  const fields = { "~one": String(stamp), "~two": String(stamp) };
  switch (context.random.below(6)) {
    case 0:
      return s.create(store, s.recordOf(name, { labels: some, fields }));
    case 1:
      return s.remove(store, name);
    case 2:
      return s.update(store, name, { set: fields });
    case 3:
      return revoke(store, context.random.pick(labels), context.random.oneIn(2) ? [s.idOf(name)] : []);
    default:
      return s.update(store, name, {
        set: fields,
        renew: { secretHash: s.hashOf(String(stamp)), nextEpoch: 1, labels: some },
      });
  }
}
