import type { SessionRecord } from "../../src/index.ts";
import { engage } from "./crew.ts";
import type { Effort } from "./effort.ts";
import type { Engine, MeasuredStore } from "./engines/engine.ts";
import type { Job } from "./jobs.ts";

interface Scene {
  readonly engine: Engine;
  readonly store: MeasuredStore;
  readonly effort: Effort;
}

/** Loads a range of sessions, by several processes where others see the records, and resolves how long that took. */
export async function load(
  { engine, store, effort }: Scene,
  what: string,
  [from, to]: readonly [number, number],
  given: Partial<SessionRecord> = {},
): Promise<{ readonly seconds: number; readonly perSecond: number }> {
  await engine.relax();
  const shares = engine.location === null ? 1 : effort.loaders;
  const { sizes } = effort;
  const jobs = Array.from({ length: shares }, (_, share): Job => ({
    kind: "load",
    what,
    sizes,
    from,
    to,
    share,
    shares,
    given,
  }));
  const loaders = await engage(engine, store, jobs);
  const started = performance.now();
  for (const loader of loaders) loader.go();
  await Promise.all(loaders.map(({ report }) => report));
  const seconds = (performance.now() - started) / 1000;
  await engine.settle();
  return { seconds: Number(seconds.toFixed(2)), perSecond: Math.round((to - from) / seconds) };
}
