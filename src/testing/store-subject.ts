import type { AnyStore } from "../core/store.ts";
import type { SessionId } from "../core/record.ts";

/** What a store may be able to do beside its four methods, and what a subject may offer to try it with. */
export type Ability =
  /** `listByLabel` and `deleteByLabel`. */
  | "labels"
  /** `all`. */
  | "iterate"
  /** `sweep`. */
  | "sweep"
  /** `setup`. */
  | "setup"
  /** `subscribe`. */
  | "subscribe"
  /** `close`. */
  | "dispose"
  /** The subject opens a second handle on the same data (`openAgain`). */
  | "second handle"
  /** The subject tells worker processes how to open the same data (`worker`). */
  | "processes"
  /** The subject can spoil a stored record (`damage`). */
  | "damage";

/** One store made for one rule. */
export interface OpenedStore {
  readonly store: AnyStore;
  /** Closes the store and removes whatever opening it made. */
  close(): Promise<void>;
  /** Opens one more handle on the same data. Its `close` leaves the data alone. */
  openAgain?(): Promise<OpenedStore>;
  /** How another process opens the same data. */
  readonly worker?: WorkerSubject;
  /** Ways to spoil the stored record of this id behind the store's back, by name: cut short, emptied, not ours … */
  readonly damage?: Readonly<Record<string, (id: SessionId) => Promise<void>>>;
}

/** A module that a worker process imports, and the function of it that opens the store at a location. */
export interface WorkerSubject {
  /** Absolute URL of the module, such as `new URL("./worker.js", import.meta.url)`. */
  readonly module: URL;
  /** Name of an exported function `(location: string) => AnyStore | Promise<AnyStore>`. */
  readonly export: string;
  /** Path, URL or whatever else that function takes. */
  readonly location: string;
}

/** A store as the contract takes it. */
export interface StoreSubject {
  readonly name: string;
  /** Opens a fresh, empty store, set up and ready. Called once a rule and more, many at a time never. */
  open(): Promise<OpenedStore>;
  /** For each ability `true`, or the reason why this store does without it; the reason is printed. */
  readonly abilities: Readonly<Record<Ability, true | string>>;
  /** How much work the random and racing rules do, as a factor; 1 unless said otherwise. Less for a slow engine. */
  readonly effort?: number;
  /** Where random choices start; fixed unless said otherwise. A failing rule prints it. */
  readonly seed?: number;
}
