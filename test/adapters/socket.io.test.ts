import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Server } from "socket.io";
import type { Socket } from "socket.io-client";
import {
  type SocketIoSessions,
  socketIoSessions,
  type SocketIoSessionsOptions,
} from "../../src/adapters/socket.io.ts";
import { type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, liveContract, manualClock } from "../../src/testing/index.ts";
import { done, loggedIn, noUnhandledRejections } from "../races/rig.ts";
import { clientOf, SOCKET_IO, socketIoSubject, type SocketIoVersion } from "./support/socket.io-subject.ts";
import { listening } from "./support/ws-subject.ts";

for (const version of Object.keys(SOCKET_IO) as SocketIoVersion[]) {
  for (const transport of ["polling", "websocket", "polling, then websocket"] as const)
    liveContract({ test, describe }, socketIoSubject(version, transport));
}

noUnhandledRejections();

const servers: { readonly io: Server; readonly http: HttpServer }[] = [];
const clients: Socket[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients.splice(0)) client.disconnect();
  for (const { io, http } of servers.splice(0)) {
    await new Promise<void>((resolve) => {
      void io.close(() => resolve());
      http.closeAllConnections();
    });
  }
});

async function rig(
  version: SocketIoVersion,
  options: SocketIoSessionsOptions = {},
  serverOptions: object = {},
): Promise<{
  readonly manager: SessionManager;
  readonly clock: ReturnType<typeof manualClock>;
  readonly faulty: ReturnType<typeof faultyStore<ReturnType<typeof memoryStore>>>;
  readonly sessions: SocketIoSessions<Session>;
  readonly io: Server;
  connect(namespace: string, cookie?: string): Socket;
}> {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({
    store: faulty.store,
    clock,
    sweepEvery: false,
    rotateEvery: "10m",
    deadline: "1h",
  });
  const sessions = socketIoSessions(manager, options);
  const http = createServer();
  const io = new SOCKET_IO[version](http, { serveClient: false, ...serverOptions });
  await listening(http);
  servers.push({ io, http });
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    manager,
    clock,
    faulty,
    sessions,
    io,
    connect(namespace, cookie) {
      const socket = clientOf(`${origin}${namespace}`, cookie === undefined ? {} : { cookie });
      clients.push(socket);
      socket.connect();
      return socket;
    },
  };
}

function next(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve) => socket.once(event, (value: unknown) => resolve(value)));
}

/** Another namespace over the connection of a socket that is connected. */
function beside(socket: Socket, namespace: string): Socket {
  const other = socket.io.socket(namespace);
  clients.push(other);
  other.connect();
  return other;
}

