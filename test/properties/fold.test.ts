import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { AnySession, SessionId } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { type Fault, failsBefore, losesReply } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  noUnhandledRejections,
  recordsOf,
  type Rig,
  rig,
  seen,
  stored,
  type Visit,
  visit,
} from "../races/rig.ts";

noUnhandledRejections();

const KINDS = [
  "increment",
  "append",
  "read and assign",
  "assign",
  "take",
  "book",
  "rotate later",
  "large",
] as const;
type Kind = (typeof KINDS)[number];
type Trouble = "none" | "lost" | "refused" | "overtaken" | "refused reads";

/** Requests that load together, and how many turns of the event loop come before the next that do. */
interface Batch {
  readonly kinds: readonly Kind[];
  readonly turns: number;
}

interface Data {
  readonly n: number;
  readonly m: number;
  readonly seats: number;
  readonly log: readonly number[];
  readonly ticket?: string;
}

interface Result {
  readonly number: number;
  readonly kind: Kind;
  readonly code: string;
  readonly n: unknown;
}

const SEATS = 2;
const START: Data = { n: 0, m: 0, seats: SEATS, log: [], ticket: "t" };

const batches: fc.Arbitrary<Batch[]> = fc.array(
  fc.record({ kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 8 }), turns: fc.nat(3) }),
  { minLength: 1, maxLength: 4, size: "max" },
);
const troubles: fc.Arbitrary<Trouble[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Trouble>("none") },
    { weight: 1, arbitrary: fc.constantFrom<Trouble>("lost", "refused", "overtaken", "refused reads") },
  ),
  { maxLength: 12, size: "max" },
);

/** What the handler of a request does. All count themselves in the log, so that each is found once in what is stored. */
function handled(session: AnySession, kind: Kind, number: number): void {
  const isBlind = kind === "assign";
  if (!isBlind) session.update("log", (log) => [...(log as number[]), number]);
  if (kind === "increment") session.increment("n");
  if (kind === "read and assign") session.data.m = (session.data.m as number) + 1;
  if (isBlind) session.data[`f${number}`] = number;
  if (kind === "take" && session.take("ticket") === undefined) session.data[`without${number}`] = true;
  if (kind === "rotate later") session.rotate();
  if (kind === "large") session.data.large = "x".repeat(5000);
  if (kind !== "book") return;
  session.update("seats", (left) => {
    if (left === 0) throw new RangeError("sold out");
    return (left as number) - 1;
  });
}

async function finished({ session, finish }: Visit, kind: Kind, number: number): Promise<Result> {
  let code = "saved";
  try {
    handled(session, kind, number);
    await finish();
  } catch (error) {
    code = error instanceof RangeError ? "sold out" : await codeOf(Promise.reject(error));
  }
  return { number, kind, code, n: session.data.n };
}

/** What goes wrong with the updates of the store, one after the other. */
function order(where: Rig, other: Rig, cookie: string, trouble: Trouble): void {
  const overtaken: Fault = async (work) => {
    await done(other, cookie, (session) => void session.increment("n", 1000));
    return await work();
  };
  if (trouble === "none") where.faulty.next("update", (work) => work());
  if (trouble === "lost") where.faulty.next("update", losesReply());
  if (trouble === "refused") where.faulty.next("update", failsBefore());
  if (trouble === "overtaken") where.faulty.next("update", overtaken);
  if (trouble !== "refused reads") return;
  where.faulty.next("update", async (work) => {
    where.faulty.next("read", failsBefore());
    await work();
    throw new Error("The connection was lost.");
  });
}

