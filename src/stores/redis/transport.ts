/** The one way in which the store talks to an engine, whichever client and topology. */
export interface Transport {
  /** Whether the client knows the slots of a cluster. */
  readonly cluster: boolean;

  /**
   * Sends one command to the primary that serves the key. What was not sent when the signal aborts never is, and rejects.
   * Rejects with what the client rejects with.
   */
  send(key: string, command: readonly string[], signal: AbortSignal): Promise<unknown>;

  /** Sends one command to every primary. */
  sendToAll(command: readonly string[], signal: AbortSignal): Promise<readonly unknown[]>;

  /**
   * Sends a command and, behind it on the same connection, `WAIT`. Resolves both replies.
   */
  sendAndWait(
    key: string,
    command: readonly string[],
    wait: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly [unknown, unknown]>;

  /** Hears a channel on a connection of its own, over reconnects, until it is closed. */
  listen(channel: string, heard: (message: string) => void): Listening;
}

/** A connection that hears a channel. */
export interface Listening {
  close(): Promise<void>;
}

/** A reply that may be a map as a flat list of keys and values. */
export function flatList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply as readonly unknown[];
  if (reply instanceof Map) return [...(reply as Map<unknown, unknown>)].flat();
  if (typeof reply === "object" && reply !== null) return Object.entries(reply).flat();
  return [];
}

/** Throws the reason of a signal that has aborted. */
export function checkAborted(signal: AbortSignal): void {
  if (signal.aborted) throw tooLate(signal);
}

/** A command that surely was not sent, and may be sent again once the engine is reached. */
export class NotSent extends Error {
  override readonly name: string = "NotSent";
}

/** The rejection of a call whose deadline came before it was sent. */
export function tooLate(signal: AbortSignal): Error {
  return new Error("The deadline of the call passed before it was sent to Redis.", { cause: signal.reason });
}
