import { createServer, request, type Server } from "node:http";
import { connect as connectRaw, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { WebSocket, type WebSocketServer } from "ws";
import { wsSessions, type WsSessionsOptions } from "../../src/adapters/ws.ts";
import { type LiveSession, NullSessionManager, type Session, SessionManager } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, faultyStore, liveContract, manualClock } from "../../src/testing/index.ts";
import { done, loggedIn, noUnhandledRejections } from "../races/rig.ts";
import { closed, listening, WS, type WsVersion, wsSubject } from "./support/ws-subject.ts";

for (const version of Object.keys(WS) as WsVersion[]) {
  for (const mode of ["on a server", "by hand"] as const)
    liveContract({ test, describe }, wsSubject(version, mode));
}

noUnhandledRejections();

const running: { readonly server: Server; readonly sockets: WebSocketServer }[] = [];

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const { server, sockets } of running.splice(0)) {
    for (const client of sockets.clients) client.terminate();
    await closed(server);
  }
});

interface Rig {
  readonly manager: SessionManager;
  readonly faulty: ReturnType<typeof faultyStore<ReturnType<typeof memoryStore>>>;
  readonly server: Server;
  readonly sockets: WebSocketServer;
  readonly port: number;
  readonly lives: LiveSession<Session>[];
}

async function rig(
  version: WsVersion,
  options: WsSessionsOptions = {},
  serverOptions: object = {},
): Promise<Rig> {
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ store: faulty.store, clock: manualClock(), sweepEvery: false });
  const server = createServer();
  const sessions = wsSessions(manager, options);
  const sockets = sessions.attach(new WS[version]({ server, ...serverOptions }));
  const lives: LiveSession<Session>[] = [];
  sockets.on("connection", (socket) => {
    lives.push(sessions.of(socket));
    socket.on("error", () => {});
    socket.send("hello");
  });
  await listening(server);
  running.push({ server, sockets });
  return { manager, faulty, server, sockets, port: (server.address() as AddressInfo).port, lives };
}

interface Closing {
  readonly code: number;
  readonly reason: string;
}

function client(port: number, headers: Readonly<Record<string, string>> = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers });
  socket.on("error", () => {});
  return socket;
}

function greeted(socket: WebSocket): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    socket.once("message", () => resolve(socket));
    socket.once("close", () => reject(new Error("closed")));
  });
}

function closing(socket: WebSocket): Promise<Closing> {
  return new Promise((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
}

interface Refused {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The handshake as bare HTTP, to see a refusal whole. */
function handshake(port: number, headers: Readonly<Record<string, string>>): Promise<Refused> {
  return new Promise((resolve, reject) => {
    const asked = request({
      port,
      host: "127.0.0.1",
      headers: {
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ...headers,
      },
    });
    asked.on("error", reject);
    asked.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode, headers: response.headers, body: "" });
    });
    asked.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => (body += piece));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.end();
  });
}

