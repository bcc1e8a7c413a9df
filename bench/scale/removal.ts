import { setTimeout as pause } from "node:timers/promises";
import { balance } from "./books.ts";
import { engage, type Hand } from "./crew.ts";
import type { Effort } from "./effort.ts";
import type { Engine, MeasuredStore } from "./engines/engine.ts";
import { fill } from "./filling.ts";
import type { Job, JobReport } from "./jobs.ts";
import { load } from "./loading.ts";
import { type Latency, latencyOf, range, rounded } from "./measure.ts";
import { EDGE, EXPIRED, idOf, type Population } from "./population.ts";
import { Progress, tell } from "./progress.ts";
import type { Ratios, RemovalResult, TrafficResult } from "./result.ts";

const SWEEP_LIMIT = 1000;
const PACE_FOUND_MS = 1000;
const EDGE_FROM_MS = 1000;
const EDGE_MS = 4000;
const LONGEST_WATCHED_MS = 60_000;
const DAY = 86_400_000;

interface Scene {
  readonly engine: Engine;
  readonly store: MeasuredStore;
  readonly population: Population;
  readonly effort: Effort;
}

/**
 * Steady traffic alone, beside processes that read, and beside processes that all sweep at once until nothing is left. The
 * readers tell what sharing two cores costs, so that what is left is the doing of the sweep. Some sessions expire while they are
 * swept and are touched by the traffic: whoever was told "done" must find them afterwards.
 */
export async function measureSweep(scene: Scene): Promise<RemovalResult> {
  const { engine, effort } = scene;
  const yesterday = Date.now() - DAY;
  const { expired, edge, sweepers } = effort;
  const past = {
    createdAt: yesterday,
    accessedAt: yesterday,
    expiresAt: yesterday + 1,
    endsAt: yesterday + 1,
  };
  await load(scene, "expired sessions", [EXPIRED, EXPIRED + expired], past);

  const quiet = await compare(scene);
  const locksBefore = await engine.lockWaits();
  tell(`  traffic beside ${sweepers} processes that sweep`);
  const sweep: Job = { kind: "sweep", limit: SWEEP_LIMIT };
  const sweeps = Array.from({ length: sweepers }, () => sweep);
  const watch = await begin(scene, trafficOf(effort, edge), sweeps, () => createEdge(scene));
  const swept = await Promise.all(watch.others.map((sweeper) => sweeper.report));
  const until = now();
  await pause(EDGE_FROM_MS + EDGE_MS);
  watch.traffic.stop();
  const traffic = await watch.traffic.report;
  const lockWaits = differences(locksBefore, await engine.lockWaits());
  const seconds = (until - watch.from) / 1000;
  const besideRemoval = trafficResult(traffic, watch.from, until);
  const reports = [...quiet.reports, traffic];
  return {
    by: "sweep",
    ...quiet.result,
    besideRemoval,
    ratios: ratiosOf(besideRemoval, quiet.result.besideReaders),
    removal: {
      processes: sweepers,
      seconds: rounded(seconds),
      perSecond: Math.round(sum(swept) / seconds),
      calls: latencyOf(swept.flatMap(({ sweeps }) => sweeps)),
    },
    lockWaits,
    books: await balance(scene, reports, { deleted: sum(swept), due: expired + edge }),
  };
}

/** Sessions that expire one after another from a little later on, when the traffic and the sweep are at work. */
async function createEdge({ store, population, effort }: Scene): Promise<void> {
  const progress = new Progress("sessions about to expire", effort.edge);
  await fill(store, population, progress, range(EDGE, EDGE + effort.edge), (index) => ({
    expiresAt: Date.now() + EDGE_FROM_MS + ((index * 7919) % EDGE_MS),
  }));
}

/** The same where the engine removes what expired by itself: all at one moment, the worst that can come. */
export async function measureExpiry(scene: Scene): Promise<RemovalResult> {
  const { engine, population, effort } = scene;
  const { expired } = effort;
  const quiet = await compare(scene);
  const first = EXPIRED;
  await load(scene, "sessions that expire together", [first, first + expired]);
  const before = await expiredIn(engine);
  const sessions = Array.from(range(first, first + expired), (index) => ({
    id: idOf(index),
    user: population.userOf(index),
  }));
  const moment = Date.now() + 3000 + expired / 10;
  const keys = (await engine.expireAt?.(sessions, moment)) ?? 0;
  await pause(Math.max(0, moment - 2 * PACE_FOUND_MS - Date.now()));
  tell(`  traffic while ${expired} sessions expire`);
  const watch = await begin(scene, trafficOf(effort, 0), []);
  const gone = async (): Promise<number> => (await expiredIn(engine)) - before;
  await pause(Math.max(0, moment - Date.now()));
  const from = now();
  const half = await moved(gone, keys / 2, from);
  const most = await moved(gone, keys * 0.99, from);
  const until = now();
  watch.traffic.stop();
  const traffic = await watch.traffic.report;
  const besideRemoval = trafficResult(traffic, from, until);
  return {
    by: "engine",
    ...quiet.result,
    besideRemoval,
    ratios: ratiosOf(besideRemoval, quiet.result.alone),
    removal: { processes: 0, keys, halfAfterSeconds: half, mostAfterSeconds: most },
    lockWaits: {},
    books: await balance(scene, [...quiet.reports, traffic], { due: expired }),
  };
}

