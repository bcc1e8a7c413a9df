import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { WebSocketServer as WebSocketServer80 } from "ws80";
import { wsSessions } from "../../../src/adapters/ws.ts";
import type {
  LiveApplication,
  LiveClient,
  LiveRefusal,
  LiveSubject,
  RunningLiveApplication,
} from "../../../src/testing/index.ts";
import { ClientState, errorText } from "./live-client.ts";

/** `ws` in its lowest and its newest supported version. */
export const WS = {
  "8.0.0": WebSocketServer80 as unknown as typeof WebSocketServer,
  "8.23.0": WebSocketServer,
};
export type WsVersion = keyof typeof WS;
/** How a server gets its connections. */
export type WsMode = "on a server" | "by hand";

export function wsSubject(version: WsVersion, mode: WsMode): LiveSubject {
  return {
    name: `ws ${version} ${mode}`,
    start: (application) => started(WS[version], mode, application),
    abilities: { messages: true, origins: true },
  };
}

async function started(
  Sockets: typeof WebSocketServer,
  mode: WsMode,
  application: LiveApplication,
): Promise<RunningLiveApplication> {
  const { manager, require, origins } = application;
  const server = createServer();
  const sessions = wsSessions(manager, {
    ...(require !== undefined && { require }),
    ...(origins !== undefined && { origins }),
  });
  const sockets = sessions.attach(new Sockets(mode === "by hand" ? { noServer: true } : { server }));
  if (mode === "by hand") {
    server.on("upgrade", (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (client) => sockets.emit("connection", client, request));
    });
  }
  sockets.on("connection", (socket, request) => {
    const live = sessions.of(socket);
    if (sessions.of(request) !== live) throw new Error("a request and its socket have one live session");
    socket.on("error", () => {});
    socket.send(application.greet(live));
    socket.on("message", async (data) => {
      const answer = await application.handle(live, String(data)).catch(errorText);
      if (socket.readyState === socket.OPEN) socket.send(answer);
    });
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;
  return {
    ownOrigin: `http://127.0.0.1:${port}`,
    connect: (headers, signal) => connect(`ws://127.0.0.1:${port}/`, headers, signal),
    async close() {
      for (const client of sockets.clients) client.terminate();
      await closed(server);
    },
  };
}

/** Connects with a client of `ws`. */
export function connect(
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<LiveClient | LiveRefusal> {
  const socket = new WebSocket(url, { headers });
  const state = new ClientState();
  signal.addEventListener("abort", () => socket.terminate());
  return new Promise((resolve, reject) => {
    socket.on("message", (data) => state.received(String(data)));
    socket.on("close", (_code, reason) => state.ended(String(reason)));
    socket.on("error", reject);
    socket.on("unexpected-response", (request, response) => {
      response.resume();
      response.on("end", () => request.destroy());
      resolve({ refused: response.statusCode ?? 0 });
    });
    socket.on("open", () => {
      resolve(
        state.client(
          (text) => socket.send(text),
          () => socket.terminate(),
        ),
      );
    });
  });
}

export function listening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
}

export function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