for (const version of Object.keys(WS) as WsVersion[]) {
  describe(`ws ${version}`, () => {
    test("a refusal is a whole answer of HTTP, which nobody stores", async () => {
      const { port } = await rig(version, { require: "user" });
      for (const [headers, status, body] of [
        [{}, 401, "Unauthorized\n"],
        [{ Origin: "https://attacker.example" }, 403, "Forbidden\n"],
      ] as const) {
        expect(await handshake(port, headers)).toEqual({
          status,
          body,
          headers: expect.objectContaining({
            "content-type": "text/plain; charset=utf-8",
            "content-length": String(body.length),
            "cache-control": "no-store",
            connection: "close",
          }),
        });
      }
    });

    test("each end has a close code of its own", async () => {
      const { manager, port } = await rig(version);
      const where = { manager };
      const codes: Closing[] = [];
      for (const act of [
        (cookie: string) => done(where, cookie, (session) => session.logout()),
        (cookie: string) => done(where, cookie, (session) => session.rotate()),
        () => manager.close(),
      ]) {
        const cookie = await loggedIn(where);
        const socket = await greeted(client(port, { cookie }));
        const closed = closing(socket);
        await act(cookie);
        codes.push(await closed);
      }
      expect(codes).toEqual([
        { code: 4401, reason: "ended" },
        { code: 4409, reason: "stale" },
        { code: 1001, reason: "closed" },
      ]);
    });

    test("a client that does not answer the close is cut off", async () => {
      const { manager, port } = await rig(version);
      const cookie = await loggedIn({ manager });
      const stubborn = await new Promise<Socket>((resolve) => {
        const socket = connectRaw(port, "127.0.0.1", () => {
          socket.write(
            [
              "GET / HTTP/1.1",
              "Host: 127.0.0.1",
              "Connection: Upgrade",
              "Upgrade: websocket",
              "Sec-WebSocket-Version: 13",
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
              `Cookie: ${cookie}`,
              "\r\n",
            ].join("\r\n"),
          );
        });
        socket.on("error", () => {});
        socket.once("data", () => resolve(socket));
      });
      const cut = new Promise((resolve) => stubborn.on("close", resolve));
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      await manager.revokeUser("ann");
      vi.advanceTimersByTime(5000);
      await cut;
    });

    test("a verifyClient of one's own goes on deciding, after ours", async () => {
      const seen: string[] = [];
      const decisions: ((
        info: { req: { url?: string } },
        done: (verified: boolean, code?: number) => void,
      ) => void)[] = [
        ({ req }, done) => {
          seen.push(req.url ?? "");
          setImmediate(() => done(req.url === "/in", 418));
        },
      ];
      const { port, manager, lives } = await rig(
        version,
        { require: "user" },
        { verifyClient: decisions[0] },
      );
      const cookie = await loggedIn({ manager });
      expect((await handshake(port, { cookie })).status).toBe(418);
      expect((await handshake(port, {})).status).toBe(401);
      expect(seen).toEqual(["/"]);
      const socket = new WebSocket(`ws://127.0.0.1:${port}/in`, { headers: { cookie } });
      await greeted(socket);
      expect(lives.map(({ user }) => user)).toEqual(["ann"]);

      const plain = await rig(
        version,
        {},
        { verifyClient: ({ req }: { req: { url?: string } }) => req.url === "/in" },
      );
      expect((await handshake(plain.port, {})).status).toBe(401);
      await greeted(new WebSocket(`ws://127.0.0.1:${plain.port}/in`));
    });

    test("two managers have a session each on one connection", async () => {
      const managers = ["a", "b"].map(
        (name) => new SessionManager({ store: memoryStore(), cookie: { name: `__Host-${name}` } }),
      );
      const server = createServer();
      const sockets = new WS[version]({ server });
      const sessions = managers.map((manager) => wsSessions(manager));
      for (const one of sessions) one.attach(sockets);
      sockets.on("connection", (socket) => {
        socket.on("error", () => {});
        socket.send(sessions.map((one) => one.of(socket).user).join());
      });
      await listening(server);
      running.push({ server, sockets });
      const cookies = [
        await loggedIn({ manager: managers[0]! }, "ann"),
        await loggedIn({ manager: managers[1]! }, "bob"),
      ];
      const socket = client((server.address() as AddressInfo).port, { cookie: cookies.join("; ") });
      const greeting = await new Promise((resolve) =>
        socket.once("message", (data) => resolve(String(data))),
      );
      expect(greeting).toBe("ann,bob");
      const closed = closing(socket);
      await managers[1]!.revokeUser("bob");
      expect((await closed).reason).toBe("ended");
      await Promise.all(managers.map((manager) => manager.close()));
    });

    test("a connection that no handshake of ours opened is closed, and has no session", async () => {
      const manager = new SessionManager({ store: memoryStore() });
      const server = createServer();
      const sockets = new WS[version]({ noServer: true });
      server.on("upgrade", (incoming, socket, head) => {
        sockets.handleUpgrade(incoming, socket, head, (opened) => {
          const sessions = wsSessions(manager);
          sessions.attach(sockets);
          sockets.once("connection", (given) => {
            given.on("error", () => {});
            expect(() => sessions.of(given)).toThrow(/no session here/);
          });
          sockets.emit("connection", opened, incoming);
        });
      });
      await listening(server);
      running.push({ server, sockets });
      expect(await closing(client((server.address() as AddressInfo).port))).toMatchObject({ code: 1001 });
    });

    test("the manager of nothing serves sockets too", async () => {
      const server = createServer();
      const sessions = wsSessions(new NullSessionManager());
      const sockets = sessions.attach(new WS[version]({ server }));
      sockets.on("connection", async (socket) => {
        socket.on("error", () => {});
        socket.send(String(await sessions.of(socket).run((session) => session.set("a", 1).get("a"))));
      });
      await listening(server);
      running.push({ server, sockets });
      const socket = client((server.address() as AddressInfo).port);
      expect(await new Promise((resolve) => socket.once("message", (data) => resolve(String(data))))).toBe(
        "1",
      );
    });
  });
}