/** Traffic alone, and beside as many processes as will sweep, which only read. */
async function compare({ engine, store, effort }: Scene): Promise<{
  readonly result: Pick<
    RemovalResult,
    "sessions" | "requestsPerSecond" | "expired" | "alone" | "besideReaders"
  >;
  readonly reports: readonly JobReport[];
}> {
  const { sweepers, quietSeconds, requestsPerSecond, expired, sizes } = effort;
  const sessions = sizes.at(-1) ?? 0;
  const readers = Array.from({ length: sweepers }, (_, seed): Job => ({ kind: "read", sessions, seed }));
  const reports: JobReport[] = [];
  const watched = async (what: string, others: readonly Job[]): Promise<TrafficResult> => {
    tell(`  traffic ${what}`);
    const watch = await begin({ engine, store }, trafficOf(effort, 0), others);
    await pause(quietSeconds * 1000);
    const until = now();
    for (const one of [watch.traffic, ...watch.others]) one.stop();
    const traffic = await watch.traffic.report;
    reports.push(traffic, ...(await Promise.all(watch.others.map((one) => one.report))));
    return trafficResult(traffic, watch.from, until);
  };
  const alone = await watched("alone", []);
  const besideReaders = await watched(`beside ${sweepers} processes that read`, readers);
  return { result: { sessions, requestsPerSecond, expired, alone, besideReaders }, reports };
}

/** How many keys the engine has removed by itself; replicas count none. */
async function expiredIn(engine: Engine): Promise<number> {
  return (await engine.counters())["expired"] ?? 0;
}

/** How many seconds after a moment so many were gone; `null` when that took too long to wait for. */
async function moved(gone: () => Promise<number>, wanted: number, from: number): Promise<number | null> {
  while ((await gone()) < wanted) {
    if (now() - from > LONGEST_WATCHED_MS) return null;
    await pause(50);
  }
  return rounded((now() - from) / 1000);
}

function trafficOf({ sizes, requestsPerSecond }: Effort, edge: number): Job {
  return { kind: "traffic", sessions: sizes.at(-1) ?? 0, perSecond: requestsPerSecond, edge };
}

/** Starts the traffic, when all are ready and `first` was done, and when it has found its pace, the others. */
async function begin(
  { engine, store }: Pick<Scene, "engine" | "store">,
  traffic: Job,
  others: readonly Job[],
  first: () => Promise<void> = async () => {},
): Promise<{ readonly traffic: Hand; readonly others: readonly Hand[]; readonly from: number }> {
  const [steady, ...rest] = await engage(engine, store, [traffic, ...others]);
  if (steady === undefined) throw new Error("Nobody was engaged.");
  await first();
  steady.go();
  await pause(PACE_FOUND_MS);
  const from = now();
  for (const one of rest) one.go();
  return { traffic: steady, others: rest, from };
}

/** The time as the samples of all processes have it. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** What was due between two moments. */
function trafficResult({ samples }: JobReport, from: number, until: number): TrafficResult {
  const due = samples.filter(({ at }) => at >= from && at < until);
  const of = (wrote: boolean): Latency =>
    latencyOf(due.filter((sample) => sample.wrote === wrote).map(({ took }) => took));
  return { reads: of(false), writes: of(true), seconds: rounded((until - from) / 1000) };
}

function ratiosOf(one: TrafficResult, other: TrafficResult): RemovalResult["ratios"] {
  const ratios = (top: Latency, bottom: Latency): Ratios => ({
    p50: rounded(top.p50 / bottom.p50),
    p99: rounded(top.p99 / bottom.p99),
    max: rounded(top.max / bottom.max),
  });
  return { reads: ratios(one.reads, other.reads), writes: ratios(one.writes, other.writes) };
}

function differences(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
}

function sum(reports: readonly JobReport[]): number {
  return reports.reduce((total, { deleted }) => total + deleted, 0);
}
