import type { EngineName } from "./engines/engine.ts";
import type { Latency } from "./measure.ts";
import type { Machine } from "./machine.ts";

/** One operation at one size. */
export interface OperationResult {
  readonly name: string;
  /** One after another, in milliseconds. */
  readonly latency: Latency;
  /** What the engine counted for one of them, on average. */
  readonly touched: Readonly<Record<string, number>>;
  /** With many in flight, where the operation can be repeated at will. */
  readonly atOnce?: Throughput;
}

/** What was done with many in flight, and what one of them cost in processor time. */
export interface Throughput {
  readonly inFlight: number;
  readonly perSecond: number;
  readonly serverMicroseconds: number;
  readonly clientMicroseconds: number;
}

export interface SizeResult {
  readonly sessions: number;
  readonly users: number;
  /** How the sessions that this size adds were loaded. */
  readonly load: { readonly sessions: number; readonly seconds: number; readonly perSecond: number };
  /** What holds them, in bytes by part. */
  readonly atRest: Readonly<Record<string, number>>;
  /** The same for one session, without what the empty engine held. */
  readonly bytesPerSession: Readonly<Record<string, number>>;
  readonly operations: readonly OperationResult[];
}

/** How long the requests of steady traffic took, in milliseconds from when each was due. */
export interface TrafficResult {
  readonly reads: Latency;
  readonly writes: Latency;
  readonly seconds: number;
}

export interface Ratios {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** How fast several processes swept at once. */
export interface SweepRate {
  readonly processes: number;
  readonly seconds: number;
  readonly perSecond: number;
  /** How long one call of `sweep` took. */
  readonly calls: Latency;
}

/** How fast the engine removed what expired at one moment, index entries included. `null`: not within a minute. */
export interface ExpiryRate {
  readonly keys: number;
  readonly halfAfterSeconds: number | null;
  /** For 99 of 100. */
  readonly mostAfterSeconds: number | null;
}

/** Traffic while expired sessions are removed: by sweeps of several processes, or by the engine itself. */
export interface RemovalResult {
  readonly by: "sweep" | "engine";
  readonly sessions: number;
  readonly requestsPerSecond: number;
  readonly expired: number;
  readonly alone: TrafficResult;
  /** Beside as many processes that only read: what the shared processor alone costs. */
  readonly besideReaders: TrafficResult;
  readonly besideRemoval: TrafficResult;
  /** Beside the removal, as compared with traffic beside readers. */
  readonly ratios: { readonly reads: Ratios; readonly writes: Ratios };
  readonly removal: SweepRate | ExpiryRate;
  /** Waits for locks that the engine counted meanwhile, where it does. */
  readonly lockWaits: Readonly<Record<string, number>>;
  readonly books: Books;
}

/** Whether afterwards exactly those sessions are there that have to be. */
export interface Books {
  readonly balanced: boolean;
  /** How many sessions were deleted, over all processes, and how many had expired. They are equal: none went twice. */
  readonly deleted?: number;
  readonly due: number;
  /** How many sessions a walk over everything found, and how many live ones there have to be. */
  readonly found: number;
  readonly live: number;
  /** Sessions that were touched when they were about to expire, and are all there. */
  readonly touchedInTime: number;
  /** Answers to requests that no live session gives. */
  readonly wrongAnswers: number;
  readonly walkSeconds: number;
}

/** All that one run found out about one engine. */
export interface ScaleResult {
  readonly engine: EngineName;
  readonly version: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly command: string;
  readonly date: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly population: { readonly fieldBytes: number; readonly sessionsPerUser: number };
  readonly counted: string;
  readonly sizes: readonly SizeResult[];
  readonly removal: RemovalResult;
}
