import assert from "node:assert/strict";
import type { AnyStore, DeleteOutcome, UpdateOutcome } from "../../core/store.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import { overlap, turns } from "./turns.ts";
import * as s from "./support.ts";

function count<T>(values: readonly T[], wanted: T): number {
  return values.filter((value) => value === wanted).length;
}

function kinds(outcomes: readonly UpdateOutcome[]): UpdateOutcome["kind"][] {
  return outcomes.map((outcome) => outcome.kind);
}

const MOST_ATTEMPTS = 1000;

/** Adds 1 to a number in a field by compare-and-swap, until it is done or the record is gone. */
async function increment(store: AnyStore, name: string, field: string): Promise<UpdateOutcome["kind"]> {
  for (const _attempt of s.range(MOST_ATTEMPTS)) {
    const record = await s.read(store, name);
    if (record === null) return "gone";
    const set = { [field]: String(Number(record.fields[field] ?? "0") + 1) };
    const { kind } = await s.update(store, name, { ifVersion: record.version, set });
    if (kind !== "conflict") return kind;
  }
  throw new Error(`${MOST_ATTEMPTS} conflicts in a row: somebody must win each round`);
}

export const raceRules: readonly StoreRule[] = group("races", [
  rule(
    "of many that create one id exactly one wins, and its record is there",
    { races: [1, 15] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const name = `r${round}`;
        const rivals = s
          .range(8)
          .map((rival) =>
            s.recordOf(name, { secretHash: s.hashOf(`rival${rival}`), fields: { rival: String(rival) } }),
          );
        const won = await overlap(
          context,
          rivals.map((rival, index) => () => s.create(at(index), rival)),
        );
        assert.equal(count(won, true), 1);
        const winner = rivals[won.indexOf(true)];
        assert.ok(winner);
        await s.assertStored(context.store, winner);
      }
    },
  ),

  rule(
    "a session deleted while others write to it or touch it stays deleted",
    { races: [2, 3] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(40))) {
        const name = `r${round}`;
        await s.put(context.store, s.recordOf(name));
        const writes = s
          .range(6)
          .map((index) => () => s.update(at(index), name, { set: { [`f${index}`]: "1" } }));
        const touches = s
          .range(6)
          .map((index) => () => s.update(at(index + 1), name, { expiresAt: s.NOW + 40 * s.MINUTE + index }));
        const deleted = async (): Promise<DeleteOutcome> => s.remove(at(round), name);
        const outcomes = await overlap<UpdateOutcome | DeleteOutcome>(context, [
          ...writes,
          ...touches,
          deleted,
        ]);
        assert.equal(outcomes.at(-1), "done");
        await s.assertAbsent(context.store, name);
        for (const index of s.range(3)) {
          assert.equal((await s.update(at(index), name, { set: { late: "1" } })).kind, "gone");
          await s.assertAbsent(at(index), name);
        }
      }
    },
  ),

  rule("of many that delete one record exactly one is told that it did", { races: [2] }, async (context) => {
    const at = await turns(context);
    for (const round of s.range(context.rounds(20))) {
      const name = `r${round}`;
      await s.put(context.store, s.recordOf(name));
      const outcomes = await overlap(
        context,
        s.range(6).map((index) => () => s.remove(at(index), name)),
      );
      assert.deepEqual([count(outcomes, "done"), count(outcomes, "gone")], [1, 5]);
    }
  }),

  rule(
    "overlapping changes of different fields all survive, and each has a version of its own",
    { races: [4] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(10))) {
        const name = `r${round}`;
        const record = await s.put(context.store, s.recordOf(name));
        const outcomes = await overlap(
          context,
          s
            .range(24)
            .map((index) => () => s.apply(at(index), name, { set: { [`f${index}`]: String(index) } })),
        );
        assert.deepEqual(
          outcomes.sort((a, b) => a - b),
          s.range(24).map((index) => index + 2),
        );
        const fields = Object.fromEntries(s.range(24).map((index) => [`f${index}`, String(index)]));
        await s.assertStored(context.store, { ...record, version: 25, fields });
      }
    },
  ),

  rule(
    "of many writers on condition of one version exactly one is done",
    { races: [4, 5] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const name = `r${round}`;
        const record = await s.put(context.store, s.recordOf(name));
        const outcomes = kinds(
          await overlap(
            context,
            s
              .range(8)
              .map(
                (index) => () => s.update(at(index), name, { ifVersion: 1, set: { winner: String(index) } }),
              ),
          ),
        );
        assert.deepEqual([count(outcomes, "done"), count(outcomes, "conflict")], [1, 7]);
        await s.assertStored(context.store, {
          ...record,
          version: 2,
          fields: { winner: String(outcomes.indexOf("done")) },
        });
      }
    },
  ),

  rule("increments by compare-and-swap add up, each counted once", { races: [5] }, async (context) => {
    const at = await turns(context);
    const total = Math.max(16, context.rounds(64));
    const record = await s.put(context.store, s.recordOf("counter"));
    const outcomes = await overlap(
      context,
      s.range(total).map((index) => () => increment(at(index), "counter", "n")),
    );
    assert.equal(count(outcomes, "done"), total);
    await s.assertStored(context.store, { ...record, version: 1 + total, fields: { n: String(total) } });
  }),

  rule(
    "increments that overlap a delete end with it: what was done before does not come back",
    { races: [2, 5] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(10))) {
        const name = `r${round}`;
        await s.put(context.store, s.recordOf(name));
        const outcomes = await overlap<string>(context, [
          ...s.range(10).map((index) => () => increment(at(index), name, "n")),
          () => s.remove(at(round), name),
        ]);
        assert.equal(count(outcomes, "conflict"), 0);
        await s.assertAbsent(context.store, name);
      }
    },
  ),

  rule(
    "a privilege change that overlaps writers of the old epoch: each landed before it or is stale",
    { races: [6] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(30))) {
        const name = `r${round}`;
        await s.put(context.store, s.recordOf(name));
        const renew = { secretHash: s.hashOf("next"), nextEpoch: 2 };
        const writes = s
          .range(8)
          .map((index) => () => s.update(at(index), name, { set: { [`f${index}`]: "1" } }));
        const outcomes = await overlap(context, [...writes, () => s.update(at(round), name, { renew })]);
        const done = kinds(outcomes.slice(0, -1)).flatMap((kind, index) =>
          kind === "done" ? [`f${index}`] : [],
        );
        assert.equal(outcomes.at(-1)?.kind, "done");
        assert.equal(count(kinds(outcomes), "done") + count(kinds(outcomes), "stale"), 9);
        const record = await s.readThere(context.store, name);
        assert.deepEqual(
          [record.epoch, record.secretHash, record.version],
          [2, renew.secretHash, 2 + done.length],
        );
        assert.deepEqual(Object.keys(record.fields).sort(), done.sort());
      }
    },
  ),

  rule(
    "of many renewals of one version exactly one gives the successor",
    { races: [7, 20] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const name = `r${round}`;
        const record = await s.put(context.store, s.recordOf(name));
        const outcomes = kinds(
          await overlap(
            context,
            s.range(6).map(
              (index) => () =>
                s.update(at(index), name, {
                  ifVersion: 1,
                  renew: { secretHash: s.hashOf(`next${index}`), nextEpoch: 1 },
                }),
            ),
          ),
        );
        assert.deepEqual([count(outcomes, "done"), count(outcomes, "conflict")], [1, 5]);
        const secretHash = s.hashOf(`next${outcomes.indexOf("done")}`);
        await s.assertStored(context.store, { ...record, version: 2, secretHash });
      }
    },
  ),

  rule(
    "of many privilege changes of one epoch exactly one is done and the others are stale",
    { races: [7] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(20))) {
        const name = `r${round}`;
        const record = await s.put(context.store, s.recordOf(name));
        const outcomes = kinds(
          await overlap(
            context,
            s.range(6).map(
              (index) => () =>
                s.update(at(index), name, {
                  renew: { secretHash: s.hashOf(`next${index}`), nextEpoch: 2 },
                }),
            ),
          ),
        );
        assert.deepEqual([count(outcomes, "done"), count(outcomes, "stale")], [1, 5]);
        const secretHash = s.hashOf(`next${outcomes.indexOf("done")}`);
        await s.assertStored(context.store, { ...record, version: 2, epoch: 2, secretHash });
      }
    },
  ),

  rule(
    "touches in any order end at the latest, and leave version and fields alone",
    { races: [3, 16, 19] },
    async (context) => {
      const at = await turns(context);
      const record = await s.put(context.store, s.recordOf("a", { fields: { a: "1" } }));
      await overlap(
        context,
        s.range(40).map(
          (index) => () =>
            s.apply(at(index), "a", {
              accessedAt: s.NOW + index,
              expiresAt: record.expiresAt + 39 - index,
            }),
        ),
      );
      await s.assertStored(context.store, {
        ...record,
        accessedAt: s.NOW + 39,
        expiresAt: record.expiresAt + 39,
      });
    },
  ),

  rule(
    "of an emptied session's delete and a writer that overlap exactly one wins",
    { races: [2] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(120))) {
        const name = `r${round}`;
        const record = await s.put(context.store, s.recordOf(name));
        const [deleted, written] = await overlap<string>(context, [
          () => s.remove(at(round), name, { ifVersion: 1 }),
          async () => (await s.update(at(round + 1), name, { set: { a: "1" } })).kind,
        ]);
        const stored = await s.read(context.store, name);
        if (deleted === "done") assert.deepEqual([written, stored], ["gone", null]);
        else
          assert.deepEqual(
            [deleted, written, stored?.version, stored?.createdAt],
            ["conflict", "done", 2, record.createdAt],
          );
      }
    },
  ),

  rule(
    "a sweep that overlaps a touch at the boundary: touched and there, or gone and told so",
    { needs: ["sweep"], races: [11, 12] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(120))) {
        const name = `r${round}`;
        const { expiresAt } = await s.put(context.store, s.recordOf(name));
        // Two nodes whose clocks differ: for one the record has just expired, for the other it has not.
        const [touched, swept] = await overlap<string | number>(context, [
          async () =>
            (await s.update(at(round), name, { now: expiresAt - 1, expiresAt: expiresAt + s.MINUTE })).kind,
          async () => (await s.sweepOf(at(round + 1)).sweep(expiresAt, 10, s.call())).deleted,
        ]);
        const stored = await s.read(context.store, name);
        if (touched === "done") {
          assert.deepEqual([swept, stored?.expiresAt], [0, expiresAt + s.MINUTE]);
          await s.remove(context.store, name);
        } else assert.deepEqual([touched, swept, stored], ["gone", 1, null]);
      }
    },
  ),

  rule("sweeps that overlap count each record once", { needs: ["sweep"], races: [11] }, async (context) => {
    const at = await turns(context);
    const total = Math.max(20, context.rounds(60));
    for (const index of s.range(total))
      await s.put(context.store, s.recordOf(`due${index}`, { expiresAt: s.NOW }));
    await s.put(context.store, s.recordOf("live"));
    let deleted = 0;
    while (deleted < total) {
      const swept = await overlap(
        context,
        s.range(4).map((index) => () => s.sweepOf(at(index)).sweep(s.NOW, 9, s.call())),
      );
      const gained = swept.reduce((sum, outcome) => sum + outcome.deleted, 0);
      assert.ok(gained > 0, "sweeps of due records must get on");
      deleted += gained;
    }
    assert.equal(deleted, total);
    await s.readThere(context.store, "live");
  }),
]);
