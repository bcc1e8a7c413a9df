import { setTimeout as pause } from "node:timers/promises";
import type { SessionRecord } from "../../src/index.ts";
import { FreeCall } from "./calls.ts";
import type { MeasuredStore } from "./engines/engine.ts";
import { fill } from "./filling.ts";
import { range } from "./measure.ts";
import { dice, EDGE, idOf, Population } from "./population.ts";
import { Progress } from "./progress.ts";

/** What a process does until it is told to stop, in words that it can be sent. */
export type Job =
  | {
      readonly kind: "traffic";
      readonly sessions: number;
      readonly perSecond: number;
      /** How many sessions are about to expire, and are touched now and then. */
      readonly edge: number;
    }
  | {
      /** One of several that share a range of numbers among them. */
      readonly kind: "load";
      readonly what: string;
      readonly sizes: readonly number[];
      readonly from: number;
      readonly to: number;
      readonly share: number;
      readonly shares: number;
      readonly given: Partial<SessionRecord>;
    }
  | { readonly kind: "read"; readonly sessions: number; readonly seed: number }
  | { readonly kind: "sweep"; readonly limit: number };

/** One request of the traffic. */
export interface Sample {
  /** When it was due: milliseconds since the epoch, with their parts. */
  readonly at: number;
  /** Milliseconds from then to the answer. */
  readonly took: number;
  readonly wrote: boolean;
}

/** What became of a job. */
export interface JobReport {
  readonly samples: readonly Sample[];
  /** Milliseconds of each call of `sweep`. */
  readonly sweeps: readonly number[];
  readonly deleted: number;
  /** Answers that no live session gives. */
  readonly wrongAnswers: number;
  /** Numbers of the sessions that were touched before they expired. */
  readonly touchedInTime: readonly number[];
}

export const NOTHING: JobReport = { samples: [], sweeps: [], deleted: 0, wrongAnswers: 0, touchedInTime: [] };

const DAY = 86_400_000;

/** Does a job until the signal aborts; a sweep ends by itself when nothing is left. */
export async function doJob(store: MeasuredStore, job: Job, stop: AbortSignal): Promise<JobReport> {
  switch (job.kind) {
    case "load":
      return await loadShare(store, job);
    case "traffic":
      return await traffic(store, job, stop);
    case "read":
      return await readAll(store, job, stop);
    case "sweep":
      return await sweepAll(store, job.limit);
  }
}

async function loadShare(store: MeasuredStore, job: Job & { kind: "load" }): Promise<JobReport> {
  const { what, sizes, from, to, share, shares, given } = job;
  const numbers = range(from + share, to, shares);
  // One tells for all of them.
  const progress = new Progress(what, to - from, share === 0 ? shares : 0);
  await fill(store, new Population(sizes), progress, numbers, () => given);
  return NOTHING;
}

/**
 * Steady requests, each at its time whether or not the ones before were answered: seven of ten read, two change a field, one
 * touches. A stall shows in every request that was due meanwhile.
 */
async function traffic(
  store: MeasuredStore,
  { sessions, perSecond, edge }: Job & { kind: "traffic" },
  stop: AbortSignal,
): Promise<JobReport> {
  const roll = dice(5);
  const samples: Sample[] = [];
  const touchedInTime = new Set<number>();
  const underWay = new Set<Promise<void>>();
  const started = performance.now();
  let wrongAnswers = 0;
  let sent = 0;

  const request = async (due: number): Promise<void> => {
    const kind = roll(10);
    const index = kind === 9 && edge > 0 ? EDGE + roll(edge) : roll(sessions);
    const right = await answered(store, kind, index, sent).catch(() => false);
    samples.push({ at: performance.timeOrigin + due, took: performance.now() - due, wrote: kind >= 7 });
    if (right && index >= EDGE) touchedInTime.add(index);
    if (!right && index < EDGE) wrongAnswers += 1;
  };
  while (!stop.aborted) {
    for (; dueOf(sent) <= performance.now(); sent += 1) {
      const answer: Promise<void> = request(dueOf(sent)).finally(() => underWay.delete(answer));
      underWay.add(answer);
    }
    await pause(Math.max(0, dueOf(sent) - performance.now()));
  }
  await Promise.all(underWay);
  return { ...NOTHING, samples, wrongAnswers, touchedInTime: [...touchedInTime] };

  function dueOf(number: number): number {
    return started + (number * 1000) / perSecond;
  }
}

/** Sends one request, and tells whether the answer is that of a live session. */
async function answered(store: MeasuredStore, kind: number, index: number, round: number): Promise<boolean> {
  const id = idOf(index);
  if (kind < 7) return (await store.read(id, new FreeCall())) !== null;
  const now = Date.now();
  const change = kind < 9 ? { set: { views: String(round) } } : { accessedAt: now, expiresAt: now + DAY };
  return (await store.update(id, { now, epoch: 2, ...change }, new FreeCall())).kind === "done";
}

/** Reads as fast as one call after another goes. */
async function readAll(
  store: MeasuredStore,
  { sessions, seed }: Job & { kind: "read" },
  stop: AbortSignal,
): Promise<JobReport> {
  const roll = dice(seed);
  let wrongAnswers = 0;
  for (let round = 1; !stop.aborted; round += 1) {
    if ((await store.read(idOf(roll(sessions)), new FreeCall())) === null) wrongAnswers += 1;
    // A store in this process answers without a turn of the event loop, in which the others could be served.
    if (round % 16 === 0) await new Promise(setImmediate);
  }
  return { ...NOTHING, wrongAnswers };
}

/** Sweeps as a manager does, batch after batch, until nothing is left. */
async function sweepAll(store: MeasuredStore, limit: number): Promise<JobReport> {
  const sweeps: number[] = [];
  let deleted = 0;
  for (;;) {
    const started = performance.now();
    const batch = await store.sweep?.(Date.now(), limit, new FreeCall());
    sweeps.push(performance.now() - started);
    deleted += batch?.deleted ?? 0;
    if (batch === undefined || !batch.more || batch.deleted === 0) return { ...NOTHING, sweeps, deleted };
    await new Promise(setImmediate);
  }
}