describe("a handshake that fails", () => {
  test("is told to onError; what an onError throws harms nobody", async () => {
    const told: unknown[] = [];
    const { port, manager, faulty } = await rig("8.23.0", {
      onError: (error) => {
        told.push((error as { code?: string }).code);
        throw new Error("of its own");
      },
    });
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    const cookie = await loggedIn({ manager });
    faulty.next("read", failsBefore());
    expect((await handshake(port, { cookie })).status).toBe(503);
    expect(told).toEqual(["ERR_SESSION_STORE_UNAVAILABLE"]);
    expect(printed).toHaveBeenCalledOnce();
  });

  test("by a mistake of the application's own is a plain 500, which is printed", async () => {
    const mistake = new Error("a mistake");
    const { port } = await rig("8.23.0", {
      clientAddress: () => {
        throw mistake;
      },
    });
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await handshake(port, {})).toMatchObject({ status: 500, body: "Internal Server Error\n" });
    expect(printed).toHaveBeenCalledWith(mistake);
  });

  test("by the store is not printed: an event tells", async () => {
    const { port, manager, faulty } = await rig("8.23.0");
    const printed = vi.spyOn(console, "error").mockImplementation(() => {});
    const cookie = await loggedIn({ manager });
    faulty.next("read", failsBefore());
    expect((await handshake(port, { cookie })).status).toBe(503);
    expect(printed).not.toHaveBeenCalled();
  });
});

describe("origins", () => {
  const cases: [origin: string, host: string, status: number][] = [
    ["https://shop.example", "shop.example", 101],
    ["http://shop.example", "shop.example", 101],
    ["https://SHOP.example", "shop.EXAMPLE", 101],
    ["https://shop.example", "shop.example:443", 101],
    ["https://shop.example:8443", "shop.example:8443", 101],
    ["https://shop.example", "shop.example:8443", 403],
    ["https://shop.example", "shop.example:80", 403],
    ["https://evil.example", "shop.example", 403],
    ["https://shop.example.evil.example", "shop.example", 403],
    ["https://evilshop.example", "shop.example", 403],
    ["https://shop.example", "www.shop.example", 403],
    ["https://example", "shop.example", 403],
    ["https://shop.example@evil.example", "shop.example", 403],
    ["null", "null", 403],
    ["file://", "", 403],
    ["", "shop.example", 403],
  ];

  test("are judged by the host alone", async () => {
    const { port } = await rig("8.23.0");
    for (const [origin, host, status] of cases)
      expect([origin, host, (await handshake(port, { Origin: origin, Host: host })).status]).toEqual([
        origin,
        host,
        status,
      ]);
  });

  test("may be judged by a function", async () => {
    const { port } = await rig("8.23.0", {
      origins: (origin, { url }) => origin.endsWith(".example") && url === "/",
    });
    expect((await handshake(port, { Origin: "https://a.example" })).status).toBe(101);
    expect((await handshake(port, { Origin: `http://127.0.0.1:${port}` })).status).toBe(403);
  });

  test("may be those of apps, whose pages have a scheme of their own", async () => {
    const { port } = await rig("8.23.0", { origins: ["capacitor://localhost"] });
    expect((await handshake(port, { Origin: "capacitor://localhost" })).status).toBe(101);
    expect((await handshake(port, { Origin: "capacitor://elsewhere" })).status).toBe(403);
  });

  test("in a list are whole origins", () => {
    const manager = new SessionManager({ store: memoryStore() });
    for (const origins of [
      ["shop.example"],
      ["https://shop.example/path"],
      ["*"],
      ["null"],
      [1],
      "https://a.example",
      {},
    ])
      expect(() => wsSessions(manager, { origins: origins as never })).toThrow(/list of origins/);
    expect(() =>
      wsSessions(manager, { origins: ["https://shop.example", "https://shop.example:8443/"] }),
    ).not.toThrow();
  });
});

test("options that cannot be are refused", () => {
  const manager = new SessionManager({ store: memoryStore() });
  expect(() => wsSessions({} as never)).toThrow(/must be a SessionManager/);
  expect(() => wsSessions(manager, { require: "admin" as never })).toThrow(/"session" or "user"/);
  expect(() => wsSessions(manager, { secure: true } as never)).toThrow(/not an option/);
});
