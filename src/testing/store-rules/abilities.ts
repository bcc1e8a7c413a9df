import assert from "node:assert/strict";
import type { AnyStore } from "../../core/store.ts";
import type { Ability } from "../store-subject.ts";
import { group, rule, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const METHODS: readonly (readonly [Ability, readonly (keyof AnyStore)[]])[] = [
  ["labels", ["listByLabel", "deleteByLabel"]],
  ["iterate", ["all"]],
  ["sweep", ["sweep"]],
  ["setup", ["setup"]],
  ["subscribe", ["subscribe"]],
  ["dispose", ["close"]],
];

export const abilityRules: readonly StoreRule[] = group("abilities", [
  rule(
    "an ability is there when it is claimed, and absent when its lack is declared",
    async ({ store, claims }) => {
      for (const method of ["create", "read", "update", "delete"] as const)
        assert.equal(typeof store[method], "function");
      for (const [ability, methods] of METHODS) {
        for (const method of methods) {
          const expected = claims(ability) ? "function" : "undefined";
          assert.equal(typeof store[method], expected, `${ability}: ${method}`);
        }
      }
    },
  ),

  rule("what a subject claims to offer, it offers", async ({ opened, claims }) => {
    assert.equal(opened.openAgain !== undefined, claims("second handle"), "second handle: openAgain");
    assert.equal(opened.worker !== undefined, claims("processes"), "processes: worker");
    assert.equal(Object.keys(opened.damage ?? {}).length > 0, claims("damage"), "damage: at least one way");
  }),

  rule(
    "traits are told, and a store shared between processes is tried from processes",
    async ({ store, claims }) => {
      const { durability, shared, expires, resends, keptForMs, conditions = "engine" } = store.traits;
      assert.ok(["none", "process", "power"].includes(durability));
      for (const trait of [shared, expires, resends]) assert.equal(typeof trait, "boolean");
      assert.ok(keptForMs === undefined || keptForMs > 0);
      assert.ok(["engine", "process"].includes(conditions));
      assert.equal(
        shared && conditions === "engine",
        claims("processes"),
        "shared stores and only those are tried from several processes, unless they say that they cannot be right there",
      );
      assert.ok(expires || claims("sweep"), "somebody has to remove expired records: the engine, or a sweep");
    },
  ),

  rule("setup destroys nothing, however often it is called", { needs: ["setup"] }, async ({ store }) => {
    const record = await s.put(store, s.recordOf("kept", { labels: ["user:1"], fields: { a: "1" } }));
    await store.setup?.(s.call());
    await Promise.all(s.range(8).map(async () => store.setup?.(s.call())));
    await s.assertStored(store, record);
    assert.equal(await s.create(store, record), false);
  }),

  rule(
    "setup by many handles at once leaves a working store",
    { needs: ["setup", "second handle"] },
    async ({ handles }) => {
      const all = await handles();
      await Promise.all(all.flatMap((store) => s.range(3).map(async () => store.setup?.(s.call()))));
      for (const [index, store] of all.entries()) {
        const record = await s.put(store, s.recordOf(`h${index}`));
        for (const other of all) await s.assertStored(other, record);
      }
    },
  ),

  rule(
    "close can be called again, and while it is under way",
    { needs: ["dispose"] },
    async ({ openAnother }) => {
      const store = await openAnother();
      await s.put(store, s.recordOf("a"));
      await Promise.all([store.close?.(), store.close?.()]);
      await store.close?.();
    },
  ),

  rule(
    "close finishes what was acknowledged: another handle sees it",
    { needs: ["dispose", "second handle"] },
    async ({ handles }) => {
      const [first, second, third] = await handles();
      assert.ok(first && second && third);
      const writes = s
        .range(20)
        .map((index) => s.create(second, s.recordOf(`w${index}x`)).catch(() => false));
      await second.close?.();
      for (const [index, written] of (await Promise.all(writes)).entries()) {
        if (written) await s.readThere(third, `w${index}x`);
      }
      await s.put(first, s.recordOf("after"));
      await s.readThere(third, "after");
    },
  ),
]);

export const subscribeRules: readonly StoreRule[] = group("subscribe", [
  rule(
    "a listener hears of each deletion, by id or by label",
    { needs: ["subscribe"] },
    async ({ handles, claims }) => {
      const stores = await handles();
      const listener = stores.at(-1);
      assert.ok(listener);
      const heard = await hearing(listener);
      const expected: string[] = [];
      for (const [index, store] of stores.entries()) {
        await s.put(store, s.recordOf(`out${index}`));
        await s.put(store, s.recordOf(`lab${index}`, { labels: ["user:1"] }));
        await s.put(store, s.recordOf(`stay${index}`));
        await s.remove(store, `out${index}`);
        expected.push(s.idOf(`out${index}`));
        if (!claims("labels")) continue;
        await s.labelsOf(store).deleteByLabel("user:1", [], s.call());
        expected.push(s.idOf(`lab${index}`));
      }
      await heard.until(expected.length);
      assert.deepEqual([...heard.ids].sort(), expected.sort());
      heard.stop();
    },
  ),

  rule("a listener hears of what a sweep deletes", { needs: ["subscribe", "sweep"] }, async ({ handles }) => {
    const stores = await handles();
    const [sweeper, listener] = [stores[0], stores.at(-1)];
    assert.ok(sweeper && listener);
    const heard = await hearing(listener);
    await s.put(sweeper, s.recordOf("old", { expiresAt: s.NOW }));
    await s.put(sweeper, s.recordOf("live"));
    await s.sweepOf(sweeper).sweep(s.NOW, 100, s.call());
    await heard.until(1);
    assert.deepEqual(heard.ids, [s.idOf("old")]);
    heard.stop();
  }),

  rule(
    "what was refused or found gone is not told, and neither is a change",
    { needs: ["subscribe"] },
    async ({ store }) => {
      const heard = await hearing(store);
      await s.put(store, s.recordOf("a", { labels: ["user:1"] }));
      await s.apply(store, "a", { set: { a: "1" }, expiresAt: s.NOW + 40 * s.MINUTE });
      await s.remove(store, "a", { ifVersion: 9 });
      await s.remove(store, "a", { label: "user:2" });
      await s.remove(store, "none");
      await s.put(store, s.recordOf("last"));
      await s.remove(store, "last");
      await heard.until(1);
      assert.deepEqual(heard.ids, [s.idOf("last")]);
      heard.stop();
    },
  ),

  rule(
    "a listener that throws spoils neither the deletion nor the other listeners",
    { needs: ["subscribe"] },
    async ({ store }) => {
      const stop = store.subscribe?.(() => {
        throw new Error("a listener's own trouble");
      });
      const heard = await hearing(store);
      await s.put(store, s.recordOf("a"));
      assert.equal(await s.remove(store, "a"), "done");
      await s.assertAbsent(store, "a");
      await heard.until(1);
      stop?.();
      heard.stop();
    },
  ),

  rule(
    "a listener that was stopped hears no more; stopping twice is no error",
    { needs: ["subscribe"] },
    async ({ store }) => {
      const stopped = await hearing(store);
      const heard = await hearing(store);
      stopped.stop();
      stopped.stop();
      await s.put(store, s.recordOf("a"));
      await s.remove(store, "a");
      await heard.until(1);
      assert.deepEqual(stopped.ids, []);
      heard.stop();
    },
  ),
]);

interface Hearing {
  readonly ids: string[];
  /** Resolves when so many ids were heard; rejects when that takes longer than any store should. */
  until(count: number): Promise<void>;
  stop(): void;
}

const PATIENCE_MS = 5000;
const PROBE = "probe";

/** Resolves when the store hears: one that must connect first hears of nothing that happened before it did. */
async function hearing(store: AnyStore): Promise<Hearing> {
  const ids: string[] = [];
  let stands = false;
  let notify = (): void => {};
  const stop = store.subscribe?.((id) => {
    stands = true;
    if (id.startsWith(PROBE)) return;
    ids.push(id);
    notify();
  });
  const patience = Date.now() + PATIENCE_MS;
  for (let probe = 0; !stands; probe += 1) {
    assert.ok(Date.now() < patience, "a subscription must come to stand");
    await s.put(store, s.recordOf(`${PROBE}${probe}x`));
    await s.remove(store, `${PROBE}${probe}x`);
    await s.turnOfTheLoop();
  }
  function until(count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`heard of ${ids.length} deletions, not ${count}`)),
        PATIENCE_MS,
      );
      notify = () => {
        if (ids.length < count) return;
        clearTimeout(timer);
        resolve();
      };
      notify();
    });
  }
  return { ids, until, stop: () => stop?.() };
}
