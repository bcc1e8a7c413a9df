/** The most rows that one statement names. */
const MOST = 128;

/**
 * Splits values into batches whose sizes are powers of two, the last filled up with its own last value. So a handful of
 * statements serves any number of values, and a connection prepares each once. Whoever takes the batches must not mind a value twice.
 */
export function batches<T>(values: readonly T[]): T[][] {
  const found: T[][] = [];
  for (let start = 0; start < values.length; start += MOST) {
    const batch = values.slice(start, start + MOST);
    const last = batch.at(-1) as T;
    const size = 2 ** Math.ceil(Math.log2(batch.length));
    while (batch.length < size) batch.push(last);
    found.push(batch);
  }
  return found;
}
