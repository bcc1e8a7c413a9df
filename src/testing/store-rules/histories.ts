import assert from "node:assert/strict";
import type { AnyStore } from "../../core/store.ts";
import { operationOf, perform, step, type Cast, type Operation, type World } from "./model.ts";
import { group, rule, type RuleContext, type StoreRule } from "./rule.ts";
import * as s from "./support.ts";
import { overlap, turns } from "./turns.ts";

const LABELS: readonly string[] = ["user:1", "user:2", "tenant:7"];
const EMPTY: World = new Map();

function castOf(context: RuleContext, people: number): Cast {
  const kinds: Operation["kind"][] = ["create", "create", "read", "update", "update", "update", "delete"];
  if (context.claims("labels")) kinds.push("list", "revoke");
  if (context.claims("sweep")) kinds.push("sweep");
  return { ids: s.range(people).map((index) => s.idOf(`person${index}`)), labels: LABELS, kinds };
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What the store holds of these ids, in the shape of the model. */
async function worldOf(store: AnyStore, cast: Cast): Promise<unknown> {
  return Promise.all(cast.ids.map((id) => perform(store, { kind: "read", id }, 1)));
}

function modelOf(world: World, cast: Cast): unknown {
  return cast.ids.map((id) => step(world, { kind: "read", id }).answer);
}

/** One random history after another on the same store: each answer, and the whole at the end, as the model has it. */
async function sequentialHistory(context: RuleContext, length: number): Promise<void> {
  const cast = castOf(context, 4);
  const at = await turns(context);
  const past: Operation[] = [];
  let world = EMPTY;
  for (const serial of s.range(length)) {
    const operation = operationOf(context.random, cast, world, serial);
    past.push(operation);
    const expected = step(world, operation);
    const answer = await perform(at(serial), operation, 1 + context.random.below(4));
    assert.deepEqual(answer, expected.answer, told(`operation ${serial} answers as the contract says`, past));
    world = expected.world;
    if (serial % 10 === 0)
      assert.deepEqual(
        await worldOf(at(serial), cast),
        modelOf(world, cast),
        told("the store holds what it should", past),
      );
  }
  if (context.claims("iterate")) {
    assert.deepEqual(s.idsOf(await s.everything(context.store, 3)), [...world.keys()].sort());
  }
}

function told(claim: string, past: readonly Operation[]): string {
  return `${claim}; the last operations: ${past
    .slice(-6)
    .map((one) => JSON.stringify(one))
    .join(" ")}`;
}

/** Tells whether some order of the operations, one after another, gives all answers and the final state. */
function explained(world: World, rest: readonly Observed[], end: (world: World) => boolean): boolean {
  if (rest.length === 0) return end(world);
  return rest.some((next, index) => {
    const after = step(world, next.operation);
    return same(after.answer, next.answer) && explained(after.world, rest.toSpliced(index, 1), end);
  });
}

interface Observed {
  readonly operation: Operation;
  readonly answer: unknown;
}

/** Several operations at once on one or two records; whatever comes out must be what some order of them gives. */
async function overlappingRound(
  context: RuleContext,
  at: (index: number) => AnyStore,
  round: number,
): Promise<void> {
  const cast = castOf(context, 1 + (round % 2));
  let world = EMPTY;
  for (const id of castOf(context, 2).ids) await context.store.delete(id, {}, s.call());
  for (const id of cast.ids) {
    const record = s.recordOf(id, {
      labels: LABELS.filter(() => context.random.oneIn(2)),
      fields: { a: "1" },
    });
    if (context.random.oneIn(5)) continue;
    await s.put(context.store, record);
    world = step(world, { kind: "create", record }).world;
  }
  const operations = s.range(6).map((index) => operationOf(context.random, cast, world, round * 10 + index));
  const answers = await overlap(
    context,
    operations.map((operation, index) => () => perform(at(index), operation, 10)),
  );
  const observed = operations.map((operation, index) => ({ operation, answer: answers[index] }));
  const held = await worldOf(at(round), cast);
  assert.ok(
    explained(world, observed, (end) => same(modelOf(end, cast), held)),
    `no order of these gives what was answered and is held: ${JSON.stringify({ observed, held })}`,
  );
}

export const historyRules: readonly StoreRule[] = group("histories", [
  rule("a long random history answers and ends as the contract says, call by call", async (context) => {
    await sequentialHistory(context, context.rounds(4000));
  }),

  rule(
    "whatever overlaps looks as if it had been done one after another, in some order",
    { races: [1, 2, 3, 4, 6, 7, 9, 11] },
    async (context) => {
      const at = await turns(context);
      for (const round of s.range(context.rounds(300))) await overlappingRound(context, at, round);
    },
  ),
]);
