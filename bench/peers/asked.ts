import { GCProfiler, getHeapStatistics } from "node:v8";

export type { Asked } from "../compare/words.ts";

/** Adds up what is allocated on the JavaScript heap: what it grew by, and between collections what it grew by since the last one. */
export class Allocations {
  #profiler = new GCProfiler();
  #from = 0;

  start(): void {
    this.#profiler = new GCProfiler();
    this.#profiler.start();
    this.#from = getHeapStatistics().used_heap_size;
  }

  /** Bytes since the start. */
  stop(): number {
    const until = getHeapStatistics().used_heap_size;
    const { statistics } = this.#profiler.stop() as unknown as { statistics: Collection[] };
    let sum = 0;
    let last = this.#from;
    for (const { beforeGC, afterGC } of statistics) {
      sum += beforeGC.heapStatistics.usedHeapSize - last;
      last = afterGC.heapStatistics.usedHeapSize;
    }
    return sum + until - last;
  }
}

interface Collection {
  readonly beforeGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
  readonly afterGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
}

/** What the process holds, on the heap and outside. */
export function heapNow(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
