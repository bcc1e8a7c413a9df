import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { directoryStore } from "../../../src/stores/directory.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { CREATE, DEEDS, NOTHING, RECREATE, view, type Deed, type Store } from "./deeds.ts";
import { Pause, killAt, killWithin, steppedStore, type Step, type SteppedStore } from "./stepped.ts";
import { HOUR, ID, call, record, temporaryFolder, tree } from "./support.ts";

/** No operation takes more steps than this; a loop without end would. */
const MOST_STEPS = 200;

const put: Deed = async (store, by) => await store.create(record(), by);

interface Case {
  readonly name: string;
  /** What is stored before. */
  readonly before: Deed;
  readonly deed: Deed;
}

const onStored: readonly Case[] = Object.entries(DEEDS).map(([name, deed]) => ({ name, before: put, deed }));
const cases: readonly Case[] = [...onStored, { name: "create", before: NOTHING, deed: CREATE }];
/** What another handle does meanwhile. Once it is done, a condition that held leaves the same files as none. */
const rivals: Readonly<Record<string, Deed>> = {
  ...Object.fromEntries(Object.entries(DEEDS).filter(([name]) => !name.includes(" if "))),
  create: CREATE,
  "delete, then create the same id": RECREATE,
  "delete, then sweep all": async (store, by) => [
    await store.delete(ID, {}, by),
    (await store.sweep(Date.now() + 2 * HOUR, 100, by)).deleted,
  ],
};

/** What a store of one process does that runs one deed after the other. */
async function model(...deeds: readonly Deed[]): Promise<Outcome> {
  const store = memoryStore();
  const results: unknown[] = [];
  for (const deed of deeds) results.push(await deed(store, call()));
  return { results, view: await view(store) };
}

interface Opened {
  readonly root: string;
  readonly other: Store;
}

async function inFolder(use: (opened: Opened) => Promise<void>): Promise<void> {
  const folder = await temporaryFolder();
  try {
    const other = directoryStore(folder.path);
    await other.setup(call());
    await use({ other, root: folder.path });
  } finally {
    await folder.remove();
  }
}

/** Calls `visit` with 0, 1, 2 … until it tells that there is no such step. Resolves how many there were. */
async function everyStep(visit: (at: number) => Promise<boolean>): Promise<number> {
  for (let at = 0; at < MOST_STEPS; at++) if (!(await visit(at))) return at;
  throw new Error(`${MOST_STEPS} steps and no end`);
}

/** Deletes the session. Nothing is left of it once a sweep has seen to what killed writers left. */
async function assertNothingStays({ other, root }: Opened): Promise<void> {
  await other.delete(ID, {}, call());
  await other.sweep(Date.now() + 2 * HOUR, 100, call());
  const rest = (await tree(root)).filter((path) => !/^sessions\/[0-9a-f]{2}$/.test(path));
  assert.deepEqual(rest, ["expiry", "format", "labels", "sessions", "temp"]);
}

interface Outcome {
  readonly results: readonly unknown[];
  readonly view: unknown;
}

function assertOneOf(seen: unknown, allowed: readonly unknown[], what: string): void {
  if (allowed.some((one) => isDeepStrictEqual(seen, one))) return;
  expect(seen, what).toEqual(allowed.at(-1));
}

describe("a writer paused before any of its steps, while another handle works, and resumed after", () => {
  test.each(cases)("$name: the outcome is that of one after the other", { timeout: 60_000 }, async (one) => {
    await inFolder(async (opened) => {
      const writer = await steppedStore(opened.root);
      for (const [name, rival] of Object.entries(rivals)) await interleave(opened, writer, one, name, rival);
    });
  });

  async function interleave(opened: Opened, writer: SteppedStore, one: Case, name: string, rival: Deed) {
    const { other } = opened;
    const first = await model(one.before, one.deed, rival);
    const last = await model(one.before, rival, one.deed);
    const allowed = [inOrder(first, 0, 2, 1), last];
    // A sweep owes nothing to a record that came while it ran.
    if (one.name === "sweep" && name.includes("create"))
      allowed.push(await model(one.before, rival, async () => 0));

    const steps = await everyStep(async (at) => {
      const pause = new Pause(at);
      const before = await one.before(other, call());
      writer.arm(pause.intercept);
      const work = one.deed(writer.store, call());
      const reached = await pause.stands(work);
      const rivalResult = await rival(other, call());
      pause.resume();
      const results = [before, rivalResult, await work];
      const seen = { results, view: await view(other) };
      assertOneOf(seen, allowed, `${one.name} paused before step ${at}, meanwhile ${name}`);
      await assertNothingStays(opened);
      return reached;
    });
    assert.ok(steps > 3, `${one.name} takes ${steps} steps`);
  }

  function inOrder({ results, view: seen }: Outcome, ...order: readonly number[]): Outcome {
    return { results: order.map((index) => results[index]), view: seen };
  }
});

