import type { EngineName } from "./engines/engine.ts";

/** How much a run does. */
export interface Effort {
  /** How many sessions there are when the operations are measured; each larger than the one before. */
  readonly sizes: readonly number[];
  /** How often a cheap operation is timed; the dearer ones a part of it. */
  readonly samples: number;
  /** How long the throughput of one operation is taken. */
  readonly seconds: number;
  /** How many expired sessions one sweep is measured on, at every size alike. */
  readonly sweepable: number;
  /** How many expired sessions are swept, or expire at once, beside traffic. */
  readonly expired: number;
  /** How many sessions expire while they are swept, and are touched by the traffic at that time. */
  readonly edge: number;
  /** How long traffic is watched without a sweep. */
  readonly quietSeconds: number;
  /** How many requests the traffic has a second. */
  readonly requestsPerSecond: number;
  readonly sweepers: number;
  /** How many processes load at once. */
  readonly loaders: number;
}

export const WHOLE: Effort = {
  sizes: [10_000, 100_000, 1_000_000],
  samples: 2000,
  seconds: 2,
  sweepable: 10_000,
  expired: 200_000,
  edge: 1000,
  quietSeconds: 10,
  requestsPerSecond: 500,
  sweepers: 4,
  loaders: 4,
};

export const QUICK: Effort = {
  ...WHOLE,
  sizes: [2000, 20_000],
  samples: 300,
  seconds: 0.5,
  sweepable: 3000,
  expired: 5000,
  edge: 200,
  quietSeconds: 2,
};

export const OF_THEIR_OWN: Partial<Record<EngineName, Partial<Effort>>> = {
  /** A store of single files is for thousands of sessions. */
  directory: { sizes: [1000, 10_000, 100_000], expired: 20_000, requestsPerSecond: 200 },
  /** One writer at a time: more would only wait for one another. */
  sqlite: { loaders: 1 },
  lmdb: { loaders: 1 },
  /** Measured for its memory. */
  "redis-packed": { sizes: [10_000, 100_000], expired: 20_000 },
};
