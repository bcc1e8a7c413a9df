import type { Call } from "../../core/store.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";
import type { Journey } from "./waiting.ts";

/** How many connections a pool has at most, by either client, where it does not tell. */
export const USUAL_CONNECTIONS = 10;

/** The differences between the clients, out of sight. */
export interface Driver {
  /** How many connections it has at most. */
  readonly connections: number;
  /**
   * Carries one statement out. Rejects without having sent it when the signal aborts while it waits for a connection. Once
   * sent it is waited for a while beyond the deadline, since its outcome is better known than not.
   *
   * @param named Whether the connection may keep it prepared under its name.
   */
  run(
    statement: Statement,
    values: readonly Value[],
    named: boolean,
    journey: Journey,
  ): Promise<readonly Row[]>;
  /** Carries several statements out in one transaction, as one message. */
  script(text: string, call: Call): Promise<void>;
  /**
   * Hears what is told on a channel until it is stopped, over lost connections too, unless it is the only connection there is.
   * Resolves once it listens.
   */
  listen(channel: string, ear: Ear, call: Call): Promise<Listening>;
}

/** Who hears a channel. */
export interface Ear {
  heard(payload: string): void;
  /** From here on all is heard. Told each time that a connection listens anew. */
  begins(): void;
  /** The connection was lost. Not every client tells; one that does not tells when it listens again. */
  lost(): void;
}

/** How to stop hearing. */
export interface Listening {
  stop(): Promise<void>;
}
