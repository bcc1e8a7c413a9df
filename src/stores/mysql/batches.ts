/** The most rows that one statement names. */
const MOST = 128;

/**
 * The most calls that travel together. It bounds how long one answer keeps the event loop, and how long a neighbour waits for it;
 * and no driver rounds a number of so many bits.
 */
export const MOST_TOGETHER = 32;

/**
 * Splits values into batches of at most 128, each {@link filled}. So a handful of statements serves any number of
 * values, and a connection prepares each once. Whoever takes the batches must not mind a value twice.
 */
export function batches<T>(values: readonly T[]): T[][] {
  const found: T[][] = [];
  for (let start = 0; start < values.length; start += MOST)
    found.push(filled(values.slice(start, start + MOST)));
  return found;
}

/** Fills a list, which must not be empty, up to the next power of two with its own last value. */
export function filled<T>(values: readonly T[]): T[] {
  const size = 2 ** Math.ceil(Math.log2(values.length));
  return Array.from({ length: size }, (_, index) => values[Math.min(index, values.length - 1)] as T);
}
