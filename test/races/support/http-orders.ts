import type { Duration } from "../../../src/index.ts";

export type StoreName = "memory" | "directory" | "sqlite";

/** The kinds of server that every process runs. */
export const KINDS = ["express", "node", "http2", "fetch"] as const;
export type Kind = (typeof KINDS)[number];
export type Ports = Readonly<Record<Kind, number>>;

/** How a server process is started; travels as JSON. */
export interface ServerConfig {
  readonly store: StoreName;
  readonly location: string;
  readonly options: {
    readonly rotateEvery?: Duration;
    readonly rotationGrace?: Duration;
    readonly accessTimeResolution?: number;
    readonly onGone?: "drop" | "fail";
    readonly onConflict?: "last-wins" | "fail";
  };
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
