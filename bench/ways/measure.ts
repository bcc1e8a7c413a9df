import { describeMachine, load, type Machine } from "../scale/machine.ts";
import { tell } from "../scale/progress.ts";
import { rounded, type Spread, spreadOf } from "../compare/statistics.ts";
import { CORE_WAYS } from "./core.ts";
import { LMDB_WAYS } from "./lmdb.ts";
import { REDIS_WAYS } from "./redis.ts";
import { SQL_WAYS } from "./sql.ts";
import type { Both, Way } from "./way.ts";

/** What one way gained. */
export interface Gain {
  readonly name: string;
  readonly deed: string;
  readonly with: string;
  readonly without: string;
  /** How many times as often it is done in the same time. */
  readonly times: Spread;
  /** Microseconds each, with and without. */
  readonly each: { readonly with: number; readonly without: number };
}

export interface WaysResult {
  readonly command: string;
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly gains: readonly Gain[];
}

/** How it is to be measured. */
export interface WaysRequest {
  readonly command: string;
  readonly only: RegExp;
  readonly rounds: number;
  /** Of one side in one round. */
  readonly seconds: number;
}

const ALL: readonly Way[] = [...CORE_WAYS, ...REDIS_WAYS, ...SQL_WAYS, ...LMDB_WAYS];

/** Does every way with what makes it fast and without, one after the other in each round, in this process. */
export async function measureWays(request: WaysRequest, signal: AbortSignal): Promise<WaysResult> {
  const { command, only, rounds, seconds } = request;
  const machine = describeMachine();
  const gains: Gain[] = [];
  for (const way of ALL.filter(({ name }) => only.test(name))) {
    signal.throwIfAborted();
    tell(`${way.name} ...`);
    gains.push(await gainOf(way, rounds, seconds));
  }
  const date = new Date().toISOString().slice(0, 10);
  return { command, date, machine: { ...machine, loadAfter: load() }, rounds, seconds, gains };
}

async function gainOf(way: Way, rounds: number, seconds: number): Promise<Gain> {
  const both = await way.open();
  try {
    await rateOf(both.with, seconds);
    await rateOf(both.without, seconds);
    const measured: { with: number; without: number }[] = [];
    for (let round = 0; round < rounds; round += 1) measured.push(await oneRound(both, round, seconds));
    const { name, deed } = way;
    return {
      name,
      deed,
      with: way.with,
      without: way.without,
      times: spreadOf(measured.map((rates) => rates.with / rates.without)),
      each: {
        with: microsecondsOf(measured.map((rates) => rates.with)),
        without: microsecondsOf(measured.map((rates) => rates.without)),
      },
    };
  } finally {
    await both.close?.();
  }
}

/** Each side is first in every other round. */
async function oneRound(
  both: Both,
  round: number,
  seconds: number,
): Promise<{ with: number; without: number }> {
  if (round % 2 === 0)
    return { with: await rateOf(both.with, seconds), without: await rateOf(both.without, seconds) };
  const without = await rateOf(both.without, seconds);
  return { with: await rateOf(both.with, seconds), without };
}

/** How often a second. */
async function rateOf(side: Both["with"], seconds: number): Promise<number> {
  const begun = performance.now();
  let done = 0;
  let passed = 0;
  while (passed < seconds * 1000) {
    done += await side();
    passed = performance.now() - begun;
  }
  return (done / passed) * 1000;
}

function microsecondsOf(rates: readonly number[]): number {
  return rounded(1e6 / spreadOf(rates).median);
}
