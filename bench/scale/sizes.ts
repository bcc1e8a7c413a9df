import { IN_FLIGHT } from "./calls.ts";
import type { Effort } from "./effort.ts";
import type { Counters, Engine, MeasuredStore } from "./engines/engine.ts";
import { load } from "./loading.ts";
import { latencyOf, manyAtOnce, oneByOne, rounded } from "./measure.ts";
import { type Operation, operationsOn } from "./operations.ts";
import type { Population } from "./population.ts";
import { secondsOf } from "./processor.ts";
import { tell } from "./progress.ts";
import { SESSIONS_PER_USER } from "./population.ts";
import type { OperationResult, SizeResult, Throughput } from "./result.ts";

/** Loads step after step and measures every operation at each. The counts of what is touched tell how costs grow. */
export async function measureSizes(
  engine: Engine,
  store: MeasuredStore,
  population: Population,
  effort: Effort,
): Promise<SizeResult[]> {
  const empty = await engine.atRest();
  const results: SizeResult[] = [];
  let loaded = 0;
  for (const size of effort.sizes) {
    const scene = { engine, store, effort };
    const { seconds, perSecond } = await load(scene, `${engine.name} to ${size}`, [loaded, size]);
    const atRest = await engine.atRest();
    const operations: OperationResult[] = [];
    for (const operation of operationsOn({ store, population, size, effort }))
      operations.push(await measured(engine, operation, effort));
    results.push({
      sessions: size,
      users: size / SESSIONS_PER_USER,
      load: { sessions: size - loaded, seconds, perSecond },
      atRest,
      bytesPerSession: perSession(empty, atRest, size),
      operations,
    });
    loaded = size;
  }
  return results;
}

async function measured(engine: Engine, operation: Operation, effort: Effort): Promise<OperationResult> {
  const { name, times, run } = operation;
  await operation.prepare();
  const counting = [await engine.counters(), await engine.counters(), await engine.counters()] as const;
  const samples = await oneByOne(times, run);
  const touched = perOne(counting, await engine.counters(), times);
  const atOnce = operation.lasting ? await throughputOf(engine, run, effort.seconds) : null;
  await operation.tidy();
  const latency = latencyOf(samples);
  tell(
    `  ${name}: ${latency.p50} ms, p99 ${latency.p99} ms${atOnce ? `, ${atOnce.perSecond} a second` : ""}`,
  );
  return { name, latency, touched, ...(atOnce !== null && { atOnce }) };
}

async function throughputOf(
  engine: Engine,
  run: (round: number) => Promise<void>,
  seconds: number,
): Promise<Throughput> {
  const pids = engine.processIds();
  const server = secondsOf(pids);
  const client = process.cpuUsage();
  const { done, seconds: took } = await manyAtOnce(IN_FLIGHT, seconds, run);
  const { user, system } = process.cpuUsage(client);
  return {
    inFlight: IN_FLIGHT,
    perSecond: Math.round(done / took),
    serverMicroseconds: rounded(((secondsOf(pids) - server) * 1e6) / done),
    clientMicroseconds: rounded((user + system) / done),
  };
}

/**
 * What one of so many operations added to each count. The counting itself is counted too, and taken off: it is the least of
 * what came between three, for the end of the loading may still be in one.
 */
function perOne(
  [first, second, third]: readonly [Counters, Counters, Counters],
  after: Counters,
  times: number,
): Record<string, number> {
  const grown = Object.entries(after).map(([name, count]) => {
    const [one = 0, two = 0, start = 0] = [first[name], second[name], third[name]];
    return [name, count - start - Math.min(two - one, start - two)] as const;
  });
  return Object.fromEntries(
    grown.filter(([, more]) => more > 0).map(([name, more]) => [name, rounded(more / times)]),
  );
}

function perSession(
  empty: Readonly<Record<string, number>>,
  full: Readonly<Record<string, number>>,
  sessions: number,
): Record<string, number> {
  const parts = Object.entries(full).map(([part, bytes]) => [part, bytes - (empty[part] ?? 0)] as const);
  return Object.fromEntries(parts.map(([part, bytes]) => [part, Math.round(bytes / sessions)]));
}
