import { PerformanceObserver } from "node:perf_hooks";

export type { Asked } from "../compare/words.ts";

/** Counts collections of garbage: between two looks without one, the growth of the heap is what was allocated. */
export function collections(): { count(): Promise<number> } {
  let seen = 0;
  new PerformanceObserver((list) => (seen += list.getEntries().length)).observe({ entryTypes: ["gc"] });
  return {
    // They are told a turn later.
    async count() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return seen;
    },
  };
}

export function heapNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
