/** One thing that makes Holdfast fast, to be done with it and without it. */
export interface Way {
  readonly name: string;
  /** What is done each time, in words. */
  readonly deed: string;
  readonly with: string;
  readonly without: string;
  open(): Promise<Both>;
}

/** The two sides of a way. Each does its deed some times, and tells how many. */
export interface Both {
  with(): number | Promise<number>;
  without(): number | Promise<number>;
  close?(): Promise<void>;
}

/** Does something `count` times. */
export function repeated(count: number, deed: () => unknown): number {
  for (let done = 0; done < count; done += 1) deed();
  return count;
}

/** Does something `count` times at once, and waits for all of it. */
export async function atOnce(count: number, deed: (place: number) => Promise<unknown>): Promise<number> {
  await Promise.all(Array.from({ length: count }, (_, place) => deed(place)));
  return count;
}
