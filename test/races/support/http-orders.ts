import type { AnySession, SessionManagerOptions } from "../../../src/index.ts";
import type { Place } from "./places.ts";

/** The kinds of server that every process runs. */
export const KINDS = ["express", "node", "http2", "fetch"] as const;
export type Kind = (typeof KINDS)[number];
export type Ports = Readonly<Record<Kind, number>>;

/** The options of the manager that a test may want otherwise; what can travel as JSON. */
export type ServerOptions = Pick<
  SessionManagerOptions<Record<never, never>, AnySession>,
  | "accessTimeResolution"
  | "deadline"
  | "onConflict"
  | "onGone"
  | "onStoreFailure"
  | "rotateEvery"
  | "rotationGrace"
>;

/** How a server process is started; travels as JSON. */
export interface ServerConfig {
  /** Where its sessions live. Processes that name the same place share them. */
  readonly place: Place;
  readonly options: ServerOptions;
}

/** What a server process does when its parent asks: administration, and a look at what happened. */
export interface Orders {
  /** How many calls of each operation the store had since this was last asked. */
  calls(): Promise<Readonly<Record<string, number>>>;
  /** How often each event happened; `loose` counts rejections left to nobody. */
  happened(): Promise<Readonly<Record<string, number>>>;
  /** Sets the clock of the process off by so many milliseconds. */
  skew(ms: number): Promise<void>;
  sessionsOf(user: string): Promise<readonly string[]>;
  all(): Promise<readonly string[]>;
  revoke(id: string): Promise<boolean>;
  revokeUser(user: string): Promise<number>;
  revokeAll(): Promise<number>;
  /** What keeps the process running, by `process.getActiveResourcesInfo`. */
  resources(): Promise<readonly string[]>;
  /**
   * Closes in good order: servers, manager, store and client. Nothing but a leak then keeps the process from ending by
   * itself; tells what is still active. The last order that is obeyed.
   */
  close(): Promise<readonly string[]>;
}

export interface Order {
  readonly number: number;
  readonly name: keyof Orders;
  readonly argument?: unknown;
}

export type OrderReply =
  | { readonly kind: "ready"; readonly ports: Ports }
  | { readonly kind: "done"; readonly number: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly number: number; readonly message: string };