for (const version of Object.keys(SOCKET_IO) as SocketIoVersion[]) {
  describe(`Socket.IO ${version}`, () => {
    test("the namespaces of one connection share one session, also when its cookie is old by then", async () => {
      const { manager, clock, sessions, io, connect, faulty } = await rig(version);
      io.use(sessions);
      io.of("/admin").use(sessions);
      io.on("connection", (socket) => void socket.emit("user", sessions.of(socket).user));
      io.of("/admin").on("connection", (socket) => void socket.emit("user", sessions.of(socket).user));
      const cookie = await loggedIn({ manager });
      const socket = connect("/", cookie);
      expect(await next(socket, "user")).toBe("ann");
      clock.advance(11 * 60_000);
      const after = await done({ manager }, cookie, () => undefined);
      await done({ manager }, after, () => undefined);
      clock.advance(31_000);
      faulty.forget();
      const admin = beside(socket, "/admin");
      expect(await next(admin, "user")).toBe("ann");
      expect(faulty.count("read")).toBeLessThanOrEqual(1);
      const ends = Promise.all([next(socket, "session-end"), next(admin, "session-end")]);
      const gone = Promise.all([next(socket, "disconnect"), next(admin, "disconnect")]);
      await manager.revokeUser("ann");
      expect(await ends).toEqual(["ended", "ended"]);
      expect(await gone).toEqual(["io server disconnect", "io server disconnect"]);
    });

    test("a namespace without the middleware has no session", async () => {
      const { sessions, io, connect, manager } = await rig(version);
      io.use(sessions);
      const asked = new Promise((resolve) => {
        io.of("/other").on("connection", (socket) => {
          try {
            sessions.of(socket);
          } catch (error) {
            resolve(error);
          }
        });
      });
      connect("/other", await loggedIn({ manager }));
      expect(await asked).toMatchObject({ code: "ERR_SESSION_USE" });
    });

    test("a client that is told why may connect again, with the cookie that it has by then", async () => {
      const { sessions, io, connect, manager } = await rig(version, { require: "user" });
      io.use(sessions);
      io.on("connection", (socket) => void socket.emit("user", sessions.of(socket).user));
      const cookie = await loggedIn({ manager });
      const socket = connect("/", cookie);
      await next(socket, "user");
      const why = next(socket, "session-end");
      const gone = next(socket, "disconnect");
      const after = await done({ manager }, cookie, (session) => session.rotate());
      expect([await why, await gone]).toEqual(["stale", "io server disconnect"]);
      socket.io.opts.extraHeaders = { cookie };
      socket.connect();
      expect(await next(socket, "connect_error")).toMatchObject({
        message: "Unauthorized",
        data: { status: 401 },
      });
      socket.io.engine.close();
      socket.io.opts.extraHeaders = { cookie: after ?? "" };
      socket.connect();
      expect(await next(socket, "user")).toBe("ann");
    });

    test("one refused for an outage may try again on the same connection", async () => {
      const { sessions, io, connect, manager, faulty } = await rig(version);
      io.use(sessions);
      io.on("connection", (socket) => void socket.emit("user", sessions.of(socket).user));
      io.of("/open").on("connection", (socket) => void socket.emit("hello"));
      // This one keeps the connection up.
      const open = connect("/open", await loggedIn({ manager }));
      await next(open, "hello");
      faulty.next("read", failsBefore());
      const socket = beside(open, "/");
      expect(await next(socket, "connect_error")).toMatchObject({
        message: "Service Unavailable",
        data: { status: 503 },
      });
      socket.connect();
      expect(await next(socket, "user")).toBe("ann");
    });

    test("a socket that left a namespace by itself is not told, and the others are", async () => {
      const { sessions, io, connect, manager } = await rig(version);
      io.use(sessions);
      io.of("/admin").use(sessions);
      for (const namespace of ["/", "/admin"])
        io.of(namespace).on("connection", (socket) => void socket.emit("hello"));
      const socket = connect("/", await loggedIn({ manager }));
      await next(socket, "hello");
      const admin = beside(socket, "/admin");
      await next(admin, "hello");
      const told: string[] = [];
      admin.on("session-end", () => void told.push("admin"));
      admin.disconnect();
      const why = next(socket, "session-end");
      const gone = next(socket, "disconnect");
      await manager.revokeUser("ann");
      expect([await why, await gone, told]).toEqual(["ended", "io server disconnect", []]);
    });

    test("the event that tells of the end may have another name", async () => {
      const { sessions, io, connect, manager } = await rig(version, { endEvent: "bye" });
      io.use(sessions);
      io.on("connection", (socket) => void socket.emit("hello"));
      const socket = connect("/", await loggedIn({ manager }));
      await next(socket, "hello");
      const bye = next(socket, "bye");
      await manager.revokeAll();
      expect(await bye).toBe("ended");
    });

    test("what the server has to say of a session stays out of socket.data, which clusters send around", async () => {
      const { sessions, io, connect, manager } = await rig(version);
      io.use(sessions);
      const data = new Promise((resolve) => io.on("connection", (socket) => resolve({ ...socket.data })));
      connect("/", await loggedIn({ manager }));
      expect(await data).toEqual({});
    });
  });
}

test("a server that recovers connections lets nobody in: it would send what was missed to whom it is no longer for", async () => {
  const { sessions, io, connect, manager } = await rig("4.8.4", {}, { connectionStateRecovery: {} });
  io.use(sessions);
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  const socket = connect("/", await loggedIn({ manager }));
  expect(await next(socket, "connect_error")).toMatchObject({
    message: "Internal Server Error",
    data: { status: 500 },
  });
  expect(printed.mock.calls[0]?.[0]).toMatchObject({
    code: "ERR_SESSION_CONFIG",
    message: expect.stringContaining("connectionStateRecovery"),
  });
});

test("options that cannot be are refused", () => {
  const manager = new SessionManager({ store: memoryStore() });
  expect(() => socketIoSessions({} as never)).toThrow(/must be a SessionManager/);
  expect(() => socketIoSessions(manager, { endEvent: "" })).toThrow(/endEvent/);
  expect(() => socketIoSessions(manager, { path: "/" } as never)).toThrow(/not an option/);
});
