// The words between the bench and the processes that it starts. Imports nothing: both sides read it.

/** Where the engines are, for a subject. */
export interface EngineAddresses {
  readonly redis?: string;
  readonly postgres?: string;
  /** A folder for the files of the subject. */
  readonly folder: string;
}

/** What a process is to be. */
export interface Launch {
  readonly framework: string;
  readonly sessions: string;
  readonly store: string;
  readonly engines: EngineAddresses;
  /** How many processes share its port; one unless given. */
  readonly processes?: number;
}

/** What a subject is asked. */
export type Asked =
  | { readonly kind: "usage" }
  | { readonly kind: "start allocations" }
  | { readonly kind: "stop allocations" }
  | { readonly kind: "start profile" }
  | { readonly kind: "stop profile" }
  | { readonly kind: "fill"; readonly sessions: number };

/** What a subject tells. */
export type Told =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "usage"; readonly microseconds: number }
  | { readonly kind: "allocated"; readonly bytes: number }
  | { readonly kind: "profile"; readonly profile: CpuProfile }
  | { readonly kind: "done" };

/** What was found each time somebody looked: a tree of calls, the innermost of each sample, and the microseconds since the sample before. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** One slice of load. */
export interface Slice {
  readonly url: string;
  readonly method: "GET" | "POST";
  /** One a connection, in turn. */
  readonly cookies: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

/** What came of a slice. */
export interface SliceResult {
  readonly requests: number;
  /** Those answered until the last connection was closed, for what is counted over the whole of it. */
  readonly answered: number;
  /** Answers that were none: other statuses than 200, connections that broke. */
  readonly errors: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the load tool itself, as a share of one core. */
  readonly toolBusy: number;
}
