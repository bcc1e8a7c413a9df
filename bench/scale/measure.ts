/** How long something took, over a number of times, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function latencyOf(samples: readonly number[]): Latency {
  const sorted = Float64Array.from(samples).sort();
  return {
    count: sorted.length,
    p50: rounded(quantile(sorted, 0.5)),
    p99: rounded(quantile(sorted, 0.99)),
    max: rounded(sorted.at(-1) ?? 0),
  };
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Three digits that count: more would only look exact. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/** Runs one after another, and gives the milliseconds of each. */
export async function oneByOne(times: number, run: (round: number) => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < times; round += 1) {
    const started = performance.now();
    await run(round);
    samples.push(performance.now() - started);
  }
  return samples;
}

/** Keeps so many in flight for a while, and gives how many were done. The rounds go on where the given one ended. */
export async function manyAtOnce(
  inFlight: number,
  seconds: number,
  run: (round: number) => Promise<void>,
): Promise<{ readonly done: number; readonly seconds: number }> {
  const started = performance.now();
  const until = started + seconds * 1000;
  let done = 0;
  let round = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      round += 1;
      await run(round);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { done, seconds: (performance.now() - started) / 1000 };
}

/** Does something for each, so many at once. */
export async function forEach<T>(
  inFlight: number,
  all: Iterable<T>,
  run: (one: T) => Promise<void>,
): Promise<void> {
  const rest = all[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await run(next.value);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** The numbers from one up to, but not with, another: all, or each so many. */
export function* range(from: number, to: number, step = 1): Generator<number, void, void> {
  for (let index = from; index < to; index += step) yield index;
}
