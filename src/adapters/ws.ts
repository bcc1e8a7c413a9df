import type { IncomingMessage } from "node:http";
import type { AnySession, LiveEnd, LiveHooks, LiveSession } from "../index.ts";
import { SessionError } from "../index.ts";
import { LiveDoor, type LiveDoorOptions, type Refusal } from "./support/live-door.ts";

export type WsSessionsOptions = LiveDoorOptions;

/** What is used of a `WebSocketServer` of `ws` 8. */
export interface WsServer {
  readonly options: object;
  prependListener(
    event: "connection",
    listener: (socket: WsSocket, request: IncomingMessage) => void,
  ): unknown;
}

/** What is used of a `WebSocket` of `ws` 8. */
export interface WsSocket {
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: "message" | "close", listener: () => void): unknown;
}

export interface WsSessions<S extends AnySession> {
  /**
   * Gives every connection of a server a session, from its handshake on: one that may not connect is refused before the upgrade.
   * Call it once, before the server listens, in whichever of its modes; `verifyClient` and `connection` listeners of your own stay. Returns
   * the server.
   */
  attach<Server extends WsServer>(server: Server): Server;
  /**
   * The live session of a connection, by its socket or by the request that opened it.
   *
   * @throws `ERR_SESSION_USE` for one that has none here.
   */
  of(connection: object): LiveSession<S>;
}

/** How a connection is closed. 4000 to 4999 are an application's own (RFC 6455, section 7.4.2). */
const CLOSE_CODES: Readonly<Record<LiveEnd, number>> = {
  ended: 4401,
  expired: 4401,
  stale: 4409,
  unchecked: 1013,
  closed: 1001,
};

/** A client that does not answer a close gets no longer than this. */
const PATIENCE_MS = 5000;

type Verified = (verified: boolean, code?: number, message?: string, headers?: Headers) => void;
type Headers = Readonly<Record<string, string>>;
interface ClientInfo {
  readonly req: IncomingMessage;
}
type VerifyClient = ((info: ClientInfo, done: Verified) => void) | ((info: ClientInfo) => boolean);

/**
 * Sessions for servers of `ws` 8. The session is loaded at the handshake; a message reads and writes it by
 * `sessions.of(socket).run(…)`; the connection is closed when the session ends, anywhere.
 *
 * ```ts
 * const sessions = wsSessions(manager);
 * const server = sessions.attach(new WebSocketServer({ port: 8080 }));
 * server.on("connection", (socket) => {
 *   const live = sessions.of(socket);
 *   socket.on("message", async (text) => {
 *     await live.run((session) => session.set("latest", String(text)));
 *     socket.send("stored");
 *   });
 * });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager, or an option is unknown or of the wrong kind.
 */
export function wsSessions<S extends AnySession>(
  manager: LiveHooks<S>,
  options: WsSessionsOptions = {},
): WsSessions<S> {
  const door = new LiveDoor(manager, options);
  /** Requests whose sessions are loaded, and whose connections are not open yet. */
  const admitted = new WeakMap<IncomingMessage, () => LiveSession<S>>();
  const known = new WeakMap<object, LiveSession<S>>();

  async function verify(info: ClientInfo, theirs: VerifyClient | undefined, done: Verified): Promise<void> {
    const verdict = await door.admit(info.req);
    if (verdict.kind === "refused") return refuse(done, verdict.refusal);
    admitted.set(info.req, verdict.open);
    if (theirs === undefined) done(true);
    else if (theirs.length === 2) theirs(info, done);
    else done((theirs as (info: ClientInfo) => boolean)(info), 401);
  }

  function connected(socket: WsSocket, request: IncomingMessage): void {
    const open = admitted.get(request);
    // Opened by a handshake that began before the server had sessions, or emitted by hand.
    if (open === undefined) return socket.close(CLOSE_CODES.closed, "no session was loaded");
    admitted.delete(request);
    const live = open();
    known.set(socket, live);
    known.set(request, live);
    bind(socket, live);
  }

  return {
    attach(server) {
      const their = server.options as { verifyClient?: VerifyClient | null };
      const theirs = their.verifyClient ?? undefined;
      their.verifyClient = (info: ClientInfo, done: Verified) => void verify(info, theirs, done);
      server.prependListener("connection", connected);
      return server;
    },
    of(connection) {
      const live = known.get(connection);
      if (live !== undefined) return live;
      throw new SessionError(
        "ERR_SESSION_USE",
        "This connection has no session here. Call attach(server) before the server listens, and ask within its connection event.",
      );
    },
  };
}

function refuse(done: Verified, { status, text }: Refusal): void {
  done(false, status, `${text}\n`, {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-store",
  });
}

function bind<S extends AnySession>(socket: WsSocket, live: LiveSession<S>): void {
  let impatient: NodeJS.Timeout | undefined;
  socket.on("message", () => live.touch());
  socket.on("close", () => {
    clearTimeout(impatient);
    live.close();
  });
  live.onEnd((reason) => {
    socket.close(CLOSE_CODES[reason], reason);
    impatient = setTimeout(() => socket.terminate(), PATIENCE_MS);
    impatient.unref();
  });
}
