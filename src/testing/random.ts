/** A small seeded generator: the same seed gives the same choices on every machine. */
export interface Random {
  readonly seed: number;
  /** A whole number from 0 up to, but not including, `below`. */
  below(below: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
  /** True once in `times`, on average. */
  oneIn(times: number): boolean;
  /** The values in another order. */
  shuffle<T>(values: readonly T[]): T[];
}

/** Makes a generator (mulberry32) of a whole number. Good enough to choose test cases; never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;

  function below(limit: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  function pick<T>(values: readonly T[]): T {
    if (values.length === 0) throw new RangeError("There is nothing to pick from.");
    return values[below(values.length)] as T;
  }

  function shuffle<T>(values: readonly T[]): T[] {
    const rest = [...values];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(below(rest.length), 1));
    return shuffled;
  }

  return { seed, below, pick, oneIn: (times) => below(times) === 0, shuffle };
}
