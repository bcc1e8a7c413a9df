import assert from "node:assert/strict";
import type { SessionId } from "../../core/record.ts";
import { operationOf, perform, step, type Cast, type World } from "./model.ts";
import { group, rule, type RuleContext, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";

const NAMES: readonly string[] = s.range(24).map((index) => `neighbour${index}`);

function castOf(ids: readonly SessionId[]): Cast {
  return {
    ids,
    labels: ["user:1", "user:2"],
    kinds: ["create", "read", "update", "update", "update", "delete"],
  };
}

/** One operation for each record, all in one turn. Since none meets another, each answer is that of the model. */
async function neighbourly(context: RuleContext, before: World, round: number): Promise<World> {
  let world = before;
  const ids = context.random.shuffle(NAMES.map(s.idOf));
  const operations = ids.map((id, index) =>
    operationOf(context.random, castOf([id]), world, round * ids.length + index),
  );
  const answers = await Promise.all(operations.map((operation) => perform(context.store, operation, 10)));
  for (const [index, operation] of operations.entries()) {
    const after = step(world, operation);
    assert.deepEqual(answers[index], after.answer, `the answer to ${JSON.stringify(operation)}`);
    world = after.world;
  }
  const held = await Promise.all(ids.map((id) => perform(context.store, { kind: "read", id }, 1)));
  assert.deepEqual(
    held,
    ids.map((id) => step(world, { kind: "read", id }).answer),
    "the store holds of each record what was done to it",
  );
  return world;
}

export const neighbourRules: readonly StoreRule[] = group("neighbours", [
  rule("calls of one turn on many records get each the outcome of its own", async (context) => {
    let world: World = new Map();
    for (const round of s.range(context.rounds(60))) world = await neighbourly(context, world, round);
  }),

  rule("of calls of one turn on many records those that were given up write nothing", async ({ store }) => {
    for (const name of NAMES) await s.put(store, s.recordOf(name));
    const isAborted = (index: number): boolean => index % 3 === 0;
    const settled = await Promise.allSettled(
      NAMES.map(async (name, index) => {
        const call = isAborted(index) ? { signal: AbortSignal.abort() } : s.call();
        return await store.update(s.idOf(name), s.changeOf({ set: { a: String(index) } }), call);
      }),
    );
    for (const [index, name] of NAMES.entries()) {
      assert.equal(settled[index]?.status, isAborted(index) ? "rejected" : "fulfilled");
      const { fields, version } = await s.readThere(store, name);
      assert.deepEqual([fields["a"], version], isAborted(index) ? [undefined, 1] : [String(index), 2]);
    }
  }),

  rule("whoever reads one record in one turn gets a copy of its own", async ({ store }) => {
    const record = await s.put(store, s.recordOf("a", { labels: ["user:1"], fields: { a: "1" } }));
    const [first, ...others] = await Promise.all(s.range(5).map(() => s.readThere(store, "a")));
    try {
      Object.assign(first?.fields ?? {}, { a: "spoilt" });
    } catch {
      // Frozen.
    }
    for (const other of others) s.assertSame(other, record);
  }),
]);
