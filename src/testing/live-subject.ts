import type { LiveSession } from "../core/live.ts";
import type { SessionManager } from "../core/manager.ts";
import type { Session } from "../core/session.ts";
import type { AnyStore } from "../core/store.ts";

/** What an adapter of live connections, or its protocol, may be able to do. */
export type LiveAbility =
  /** Clients send messages. Without it the server alone does. */
  | "messages"
  /** It looks at the origin of the page that connects. Without it browsers have to be kept out by another means. */
  | "origins";

/** What a rule wants served. */
export interface LiveApplication {
  readonly manager: SessionManager;
  /** What is demanded of a connection, by the adapter's own option. */
  readonly require?: "session" | "user";
  /** Which origins may connect, by the adapter's own option. */
  readonly origins?: readonly string[];
  /** Makes what the server sends first. */
  greet(live: LiveSession<Session>): string;
  /**
   * Handles one message. What it resolves to is sent to the client, after it resolved; where it rejects, `error ` and the error's
   * code, or its message where it has none, are sent.
   */
  handle(live: LiveSession<Session>, text: string): Promise<string>;
}

/** A client that is connected. */
export interface LiveClient {
  /** What the server sent first. */
  readonly greeting: string;
  /** Sends a message, and resolves to the answer; rejects when the connection is closed before. One at a time. */
  ask(text: string): Promise<string>;
  /** Resolves when the server has closed the connection, to the reason as the client was told it. */
  readonly closed: Promise<string>;
  /** Leaves, without a farewell. */
  leave(): void;
}

/** A connection that was refused, with the status that it was refused with. */
export interface LiveRefusal {
  readonly refused: number;
}

export interface RunningLiveApplication {
  /**
   * Connects with these headers of the handshake. The origin that counts as the server's own is what `ownOrigin` says.
   *
   * @param signal has the client leave, without a farewell, wherever it is by then; the promise may then stay unsettled.
   */
  connect(headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<LiveClient | LiveRefusal>;
  readonly ownOrigin: string;
  /** Stops listening and cuts what is still connected. */
  close(): Promise<void>;
}

/** An adapter of live connections as the contract takes it. */
export interface LiveSubject {
  readonly name: string;
  start(application: LiveApplication): Promise<RunningLiveApplication>;
  /** For each ability `true`, or the reason why the adapter does without it. */
  readonly abilities: Readonly<Record<LiveAbility, true | string>>;
  /** Opens the store that the manager gets; default a memory store. */
  readonly openStore?: () => Promise<{ readonly store: AnyStore; close(): Promise<void> }>;
}
