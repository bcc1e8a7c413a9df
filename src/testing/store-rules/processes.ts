import assert from "node:assert/strict";
import type { AnyStore, SessionChange } from "../../core/store.ts";
import type { StoreJobs } from "../store-jobs.ts";
import type { Workers } from "../store-workers.ts";
import { group, rule, type RuleDetails, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const PROCESSES = 3;
const USER = "user:1";

function details(...races: number[]): RuleDetails {
  return { needs: ["processes"], races };
}

/** Sets every worker to the same job at once, each with an input of its own. */
function everyWorker<Job extends keyof StoreJobs>(
  workers: Workers,
  job: Job,
  input: (worker: number) => Parameters<StoreJobs[Job]>[1],
): Promise<Awaited<ReturnType<StoreJobs[Job]>>[]> {
  return Promise.all(s.range(workers.count).map((worker) => workers.run(worker, job, input(worker))));
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function counting(name: string, times: number): Parameters<StoreJobs["increment"]>[1] {
  return { id: s.idOf(name), field: "n", times, now: s.NOW, epoch: s.EPOCH };
}

/** Waits until the record has the version, or the storm that should bring it there is over. */
async function reaches(
  store: AnyStore,
  name: string,
  version: number,
  storm: Promise<unknown>,
): Promise<void> {
  let over = false;
  void storm.catch(() => {}).then(() => (over = true));
  while (!over && (await s.readThere(store, name)).version < version) await s.turnOfTheLoop();
}

export const processRules: readonly StoreRule[] = group("processes", [
  rule("what one process wrote, another reads at once", details(), async ({ store, workers }) => {
    const pool = await workers(1);
    const record = s.recordOf("theirs", { labels: [USER], fields: { a: "é🍪\n" } });
    assert.deepEqual(await pool.run(0, "create", { records: [record] }), [record.id]);
    await s.assertStored(store, record);
    await s.put(store, s.recordOf("ours"));
    assert.deepEqual(await pool.run(0, "delete", { ids: [s.idOf("ours")] }), [s.idOf("ours")]);
    await s.assertAbsent(store, "ours");
  }),

  rule(
    "processes that set up at once destroy nothing",
    { needs: ["processes", "setup"] },
    async ({ store, workers }) => {
      const record = await s.put(store, s.recordOf("kept", { labels: [USER] }));
      const pool = await workers(PROCESSES);
      await everyWorker(pool, "setup", () => ({ times: 5 }));
      await s.assertStored(store, record);
    },
  ),

  rule(
    "increments from several processes add up to the last one",
    details(5),
    async ({ store, workers, rounds }) => {
      const times = Math.max(10, rounds(60));
      const record = await s.put(store, s.recordOf("counter"));
      const pool = await workers(PROCESSES);
      const done = await everyWorker(pool, "increment", () => counting("counter", times));
      assert.deepEqual(
        done,
        s.range(PROCESSES).map(() => times),
      );
      const total = PROCESSES * times;
      await s.assertStored(store, { ...record, version: 1 + total, fields: { n: String(total) } });
    },
  ),

  rule(
    "a delete in the middle of a storm from several processes is final",
    details(2, 3, 5),
    async ({ store, workers, rounds }) => {
      const pool = await workers(PROCESSES);
      for (const round of s.range(Math.max(3, rounds(8)))) {
        const name = `r${round}`;
        await s.put(store, s.recordOf(name));
        const endless = 20_000;
        const storm = everyWorker(pool, "increment", () => counting(name, endless));
        await reaches(store, name, 5, storm);
        assert.equal(await s.remove(store, name), "done");
        // Each worker stops only when it is told that the record is gone.
        const done = await storm;
        assert.ok(sum(done) >= 4 && sum(done) < PROCESSES * endless);
        await s.assertAbsent(store, name);
      }
    },
  ),

  rule(
    "of processes that create the same ids exactly one wins each",
    details(1, 15),
    async ({ store, workers, rounds }) => {
      const count = Math.max(10, rounds(40));
      const pool = await workers(PROCESSES);
      const record = (worker: number, index: number) =>
        s.recordOf(`n${index}`, { secretHash: s.hashOf(`w${worker}`) });
      const won = await everyWorker(pool, "create", (worker) => ({
        records: s.range(count).map((index) => record(worker, index)),
      }));
      assert.equal(won.flat().length, count);
      for (const [worker, ids] of won.entries()) {
        for (const id of ids) assert.equal((await s.readThere(store, id)).secretHash, s.hashOf(`w${worker}`));
      }
    },
  ),

  rule(
    "of processes that delete the same records exactly one is told each",
    details(2),
    async ({ store, workers, rounds }) => {
      const ids = s.range(Math.max(10, rounds(40))).map((index) => s.idOf(`n${index}`));
      for (const id of ids) await s.put(store, s.recordOf(id));
      const deleted = await everyWorker(await workers(PROCESSES), "delete", () => ({ ids }));
      assert.deepEqual(deleted.flat().sort(), [...ids].sort());
    },
  ),

  rule(
    "renewals from several processes give one successor a version",
    details(7, 20),
    async ({ store, workers, rounds }) => {
      const count = Math.max(10, rounds(30));
      await s.put(store, s.recordOf("a"));
      const renewal = (worker: number, index: number): SessionChange =>
        s.changeOf({
          ifVersion: index + 1,
          renew: { secretHash: s.hashOf(`w${worker}n${index}`), nextEpoch: s.EPOCH },
        });
      const kinds = await everyWorker(await workers(PROCESSES), "update", (worker) => ({
        id: s.idOf("a"),
        changes: s.range(count).map((index) => renewal(worker, index)),
      }));
      // A worker that is ahead of the others finds its next version not there yet; nobody finds the same one twice.
      for (const index of s.range(count))
        assert.ok(kinds.filter((each) => each[index] === "done").length <= 1);
      const done = kinds.flat().filter((kind) => kind === "done").length;
      assert.ok(done >= 1);
      assert.equal((await s.readThere(store, "a")).version, 1 + done);
    },
  ),

  rule(
    "unconditional changes of different fields from several processes all survive",
    details(4),
    async ({ store, workers, rounds }) => {
      const count = Math.max(10, rounds(40));
      const record = await s.put(store, s.recordOf("a"));
      const field = (worker: number, index: number): [string, string] => [
        `w${worker}n${index}`,
        String(index),
      ];
      await everyWorker(await workers(PROCESSES), "update", (worker) => ({
        id: s.idOf("a"),
        changes: s
          .range(count)
          .map((index) => s.changeOf({ set: Object.fromEntries([field(worker, index)]) })),
      }));
      const fields = Object.fromEntries(
        s.range(PROCESSES).flatMap((worker) => s.range(count).map((index) => field(worker, index))),
      );
      await s.assertStored(store, { ...record, version: 1 + PROCESSES * count, fields });
    },
  ),

  rule(
    "revocations overlapping creations from other processes miss nothing that was there",
    { needs: ["processes", "labels"], races: [8, 13] },
    async ({ store, workers, rounds }) => {
      const count = Math.max(10, rounds(40));
      const pool = await workers(PROCESSES);
      const records = (worker: number) =>
        s.range(count).map((index) => s.recordOf(`w${worker}n${index}`, { labels: [USER] }));
      const revoked = pool.run(0, "deleteByLabel", { label: USER, except: [], times: count });
      const created = await Promise.all([
        pool.run(1, "create", { records: records(1) }),
        pool.run(2, "create", { records: records(2) }),
      ]);
      const deleted = await revoked;
      assert.equal(created.flat().length, 2 * count);
      const left = await s.listed(store, USER);
      assert.equal(deleted + left.length, 2 * count, "each record was revoked once, or is still listed");
      for (const id of created.flat()) {
        const there = (await s.read(store, id)) !== null;
        assert.equal(
          there,
          left.some((record) => record.id === id),
          `${id} is listed if and only if it is there`,
        );
      }
      assert.equal(await s.labelsOf(store).deleteByLabel(USER, [], s.call()), left.length);
      for (const id of created.flat()) await s.assertAbsent(store, id);
    },
  ),

  rule(
    "revoking while other processes write and renew leaves no session and no entry",
    { needs: ["processes", "labels"], races: [6, 8, 9] },
    async ({ store, workers, rounds }) => {
      const pool = await workers(PROCESSES);
      for (const round of s.range(Math.max(3, rounds(8)))) {
        const name = `r${round}`;
        await s.put(store, s.recordOf(name, { labels: [USER] }));
        const renewal = (index: number): SessionChange =>
          s.changeOf({
            renew: { secretHash: s.hashOf(`n${index}`), nextEpoch: s.EPOCH, labels: [USER, `n${index % 3}`] },
          });
        const storm = everyWorker(pool, "update", () => ({
          id: s.idOf(name),
          changes: s.range(30).map(renewal),
        }));
        await reaches(store, name, 3, storm);
        assert.equal(await s.labelsOf(store).deleteByLabel(USER, [], s.call()), 1);
        for (const kinds of await storm) {
          const end = kinds.indexOf("gone");
          if (end >= 0)
            assert.ok(
              kinds.slice(end).every((kind) => kind === "gone"),
              "what is gone stays gone",
            );
        }
        await s.assertAbsent(store, name);
        for (const label of [USER, "n0", "n1", "n2"]) assert.deepEqual(await s.listed(store, label), []);
      }
    },
  ),

  rule(
    "sweeps from several processes count each record once, and spare what is live",
    { needs: ["processes", "sweep"], races: [11] },
    async ({ store, workers, rounds }) => {
      const count = Math.max(20, rounds(90));
      for (const index of s.range(count))
        await s.put(store, s.recordOf(`due${index}`, { expiresAt: s.NOW - index }));
      const live = await s.put(store, s.recordOf("live", { expiresAt: s.NOW + 1 }));
      const deleted = await everyWorker(await workers(PROCESSES), "sweep", () => ({ now: s.NOW, limit: 10 }));
      const rest = await s.sweepOf(store).sweep(s.NOW, count, s.call());
      assert.equal(sum(deleted) + rest.deleted, count);
      await s.assertStored(store, live);
    },
  ),
]);
