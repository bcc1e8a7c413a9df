// The program of a server process with live connections: one manager over one store, requests as the other server processes take
// them, and beside them WebSockets under /ws, Socket.IO, and a stream of events under /events.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { nodeSessions } from "../../../src/adapters/node.ts";
import { socketIoSessions } from "../../../src/adapters/socket.io.ts";
import { sseSessions } from "../../../src/adapters/sse.ts";
import { wsSessions } from "../../../src/adapters/ws.ts";
import { type LiveOptions, type LiveSession, type Session, SessionManager } from "../../../src/index.ts";
import { answer } from "./http-app.ts";
import { openPlace, type Place } from "./places.ts";

/** How a server process is started; travels as JSON. */
export interface LiveServerConfig {
  readonly place: Place;
  readonly live: LiveOptions;
}

const config = JSON.parse(process.argv[2] ?? "{}") as LiveServerConfig;
const manager = new SessionManager({
  store: await openPlace(config.place),
  sweepEvery: false,
  deadline: "10s",
  live: config.live,
});
process.on("unhandledRejection", (reason) => {
  console.error(reason);
  process.exit(70);
});

const sessions = nodeSessions(manager);
const streams = sseSessions(manager, { heartbeat: false });
const server = createServer(
  sessions.wrap(async (request, response, session) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/events") {
      return await streams.send(response, session, async function* (live) {
        yield "hello";
        await new Promise((resolve) => live.signal.addEventListener("abort", resolve));
      });
    }
    if (pathname === "/revoke") {
      const count = await manager.revokeUser(searchParams.get("user") ?? "");
      return void response.end(String(count));
    }
    const reply = await answer(session, searchParams);
    response.end(reply.kind === "plain" ? reply.body : "");
  }),
);

const sockets = wsSessions(manager);
const wss = sockets.attach(new WebSocketServer({ noServer: true }));
server.on("upgrade", (request, socket, head) => {
  if (request.url !== "/ws") return;
  wss.handleUpgrade(request, socket, head, (client) => wss.emit("connection", client, request));
});
wss.on("connection", (socket) => {
  const live = sockets.of(socket);
  socket.on("error", () => {});
  socket.on("message", async (data) => {
    const told = await handled(live, String(data));
    if (socket.readyState === socket.OPEN) socket.send(told);
  });
  socket.send("hello");
});

const io = new Server(server, { serveClient: false, destroyUpgrade: false });
const rooms = socketIoSessions(manager);
io.use(rooms);
io.on("connection", (socket) => void socket.emit("hello"));

/** Each message is a number of its own and counts in the field `n`. */
async function handled(live: LiveSession<Session>, number: string): Promise<string> {
  try {
    await live.run((session) => void session.increment("n"));
    return `${number} done`;
  } catch (error) {
    return `${number} ${(error as { code?: string }).code}`;
  }
}

process.on("message", async () => {
  server.close();
  server.closeAllConnections();
  await manager.close();
  for (const client of wss.clients) client.terminate();
  await io.close();
  process.disconnect();
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
