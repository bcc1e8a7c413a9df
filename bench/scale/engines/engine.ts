import type { AnyStore, IterableStore, LabelIndex, SessionId } from "../../../src/index.ts";

/** Every engine that can be measured. */
export const ENGINES = [
  "memory",
  "directory",
  "sqlite",
  "lmdb",
  "redis",
  "redis-packed",
  "valkey",
  "redis-cluster",
  "postgres",
  "mariadb",
  "mysql",
] as const;

export type EngineName = (typeof ENGINES)[number];

/** Cumulative counts that an engine keeps of its own work; what an operation touched is the difference of two. */
export type Counters = Readonly<Record<string, number>>;

/** A store that has all that is measured. */
export type MeasuredStore = AnyStore & LabelIndex & IterableStore;

/** A store and what its client needs to be let go. */
export interface OpenStore {
  readonly store: MeasuredStore;
  close(): Promise<void>;
}

/** Where a store is, in words that another process understands. */
export interface Location {
  readonly engine: EngineName;
  readonly at: string;
}

/** One engine, started for one run alone. */
export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  /** What was set, as the engine names it, and with what client. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the counters count. */
  readonly counted: string;
  /** Whether other processes see the same records. */
  readonly location: Location | null;
  open(): Promise<OpenStore>;
  counters(): Promise<Counters>;
  /** What holds the records now, in bytes by part. */
  atRest(): Promise<Readonly<Record<string, number>>>;
  /** Before sessions are loaded: lets the engine put durability off, which a load need not wait for. */
  relax(): Promise<void>;
  /** Makes it durable again, and brings the engine to rest after loading, as it comes to rest by itself in a quiet minute. */
  settle(): Promise<void>;
  /** The processes of the server, without their children; none where the engine is part of this one. */
  processIds(): readonly number[];
  /** What the engine knows of waits for locks since it started, if it keeps such books. */
  lockWaits(): Promise<Counters>;
  /**
   * Where the engine removes by itself what expired: makes sessions expire at a moment, and gives how many keys that are.
   * The store would leave them a while longer, for clocks differ.
   */
  expireAt?(
    sessions: readonly { readonly id: SessionId; readonly user: string }[],
    at: number,
  ): Promise<number>;
  stop(): Promise<void>;
}

/** The part of {@link Engine} that engines without a server have in common. */
export const QUIET: Pick<Engine, "relax" | "settle" | "lockWaits" | "processIds"> = {
  processIds: () => [],
  relax: async () => {},
  settle: async () => {},
  lockWaits: async () => ({}),
};