async function tried(where: Rig, cookie: string, plan: readonly Batch[]): Promise<Result[]> {
  const answers: Promise<Result>[] = [];
  for (const { kinds, turns } of plan) {
    const visits = await Promise.all(kinds.map(() => visit(where, cookie).catch(() => null)));
    for (const [index, one] of visits.entries()) {
      // What opens nothing, or could not be read, is none of these requests.
      if (one === null || one.session.isNew) continue;
      answers.push(finished(one, kinds[index] as Kind, answers.length));
    }
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return await Promise.all(answers);
}

function numbersOf(results: readonly Result[], code: string): number[] {
  return results.filter((one) => one.code === code && one.kind !== "assign").map(({ number }) => number);
}

async function dataOf(where: Rig): Promise<Data & Record<string, unknown>> {
  const [record] = await recordsOf(where);
  const own = Object.entries(record?.fields ?? {}).filter(([name]) => !name.startsWith("~"));
  return Object.fromEntries(own.map(([name, text]) => [name, JSON.parse(text) as unknown])) as never;
}

function check(data: Data & Record<string, unknown>, results: readonly Result[], where: Rig): void {
  const saved = results.filter(({ code }) => code === "saved");
  const of = (kind: Kind): number => saved.filter((one) => one.kind === kind).length;
  const unknown = results.filter(({ code }) => code === "ERR_SESSION_UNKNOWN");
  const unsure = (kind: Kind): number => unknown.filter((one) => one.kind === kind).length;

  // Each is stored once, or not at all, as it was told.
  expect(new Set(data.log).size).toBe(data.log.length);
  expect(data.log).toEqual(expect.arrayContaining(numbersOf(results, "saved")));
  const possible = new Set([...numbersOf(results, "saved"), ...numbersOf(results, "ERR_SESSION_UNKNOWN")]);
  expect(data.log.filter((number) => !possible.has(number))).toEqual([]);

  const counted = data.n % 1000;
  expect(counted).toBeGreaterThanOrEqual(of("increment"));
  expect(counted).toBeLessThanOrEqual(of("increment") + unsure("increment"));
  const shown = saved.filter(({ kind }) => kind === "increment").map(({ n }) => n);
  expect(new Set(shown).size).toBe(shown.length);

  expect(SEATS - data.seats).toBeGreaterThanOrEqual(of("book"));
  expect(SEATS - data.seats).toBeLessThanOrEqual(of("book") + unsure("book"));
  expect(data.seats).toBeGreaterThanOrEqual(0);
  // A lost assignment is never silent.
  expect(of("read and assign") - data.m).toBeLessThanOrEqual(where.of("conflict").length);
  const dropped = where.of("gone").flatMap(({ fields }) => fields as string[]);
  for (const { number, kind } of saved) {
    if (kind === "assign" && !dropped.includes(`f${number}`)) expect(data[`f${number}`]).toBe(number);
  }
  const took = saved.filter(({ kind, number }) => kind === "take" && data[`without${number}`] !== true);
  expect(took.length).toBeLessThanOrEqual(1);
  if (took.length === 1) expect(data.ticket).toBeUndefined();
}

test(
  "however requests of one session overlap and the store fails, each is stored once or as it was told",
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(batches, troubles, async (plan, wrong) => {
        const store = memoryStore();
        const where = rig({ store, maxRecordBytes: 4000 });
        const other = rig({ store });
        const cookie = await stored(where, START);
        for (const trouble of wrong) order(where, other, cookie, trouble);
        const results = await tried(where, cookie, plan);
        where.faulty.heal();
        check(await dataOf(where), results, where);
      }),
      { numRuns: 400 },
    );
  },
);

test("however a session's end falls among its requests, it stays ended", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(batches, fc.nat(4), async (plan, at) => {
      const where = rig({ maxRecordBytes: 4000 });
      const cookie = await stored(where, START);
      const { session } = await visit(where, cookie);
      where.faulty.next("update", (work) => work(), at);
      where.faulty.next("update", async (work) => {
        await where.manager.revoke(session.id as SessionId);
        return await work();
      });
      await tried(where, cookie, plan);
      if (where.of("revoked").length === 0) return;
      expect(await seen(where, cookie)).toBeNull();
      expect(await recordsOf(where)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
