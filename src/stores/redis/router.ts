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
   * sends, an abort meanwhile keeps it from sending, as far as the client can. Calls `settled`, once, when it resolves or
   * rejects; not when it throws.
   */
  send(key: string, command: readonly string[], call: Call, settled: () => void): Promise<unknown>;

  /** Sends commands on one connection, one behind the other. Resolves all replies. */
  sendOn(connection: object, commands: readonly (readonly string[])[]): Promise<readonly unknown[]>;

  /** Whether {@link sendOn} leaves the connection to others meanwhile. */
  readonly sharesConnection: boolean;

  /** The connections to all primaries. */
  primaries(): Promise<readonly object[]>;

  /** Hears a channel, over reconnects, until it is closed. */
  listen(channel: string, heard: (message: string) => void): Listening;

  /**
   * Opens a connection of its own, for one life, that hears which keys that begin so are changed, whoever does it. Absent where one
   * connection cannot hear of all: each primary of a cluster tells of its own keys, and after a fail-over another server does.
   */
  readonly track?: (beginning: string, ear: Ear) => Tracked;

  /** Takes away what it hung on the client. */
  close(): void;
}

/** Who hears which keys are changed. */
export interface Ear {
  /** From here on keys are told. */
  hears(): void;
  /** These were changed; `null`: all may have been. */
  keys(changed: readonly string[] | null): void;
  /** Nothing is told, or not any more. The last that is heard, and once. */
  lost(): void;
}

/** Something that hears a channel. */
export interface Listening {
  close(): Promise<void>;
}

/** A connection that hears of changes. */
export interface Tracked extends Listening {
  /** Resolves when the server has answered on it. */
  answers(): Promise<unknown>;
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

/** A reply, and `settled` called with it. */
export function telling(reply: Promise<unknown>, settled: () => void): Promise<unknown> {
  return reply.then(
    (value) => {
      settled();
      return value;
    },
    (error: unknown) => {
      settled();
      throw error;
    },
  );
}

/** Where the server tells the keys that it tracks for a connection of protocol 2. */
export const INVALIDATED = "__redis__:invalidate";

/**
 * Has the server tell one of its connections, by its id, which keys that begin so are changed. Of all of them, and not of those that
 * the connection has read: the reads are the client's, on connections that are not the store's to set.
 */
export function trackingOn(id: unknown, beginning: string): readonly string[] {
  return ["CLIENT", "TRACKING", "ON", "REDIRECT", String(id), "BCAST", "PREFIX", beginning];
}

/** What a message of that channel says: a list of keys, or none when everything was flushed. */
export function keysIn(message: unknown): readonly string[] | null {
  return Array.isArray(message) ? message.map(String) : null;
}

/** An ear that is told of the loss once, by whichever of the client's ways to tell it comes first. */
export function toldOnce(ear: Ear): Ear {
  let isLost = false;
  return {
    hears: () => (isLost ? undefined : ear.hears()),
    keys: (changed) => (isLost ? undefined : ear.keys(changed)),
    lost() {
      if (isLost) return;
      isLost = true;
      ear.lost();
    },
  };
}

export function ignore(): void {}
