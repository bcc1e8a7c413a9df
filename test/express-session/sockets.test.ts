import { Server } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { expect, onTestFinished, test } from "vitest";
import { type Handler, quiet, serveMiddleware, type Site } from "./support/site.ts";
import { put, stored, watched, type WatchedStore } from "./support/stores.ts";
import { cases, require } from "./support/subjects.ts";
import { cookieOf } from "./support/signing.ts";
import type { Middleware, Request, Session } from "./support/types.ts";

interface Handshake {
  readonly session: Session;
  readonly sessionID: string;
}

type Share = (session: Middleware, options?: { autoSave?: boolean; saveUninitialized?: boolean }) => never;

const share = require("express-socket.io-session") as Share;

interface Channel extends Site {
  readonly store: WatchedStore;
  readonly io: Server;
  /** Connects as the session of that id. */
  connect(id: string): Promise<Socket>;
}

cases("socket.io", (session) => {
  async function channel(
    use: (io: Server, middleware: Middleware) => void,
    handler?: Handler,
  ): Promise<Channel> {
    const store = watched(session);
    await put(store, "known", { cookie: { path: "/" }, user: "ann", count: 1 });
    const middleware = session(quiet({ store }));
    const site = await serveMiddleware(middleware, handler ?? ((_req, res) => res.end()));
    const server = new Server(site.server, { transports: ["websocket"] });
    use(server, middleware);
    onTestFinished(async () => {
      server.disconnectSockets(true);
      await server.close();
    });
    const connect = async (id: string): Promise<Socket> => {
      const socket = io(site.origin, {
        transports: ["websocket"],
        reconnection: false,
        extraHeaders: { cookie: cookieOf(id) },
      });
      onTestFinished(() => void socket.close());
      await new Promise<void>((resolve, reject) => {
        socket.on("connect", resolve);
        socket.on("connect_error", reject);
      });
      return socket;
    };
    return { ...site, store, io: server, connect };
  }

  test("express-socket.io-session shows the session at the handshake", async () => {
    const at = await channel((io, middleware) => {
      io.use(share(middleware));
      io.on("connection", (socket) => {
        const { session: found, sessionID } = socket.handshake as unknown as Handshake;
        socket.on("who", (answer: (told: unknown) => void) => answer([found.user, sessionID]));
      });
    });
    const socket = await at.connect("known");
    expect(await socket.emitWithAck("who")).toEqual(["ann", "known"]);
  });

  test("express-socket.io-session has a new session for who has none", async () => {
    const at = await channel((io, middleware) => {
      io.use(share(middleware));
      io.on("connection", (socket) => {
        const { session: found } = socket.handshake as unknown as Handshake;
        socket.on("who", (answer: (told: unknown) => void) => answer(found.user ?? "nobody"));
      });
    });
    const socket = await at.connect("gone");
    expect(await socket.emitWithAck("who")).toBe("nobody");
  });

  test("express-socket.io-session lets events save the session by hand", async () => {
    const at = await channel((io, middleware) => {
      io.use(share(middleware));
      io.on("connection", (socket) => {
        const { session: found } = socket.handshake as unknown as Handshake;
        socket.on("rename", (name: string, answer: () => void) => {
          found.user = name;
          found.save(() => answer());
        });
      });
    });
    const socket = await at.connect("known");
    await socket.emitWithAck("rename", "bob");
    expect((await stored(at.store, "known"))?.["user"]).toBe("bob");
  });

  test("express-socket.io-session with autoSave saves what an event changed, and the site sees it", async () => {
    const at = await channel(
      (io, middleware) => {
        io.use(share(middleware, { autoSave: true }));
        io.on("connection", (socket) => {
          const { session: found } = socket.handshake as unknown as Handshake;
          socket.on("rename", (name: string) => (found.user = name));
        });
      },
      (req, res) => res.end(req.session.user),
    );
    const socket = await at.connect("known");
    socket.emit("rename", "bob");
    const body = async (): Promise<string> => (await at.get("/", { cookie: cookieOf("known") })).body;
    await expect.poll(body).toBe("bob");
  });

  test("express-socket.io-session with autoSave saves nothing where nothing changed", async () => {
    const at = await channel((io, middleware) => {
      io.use(share(middleware, { autoSave: true }));
      io.on("connection", (socket) => {
        socket.on("ping", (answer: () => void) => answer());
      });
    });
    const socket = await at.connect("known");
    at.store.taken();
    await socket.emitWithAck("ping");
    await socket.emitWithAck("ping");
    expect(at.store.taken()).toEqual([]);
  });

  test("the engine may use the middleware itself, as socket.io's own page says", async () => {
    const at = await channel((io, middleware) => {
      io.engine.use(middleware);
      io.on("connection", (socket) => {
        const { session: found } = socket.request as unknown as Request;
        socket.on("who", (answer: (told: unknown) => void) => answer(found.user));
      });
    });
    const socket = await at.connect("known");
    expect(await socket.emitWithAck("who")).toBe("ann");
  });

  test("the engine's request can be reloaded and saved with each event", async () => {
    const at = await channel((io, middleware) => {
      io.engine.use(middleware);
      io.on("connection", (socket) => {
        const req = socket.request as unknown as Request;
        socket.on("count", (answer: (told: unknown) => void) => {
          req.session.reload((error) => {
            if (error) return void socket.disconnect();
            req.session.count = (req.session.count ?? 0) + 1;
            req.session.save(() => answer(req.session.count));
          });
        });
      });
    });
    const socket = await at.connect("known");
    expect(await socket.emitWithAck("count")).toBe(2);
    await put(at.store, "known", { cookie: {}, count: 10 });
    expect(await socket.emitWithAck("count")).toBe(11);
    expect((await stored(at.store, "known"))?.["count"]).toBe(11);
  });
});
