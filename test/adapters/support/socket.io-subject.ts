import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type ServerOptions } from "socket.io";
import { Server as Server40 } from "socket.io40";
import { io, type Socket } from "socket.io-client";
import { socketIoSessions } from "../../../src/adapters/socket.io.ts";
import type {
  LiveApplication,
  LiveClient,
  LiveRefusal,
  LiveSubject,
  RunningLiveApplication,
} from "../../../src/testing/index.ts";
import { ClientState, errorText } from "./live-client.ts";
import { listening } from "./ws-subject.ts";

/** Socket.IO in its lowest and its newest supported version. */
export const SOCKET_IO = { "4.0.0": Server40 as unknown as typeof Server, "4.8.4": Server };
export type SocketIoVersion = keyof typeof SOCKET_IO;
export type Transport = "polling" | "websocket" | "polling, then websocket";

export function socketIoSubject(version: SocketIoVersion, transport: Transport): LiveSubject {
  return {
    name: `Socket.IO ${version}, ${transport}`,
    start: (application) => started(SOCKET_IO[version], transport, application),
    abilities: { messages: true, origins: true },
  };
}

async function started(
  Sockets: typeof Server,
  transport: Transport,
  application: LiveApplication,
): Promise<RunningLiveApplication> {
  const { manager, require, origins } = application;
  const server = createServer();
  const sockets = new Sockets(server, { serveClient: false } satisfies Partial<ServerOptions>);
  const sessions = socketIoSessions(manager, {
    ...(require !== undefined && { require }),
    ...(origins !== undefined && { origins }),
  });
  sockets.use(sessions);
  sockets.on("connection", (socket) => {
    const live = sessions.of(socket);
    socket.emit("text", application.greet(live));
    socket.on("text", async (text: string) => {
      socket.emit("text", await application.handle(live, text).catch(errorText));
    });
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    ownOrigin: origin,
    connect: (headers, signal) => connect(origin, headers, signal, transport.split(", then ")),
    async close() {
      await new Promise<void>((resolve) => {
        void sockets.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

/** A client that does nothing by itself. */
export function clientOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  transports: readonly string[] = ["websocket"],
): Socket {
  return io(url, {
    extraHeaders: { ...headers },
    transports: [...transports] as ("polling" | "websocket")[],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
  });
}

function connect(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  transports: readonly string[],
): Promise<LiveClient | LiveRefusal> {
  const socket = clientOf(url, headers, transports);
  const state = new ClientState();
  let reason = "";
  signal.addEventListener("abort", () => socket.io.engine.close());
  return new Promise((resolve) => {
    socket.on("text", (text: string) => state.received(text));
    socket.on("session-end", (why: string) => (reason = why));
    socket.on("disconnect", (why) => state.ended(why === "io server disconnect" ? reason : why));
    socket.on("connect_error", (error) => {
      socket.io.engine.close();
      resolve({ refused: (error as { data?: { status?: number } }).data?.status ?? 0 });
    });
    socket.on("connect", () => {
      resolve(
        state.client(
          (text) => socket.emit("text", text),
          () => socket.io.engine.close(),
        ),
      );
    });
    socket.connect();
  });
}
