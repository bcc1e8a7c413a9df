import type { Effort } from "./effort.ts";
import { startEngine } from "./engines/index.ts";
import type { EngineName } from "./engines/engine.ts";
import { FreeCall } from "./calls.ts";
import { describeMachine, load } from "./machine.ts";
import { FIELD_BYTES, Population, SESSIONS_PER_USER } from "./population.ts";
import { tell } from "./progress.ts";
import { measureExpiry, measureSweep } from "./removal.ts";
import type { ScaleResult } from "./result.ts";
import { measureSizes } from "./sizes.ts";

/** Starts one engine, measures it, and stops it. Rejects when a store answers what it must not. */
export async function run(name: EngineName, effort: Effort, command: string): Promise<ScaleResult> {
  const machine = describeMachine();
  const date = new Date().toISOString().slice(0, 10);
  const started = performance.now();
  tell(`${name}: starting`);
  const engine = await startEngine(name);
  try {
    const { store, close } = await engine.open();
    await store.setup?.(new FreeCall());
    const population = new Population(effort.sizes);
    const sizes = await measureSizes(engine, store, population, effort);
    const measureRemoval = store.sweep === undefined ? measureExpiry : measureSweep;
    const removal = await measureRemoval({ engine, store, population, effort });
    await close();
    const { version, settings, counted } = engine;
    return {
      engine: name,
      version,
      settings,
      command,
      date,
      minutes: Math.ceil((performance.now() - started) / 60_000),
      machine: { ...machine, loadAfter: load() },
      population: { fieldBytes: FIELD_BYTES, sessionsPerUser: SESSIONS_PER_USER },
      counted,
      sizes,
      removal,
    };
  } finally {
    await engine.stop();
  }
}
