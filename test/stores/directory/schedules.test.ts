import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { directoryStore } from "../../../src/stores/directory.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Random, seededRandom } from "../../../src/testing/random.ts";
import { CREATE, DEEDS, view, type Deed } from "./deeds.ts";
import { steppedStore } from "./stepped.ts";
import { HOUR, ID, call, record, temporaryFolder, tree } from "./support.ts";

const SCHEDULES = 200;
const WRITERS = 3;
const deeds: Readonly<Record<string, Deed>> = { ...DEEDS, create: CREATE };

/** A writer that waits before each of its steps until it is its turn. */
interface Writer {
  readonly name: string;
  /** Lets it take one step. Resolves when it waits again or has finished. */
  step(): Promise<void>;
  finished(): boolean;
  result(): unknown;
}

async function startWriter(root: string, name: string): Promise<Writer> {
  const { store, arm } = await steppedStore(root);
  let arrived = (): void => {};
  let go = (): void => {};
  let finished = false;
  let result: unknown;
  const standing = (): Promise<void> => new Promise((resolve) => (arrived = resolve));

  arm(async (step) => {
    await new Promise<void>((resolve) => {
      go = resolve;
      arrived();
    });
    return step.run();
  });
  const first = standing();
  const end = (outcome: unknown): void => {
    result = outcome;
    finished = true;
    arrived();
  };
  void deeds[name]!(store, call()).then(end, end);
  await first;
  return {
    name,
    async step() {
      const next = standing();
      go();
      await next;
    },
    finished: () => finished,
    result: () => result,
  };
}

/** Runs writers step by step in an order drawn by lot; some are killed on the way. Resolves who was. */
async function runSchedule(writers: readonly Writer[], random: Random): Promise<ReadonlySet<Writer>> {
  const killed = new Set<Writer>();
  for (let steps = 0; ; steps++) {
    assert.ok(steps < 1000, "no end");
    const waiting = writers.filter((writer) => !writer.finished() && !killed.has(writer));
    if (waiting.length === 0) return killed;
    const writer = random.pick(waiting);
    if (random.oneIn(50)) killed.add(writer);
    else await writer.step();
  }
}

interface Part {
  readonly index: number;
  readonly deed: Deed;
}

/** Every order in which the parts may have happened; each may be absent or passed over where `variants` says so. */
function ordersOf(parts: readonly (readonly Part[])[]): readonly (readonly Part[])[] {
  if (parts.length === 0) return [[]];
  return parts.flatMap((variants, at) => {
    const others = ordersOf(parts.filter((_, other) => other !== at));
    const chosen = variants.flatMap((part) => others.map((rest) => [part, ...rest]));
    return chosen;
  });
}

async function outcomeOf(
  stored: boolean,
  order: readonly Part[],
): Promise<{ results: unknown[]; view: unknown }> {
  const store = memoryStore();
  if (stored) await store.create(record(), call());
  const results: unknown[] = [];
  for (const { index, deed } of order) results[index] = await deed(store, call());
  return { results, view: await view(store) };
}

test("three writers that take turns step by step, some killed, end as if one had come after the other", async () => {
  const folder = await temporaryFolder();
  try {
    const other = directoryStore(folder.path);
    await other.setup(call());
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const random = seededRandom(seed);
      const stored = !random.oneIn(4);
      if (stored) await other.create(record(), call());
      const names = Array.from({ length: WRITERS }, () => random.pick(Object.keys(deeds)));
      const writers: Writer[] = [];
      for (const name of names) writers.push(await startWriter(folder.path, name));
      const killed = await runSchedule(writers, random);

      const created = names.includes("create");
      const parts = writers.map((writer, index): readonly Part[] => {
        const deed = deeds[writer.name]!;
        if (killed.has(writer))
          return [
            { index, deed: discard(deed) },
            { index, deed: async () => "killed" },
          ];
        // What goes over several records owes nothing to one that came meanwhile.
        const passes = created && ["sweep", "delete by label"].includes(writer.name);
        return passes
          ? [
              { index, deed },
              { index, deed: async () => 0 },
            ]
          : [{ index, deed }];
      });
      const results = writers.map((writer) => (killed.has(writer) ? "killed" : writer.result()));
      const seen = { results, view: await view(other) };
      const allowed = [];
      for (const order of ordersOf(parts)) allowed.push(await outcomeOf(stored, order));
      if (!allowed.some((one) => isDeepStrictEqual(seen, one))) {
        expect(seen, `seed ${seed}: ${names.join(", ")}`).toEqual(allowed[0]);
      }

      await other.delete(ID, {}, call());
      // A label that a killed renewal entered after the session was swept goes when the label is listed.
      for (const label of ["user:1", "tenant:2"]) await other.listByLabel(label, { limit: 9 }, call());
      await other.sweep(Date.now() + 2 * HOUR, 100, call());
      const rest = (await tree(folder.path)).filter((path) => !/^sessions\/[0-9a-f]{2}$/.test(path));
      assert.deepEqual(
        rest,
        ["expiry", "format", "labels", "sessions", "temp"],
        `seed ${seed}: ${names.join(", ")}`,
      );
    }
  } finally {
    await folder.remove();
  }
}, 60_000);

function discard(deed: Deed): Deed {
  return async (store, by) => {
    await deed(store, by);
    return "killed";
  };
}
