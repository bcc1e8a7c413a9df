/** A figure that was taken several times. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @returns `NaN` in all three where there is nothing. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other);
  return {
    median: rounded(medianOf(sorted)),
    min: rounded(sorted[0] ?? Number.NaN),
    max: rounded(sorted.at(-1) ?? Number.NaN),
  };
}

/** @param sorted in growing order. */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/** Three digits that count: more would only look exact. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}

/**
 * The order in which subjects are measured in a round: it starts with another one each time and is turned round every other
 * time, so that none always follows the same one, and drift of the machine falls on all alike.
 */
export function orderOf<T>(all: readonly T[], round: number): T[] {
  const from = all.length === 0 ? 0 : Math.floor(round / 2) % all.length;
  const rotated = [...all.slice(from), ...all.slice(0, from)];
  return round % 2 === 0 ? rotated : rotated.reverse();
}

/**
 * How a figure grows with what it depends on: the slope of the straight line through the points when both are logarithms. 0 does not
 * grow, 1 grows as fast.
 */
export function exponentOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const usable = points.filter(({ x, y }) => x > 0 && y > 0);
  const xs = usable.map(({ x }) => Math.log(x));
  const ys = usable.map(({ y }) => Math.log(y));
  const meanX = meanOf(xs);
  const meanY = meanOf(ys);
  const [over, under] = xs.reduce(
    ([top, bottom], x, place) => [top + (x - meanX) * ((ys[place] ?? 0) - meanY), bottom + (x - meanX) ** 2],
    [0, 0],
  );
  return Number((over / under).toFixed(2));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