describe("a writer killed before or within any of its steps", () => {
  test.each(cases)("$name: the record is as it was or as it shall be", { timeout: 60_000 }, async (one) => {
    const was = await model(one.before);
    const shall = await model(one.before, one.deed);
    await inFolder(async (opened) => {
      const steps = await everyStep((at) => killed(opened, one, killAt, at));
      for (let at = 0; at < steps; at++) await killed(opened, one, killWithin, at);
    });

    async function killed(
      opened: Opened,
      { before, deed }: Case,
      kill: typeof killAt,
      at: number,
    ): Promise<boolean> {
      const { other } = opened;
      const writer = await steppedStore(opened.root);
      await before(other, call());
      const dead = await new Promise<boolean>((resolve, reject) => {
        writer.arm(kill(at, () => resolve(true)));
        deed(writer.store, call()).then(() => resolve(false), reject);
      });
      assertOneOf(await view(other), [was.view, shall.view], `killed at step ${at}`);
      const alive = await other.read(ID, call());
      if (alive === null) assert.equal(await put(other, call()), true, "the id is free");
      else
        assert.equal(
          (await other.update(ID, { now: 0, epoch: alive.epoch, set: { z: "1" } }, call())).kind,
          "done",
        );
      await assertNothingStays(opened);
      return dead;
    }
  });
});

describe("a file system that fails at any step", () => {
  const codes = ["ENOSPC", "EACCES", "EROFS", "EIO"];

  test.each(cases)("$name: the call rejects with its very error, or its outcome stands", async (one) => {
    const was = await model(one.before);
    const shall = await model(one.before, one.deed);
    await inFolder(async (opened) => {
      const writer = await steppedStore(opened.root);
      await everyStep(async (at) => {
        await one.before(opened.other, call());
        const code = codes[at % codes.length];
        const error = Object.assign(new Error(`${code}: planted`), { code });
        let reached = false;
        writer.arm(async (step) => {
          if (step.number !== at) return step.run();
          reached = true;
          throw error;
        });
        const outcome = await outcomeOf(one.deed(writer.store, call()));
        const seen = await view(opened.other);
        if (outcome.kind === "rejected") {
          assert.equal(outcome.thrown, error);
          assertOneOf(seen, [was.view, shall.view], `failed at step ${at}`);
        } else {
          assert.deepEqual([outcome.result, seen], [shall.results[1], shall.view]);
        }
        await assertNothingStays(opened);
        return reached;
      });
    });
  });
});

describe("a signal that aborts at any step", () => {
  test.each(cases)("$name: a call that rejects has changed nothing", async (one) => {
    const was = await model(one.before);
    const shall = await model(one.before, one.deed);
    let rejected = 0;
    await inFolder(async (opened) => {
      const writer = await steppedStore(opened.root);
      await everyStep(async (at) => {
        await one.before(opened.other, call());
        const deadline = new AbortController();
        const error = new Error("too late");
        writer.arm(async (step) => {
          if (step.number === at) deadline.abort(error);
          assert.ok(step.number <= at || !decides(step), `${step.verb} after the deadline`);
          return step.run();
        });
        const outcome = await outcomeOf(one.deed(writer.store, { signal: deadline.signal }));
        if (outcome.kind === "rejected") {
          rejected++;
          assert.equal(outcome.thrown, error);
        }
        assert.deepEqual(await view(opened.other), outcome.kind === "rejected" ? was.view : shall.view);
        await assertNothingStays(opened);
        return deadline.signal.aborted;
      });
    });
    assert.ok(rejected > 0);
  });
});

/** Tells whether a step brings a record to life, moves it or ends it. */
function decides({ verb, path, text }: Step): boolean {
  if (verb === "unlink") return /\/p1\.[^/]+$/.test(path) && path.includes("/sessions/");
  return verb === "rename" && text.includes("/sessions/");
}

type Settled =
  | { readonly kind: "resolved"; readonly result: unknown }
  | { readonly kind: "rejected"; readonly thrown: unknown };

async function outcomeOf(work: Promise<unknown>): Promise<Settled> {
  try {
    return { kind: "resolved", result: await work };
  } catch (thrown) {
    return { kind: "rejected", thrown };
  }
}
