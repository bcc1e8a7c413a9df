import type { IncomingMessage } from "node:http";
import type { AnySession, LiveEnd, LiveHooks, LiveSession } from "../index.ts";
import { SessionError } from "../index.ts";
import { LiveDoor, type LiveDoorOptions, type Refusal } from "./support/live-door.ts";

export interface SocketIoSessionsOptions extends LiveDoorOptions {
  /** The name of the event that a client gets, with the reason, before it is disconnected; default `"session-end"`. */
  readonly endEvent?: string;
}

/** What is used of a `Socket` of Socket.IO 4. */
export interface SocketIoSocket {
  readonly request: IncomingMessage;
  readonly handshake: { readonly address: string };
  readonly conn: SocketIoConnection;
  readonly nsp: { readonly server: object };
  readonly connected: boolean;
  emit(event: string, reason: string): unknown;
  disconnect(close: boolean): unknown;
  onAny(listener: () => void): unknown;
}

/** What is used of the transport beneath, which several sockets may share. */
interface SocketIoConnection {
  readonly readyState: string;
  once(event: "close", listener: () => void): unknown;
  close(): void;
}

/** What a client gets as `connect_error`: the text as its message, the status as its data. */
interface ConnectError extends Error {
  data?: { readonly status: number };
}

export interface SocketIoSessions<S extends AnySession> {
  /** The middleware: `io.use(sessions)`, and `io.of("/admin").use(sessions)` for each namespace. */
  (socket: SocketIoSocket, next: (error?: Error) => void): void;
  /** The live session of a connected socket. @throws `ERR_SESSION_USE` for one that has none here. */
  of(socket: object): LiveSession<S>;
}

/** A connection: the live session, and the sockets that share it. */
interface Shared<S extends AnySession> {
  readonly live: LiveSession<S>;
  readonly sockets: Set<SocketIoSocket>;
}

/**
 * Sessions for servers of Socket.IO 4. The session is loaded when a client first connects to a namespace, and is shared by all
 * namespaces of that connection; an event reads and writes it by `sessions.of(socket).run(…)`; the client is disconnected when the session
 * ends, anywhere.
 *
 * ```ts
 * const sessions = socketIoSessions(manager);
 * io.use(sessions);
 * io.on("connection", (socket) => {
 *   const live = sessions.of(socket);
 *   socket.on("note", async (text, answer) => {
 *     await live.run((session) => session.set("note", text));
 *     answer("stored");
 *   });
 * });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager, or an option is unknown or of the wrong kind.
 */
export function socketIoSessions<S extends AnySession>(
  manager: LiveHooks<S>,
  options: SocketIoSessionsOptions = {},
): SocketIoSessions<S> {
  const { endEvent = "session-end", ...others } = options;
  if (typeof endEvent !== "string" || endEvent === "")
    throw new SessionError("ERR_SESSION_CONFIG", "The option endEvent must be the name of an event.");
  const door = new LiveDoor(manager, others);
  const connections = new WeakMap<SocketIoConnection, Promise<Shared<S> | Refusal>>();
  const known = new WeakMap<object, LiveSession<S>>();

  async function admit({ request, handshake, conn }: SocketIoSocket): Promise<Shared<S> | Refusal> {
    const verdict = await door.admit(request, handshake.address);
    if (verdict.kind === "refused") {
      // Another attempt of the same connection may find the store back.
      connections.delete(conn);
      return verdict.refusal;
    }
    const shared = { live: verdict.open(), sockets: new Set<SocketIoSocket>() };
    if (conn.readyState === "open") conn.once("close", () => shared.live.close());
    else shared.live.close();
    shared.live.onEnd((reason) => disconnect(shared.sockets, conn, endEvent, reason));
    return shared;
  }

  async function enter(socket: SocketIoSocket): Promise<ConnectError | undefined> {
    checkRecovery(socket);
    const { conn } = socket;
    const entering = connections.get(conn) ?? admit(socket);
    connections.set(conn, entering);
    const shared = await entering;
    if ("status" in shared) return connectError(shared);
    known.set(socket, shared.live);
    shared.sockets.add(socket);
    socket.onAny(() => shared.live.touch());
    return undefined;
  }

  function middleware(socket: SocketIoSocket, next: (error?: Error) => void): void {
    enter(socket).then(next, (error: unknown) => {
      console.error(error);
      next(connectError({ status: 500, text: "Internal Server Error" }));
    });
  }

  return Object.assign(middleware, {
    of(socket: object): LiveSession<S> {
      const live = known.get(socket);
      if (live !== undefined) return live;
      throw new SessionError(
        "ERR_SESSION_USE",
        "This socket has no session here. Use the middleware on its namespace: io.of(name).use(sessions).",
      );
    },
  });
}

/**
 * Socket.IO sends a client that comes back what it missed before any middleware runs: also to one whose session has ended
 * meanwhile, and nothing here could stop it.
 */
function checkRecovery({ nsp }: SocketIoSocket): void {
  const { opts } = nsp.server as { readonly opts?: { readonly connectionStateRecovery?: unknown } };
  if (opts?.connectionStateRecovery === undefined) return;
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    "connectionStateRecovery sends what a client missed before its session is looked at. Leave it out of the server's options.",
  );
}

function connectError({ status, text }: Refusal): ConnectError {
  return Object.assign(new Error(text), { data: { status } });
}

function disconnect(
  sockets: ReadonlySet<SocketIoSocket>,
  conn: SocketIoConnection,
  endEvent: string,
  reason: LiveEnd,
): void {
  for (const socket of sockets) if (socket.connected) socket.emit(endEvent, reason);
  const [first] = [...sockets].filter(({ connected }) => connected);
  // With the transport beneath, for a client could go on in another namespace.
  if (first === undefined) conn.close();
  else first.disconnect(true);
}
