import type { Machine } from "../scale/machine.ts";
import type { Spread } from "./statistics.ts";
import type { FrameworkName, StoreName, WorkName } from "./table.ts";

/** One subject doing one piece of work under load. Ratios are taken within each round, to the bare server's slice beside it. */
export interface LoadFigures {
  readonly perSecond: Spread;
  /** Of the bare server's throughput: 1 is as fast. */
  readonly throughputRatio: Spread;
  /** Milliseconds, and as often as the bare server's. */
  readonly p50: Spread;
  readonly p50Ratio: Spread;
  readonly p99: Spread;
  readonly p99Ratio: Spread;
  /** Microseconds of the server's processor time a request, the engine's not among them, and as often as the bare server's. */
  readonly cpu: Spread;
  readonly cpuRatio: Spread;
  /** Answers that were none, over all rounds. */
  readonly errors: number;
  /** How busy the load tool was at most: near 1 it is the tool that is measured. */
  readonly toolBusy: number;
}

/** What one request does, counted without load, one after another. */
export interface CountedFigures {
  /** Bytes that it allocates on the server's JavaScript heap; buffers outside are not among them. */
  readonly allocated: number;
  /** Between the server and its engine; absent where there is no wire. */
  readonly roundTrips?: number;
  readonly bytesSent?: number;
  readonly bytesReceived?: number;
}

/** What became of increments by overlapping requests of one session. */
export interface Loss {
  readonly acknowledged: number;
  readonly refused: number;
  /** Acknowledged, and not in the counter afterwards. */
  readonly lost: number;
}

export interface WorkResult {
  readonly name: WorkName;
  /** Why there is nothing: the subject cannot do it. */
  readonly cannot?: string;
  readonly load?: LoadFigures;
  readonly counted?: CountedFigures;
}

export interface SubjectResult {
  readonly name: string;
  readonly works: readonly WorkResult[];
  readonly loss?: Loss;
}

export interface GroupResult {
  readonly framework: FrameworkName;
  readonly store: StoreName;
  readonly subjects: readonly SubjectResult[];
  /** Why there are none. */
  readonly failed?: string;
}

/** What is measured once, not for each group. */
export interface SingleFigures {
  /** Bytes of memory that a session takes, by library. */
  readonly resident?: { readonly sessions: number; readonly bytes: Readonly<Record<string, number>> };
  /** Milliseconds from the start of the process to its first answer. */
  readonly startUp?: Readonly<Record<string, Spread>>;
  /** Milliseconds that an import takes in a process that has nothing else. */
  readonly imports?: Readonly<Record<string, Spread>>;
  /** Bytes, bundled, minified, and compressed besides. */
  readonly coreSize?: { readonly minified: number; readonly compressed: number };
}

export interface PeersResult {
  readonly command: string;
  readonly date: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly tool: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, string>>;
  readonly groups: readonly GroupResult[];
  readonly singles: SingleFigures;
}
