import assert from "node:assert/strict";
import type { AnyStore, Call } from "../../core/store.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

type Write = (store: AnyStore, call: Call) => Promise<unknown>;

/** Every way of writing, each of which would change or delete the record `a`. */
const WRITES: Readonly<Record<string, Write>> = {
  update: async (store, call) => await store.update(s.idOf("a"), s.changeOf({ set: { late: "1" } }), call),
  touch: async (store, call) =>
    await store.update(s.idOf("a"), s.changeOf({ expiresAt: s.NOW + 99 * s.MINUTE }), call),
  delete: async (store, call) => await store.delete(s.idOf("a"), {}, call),
  deleteByLabel: (store, call) =>
    store.deleteByLabel?.("user:1", [], call) ?? Promise.reject(new Error("no labels")),
  sweep: (store, call) =>
    store.sweep?.(s.NOW + 999 * s.MINUTE, 10, call) ?? Promise.reject(new Error("no sweep")),
};

function aborted(): Call {
  return { signal: AbortSignal.abort(new Error("the deadline passed")) };
}

export const signalRules: readonly StoreRule[] = group("signals", [
  rule("a write whose signal has aborted rejects and writes nothing", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { labels: ["user:1"] }));
    for (const [name, write] of Object.entries(WRITES)) {
      await assert.rejects(write(store, aborted()), `${name} must reject`);
    }
    await assert.rejects(async () => await store.create(s.recordOf("b"), aborted()));
    await s.turnOfTheLoop();
    await s.assertStored(store, record);
    await s.assertAbsent(store, "b");
  }),

  rule("a read whose signal has aborted rejects", async ({ store, claims }) => {
    await s.put(store, s.recordOf("a"));
    await assert.rejects(async () => await store.read(s.idOf("a"), aborted()));
    if (claims("labels")) await assert.rejects(s.labelsOf(store).listByLabel("x", { limit: 1 }, aborted()));
    if (claims("iterate")) await assert.rejects(s.iterableOf(store).all({ limit: 1 }, aborted()));
  }),

  rule(
    "a call that rejected because its signal aborted writes nothing afterwards",
    async ({ store, rounds, random }) => {
      for (const round of s.range(rounds(30))) {
        const name = `r${round}x`;
        await s.put(store, s.recordOf(name));
        const settled = await Promise.allSettled(
          s.range(12).map((index) => abortedLater(store, name, index, random.below(4))),
        );
        const first = await s.readThere(store, name);
        // The neighbours go on: a store that kept the aborted ones in a queue would send them with these.
        await Promise.all(
          s.range(3).map((index) => s.update(store, name, { set: { [`after${index}`]: "1" } })),
        );
        await s.turnOfTheLoop();
        const second = await s.readThere(store, name);
        for (const [index, outcome] of settled.entries()) {
          const field = `f${index}`;
          if (outcome.status === "fulfilled")
            assert.equal(first.fields[field], "1", "what was done is there");
          assert.equal(second.fields[field], first.fields[field], "nothing is written after the rejection");
        }
        assert.equal(second.version, 1 + Object.keys(second.fields).length, "each write was done once");
      }
    },
  ),

  rule("an abort after the answer does no harm", async ({ store }) => {
    const controller = new AbortController();
    assert.equal(await store.create(s.recordOf("a"), { signal: controller.signal }), true);
    controller.abort();
    await s.turnOfTheLoop();
    await s.readThere(store, "a");
  }),

  rule("one aborted call spoils none of its neighbours", async ({ store }) => {
    await s.put(store, s.recordOf("a"));
    const calls = s.range(20).map((index) => ({ index, call: index % 3 === 0 ? aborted() : s.call() }));
    const settled = await Promise.allSettled(
      calls.map(
        async ({ index, call }) =>
          await store.update(s.idOf("a"), s.changeOf({ set: { [`f${index}`]: "1" } }), call),
      ),
    );
    for (const [index, outcome] of settled.entries()) {
      assert.equal(outcome.status, index % 3 === 0 ? "rejected" : "fulfilled");
    }
    assert.equal((await s.readThere(store, "a")).version, 1 + 13);
  }),
]);

/** A write that is given up after some turns of the microtask queue; 0 is right after it was called. */
async function abortedLater(store: AnyStore, name: string, index: number, turns: number): Promise<void> {
  const controller = new AbortController();
  const change = s.changeOf({ set: { [`f${index}`]: "1" } });
  const written = Promise.resolve(store.update(s.idOf(name), change, { signal: controller.signal }));
  void written.catch(() => {});
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  controller.abort();
  assert.equal((await written).kind, "done");
}
