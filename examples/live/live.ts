import type { Server } from "node:http";
import type { SessionId, SessionManager } from "holdfast";
import { wsSessions } from "holdfast/adapters/ws";
import { type WebSocket, WebSocketServer } from "ws";
import type { ShopData } from "../shop/rules.ts";

/** What the server sends: the count, and what became of a hit where the client asked for one. */
interface Told {
  readonly hits?: number;
  readonly hit?: "counted" | "refused";
}

/** Gives the shop's counter a socket, under /live. */
export function serveLive(server: Server, manager: SessionManager<ShopData>): void {
  const sessions = wsSessions(manager);
  const sockets = sessions.attach(new WebSocketServer({ server, path: "/live", maxPayload: 1024 }));
  /** Who shows the same counter. With several processes this would go by a channel of one's own, such as Redis has. */
  const rooms = new Map<SessionId, Set<WebSocket>>();

  sockets.on("connection", (socket) => {
    const live = sessions.of(socket);
    socket.on("error", () => socket.terminate());
    const room = live.id === null ? new Set([socket]) : (rooms.get(live.id) ?? new Set<WebSocket>());
    room.add(socket);
    if (live.id !== null) rooms.set(live.id, room);
    socket.on("close", () => {
      room.delete(socket);
      if (live.id !== null && room.size === 0) rooms.delete(live.id);
    });

    // Whatever a client sends is a hit.
    socket.on("message", async () => {
      try {
        const hits = await live.run(async (session) => {
          session.increment("hits");
          // Hits overlap: what this one made of the count is known when it is stored.
          await session.commit();
          return session.data.hits ?? 0;
        });
        for (const one of room) tell(one, one === socket ? { hits, hit: "counted" } : { hits });
      } catch {
        tell(socket, { hit: "refused" });
      }
    });
  });
}

function tell(socket: WebSocket, told: Told): void {
  if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(told));
}
