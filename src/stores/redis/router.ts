import type { Call } from "../../core/store.ts";

/** A connection of the client, and whether a command that it is given now is sent at once. */
export interface Route {
  /** What tells one connection from another; takes commands by {@link Router.sendOn}. */
  readonly connection: object;
  readonly isReady: boolean;
}

/** What the kinds of clients differ in. */
export interface Router {
  /** Whether the client knows the slots of a cluster. */
  readonly cluster: boolean;

  /** Whether the client may send a command again by itself without {@link losses} telling. */
  readonly resends: boolean;

  /** How many connections were lost so far on which commands were under way that the client then sends again by itself. */
  losses(): number;

  /** The connection to the primary that serves the key, as far as the client knows it. */
  route(key: string): Route | undefined;

  /** Gets the client to connect, or to look up where the slot of the key is served now. Called again and again while there is no way. */
  seek(key: string): void;

  /**
   * Sends one command to the primary that serves the key, over redirections. Where the client itself waits before it
   * sends, an abort meanwhile keeps it from sending, as far as the client can.
   */
  send(key: string, command: readonly string[], call: Call): Promise<unknown>;

  /** Sends commands on one connection, one behind the other. Resolves all replies. */
  sendOn(connection: object, commands: readonly (readonly string[])[]): Promise<readonly unknown[]>;

  /** Whether {@link sendOn} leaves the connection to others meanwhile. */
  readonly sharesConnection: boolean;

  /** The connections to all primaries. */
  primaries(): Promise<readonly object[]>;

  /** Hears a channel, over reconnects, until it is closed. */
  listen(channel: string, heard: (message: string) => void): Listening;

  /** Takes away what it hung on the client. */
  close(): void;
}

/** Something that hears a channel. */
export interface Listening {
  close(): Promise<void>;
}

/**
 * All replies to commands that went one behind the other. What becomes of a later one says nothing of the first: least of all
 * that it did not happen, where only the later one was never sent or was refused.
 */
export function inOrder(replies: readonly Promise<unknown>[]): Promise<readonly unknown[]> {
  return Promise.all(
    replies.map((reply, index) =>
      index === 0
        ? reply
        : reply.catch((error: unknown) => {
            throw new Error("What was sent behind the command failed.", { cause: error });
          }),
    ),
  );
}

export function ignore(): void {}
