import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serve as serve2, upgradeWebSocket as upgradeWebSocket2 } from "@hono/node-server";
import { Hono } from "hono";
import { describe, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { wsSessions } from "../../../src/adapters/ws.ts";
import { type LiveApplication, liveContract, type LiveSubject } from "../../../src/testing/index.ts";
import { errorText } from "../../adapters/support/live-client.ts";
import { closed, connect } from "../../adapters/support/ws-subject.ts";
import { ROOT } from "../../package/package-json.ts";
import { withProjects } from "../support/projects.ts";

/** Frameworks' plugins for WebSockets, which make the `WebSocketServer` themselves, or are handed one. */
const FOLDER = "test/frameworks/ws/hosts";

/** Ties the live sessions to the plugin's server, before it serves. */
type Attach = (server: WebSocketServer) => void;
/** What the plugin's handler does with a socket. */
type Talk = (socket: WebSocket) => void;
/** Starts an application with one WebSocket at its root; resolves to its server, which listens. */
type Host = (attach: Attach, talk: Talk) => Promise<Server>;

interface Events {
  onOpen(event: unknown, context: { readonly raw?: unknown }): void;
}

interface HonoApp {
  get(path: string, ...handlers: readonly unknown[]): unknown;
  readonly fetch: unknown;
}

/** What is used of the project's packages. */
interface Packages {
  express(): object;
  expressWs(app: object): {
    readonly app: { ws(path: string, handler: Talk): void; listen(port: number, host: string): Server };
    getWss(): WebSocketServer;
  };
  fastify(): {
    register(plugin: unknown): Promise<void>;
    readonly websocketServer: WebSocketServer;
    get(path: string, options: object, handler: Talk): void;
    listen(options: object): Promise<string>;
    readonly server: Server;
  };
  readonly websocket: unknown;
  readonly Hono: new () => HonoApp;
  createNodeWebSocket(options: { readonly app: HonoApp }): {
    injectWebSocket(server: Server): void;
    upgradeWebSocket(make: () => Events): unknown;
    readonly wss: WebSocketServer;
  };
  serve(options: object): Server;
}

const packages = async (): Promise<Packages> =>
  (await import(
    /* @vite-ignore */ pathToFileURL(join(ROOT, FOLDER, "index.mjs")).href
  )) as unknown as Packages;

const LOCAL = { port: 0, hostname: "127.0.0.1" };

const HOSTS: Readonly<Record<string, Host>> = {
  async "express-ws"(attach, talk) {
    const { express, expressWs } = await packages();
    const { app, getWss } = expressWs(express());
    attach(getWss());
    app.ws("/", talk);
    return await heard(app.listen(0, LOCAL.hostname));
  },
  async "@fastify/websocket"(attach, talk) {
    const { fastify, websocket } = await packages();
    const app = fastify();
    await app.register(websocket);
    attach(app.websocketServer);
    app.get("/", { websocket: true }, talk);
    await app.listen({ port: 0, host: LOCAL.hostname });
    return app.server;
  },
  async "@hono/node-ws"(attach, talk) {
    const { Hono: Hono1, createNodeWebSocket, serve } = await packages();
    const app = new Hono1();
    const { injectWebSocket, upgradeWebSocket, wss } = createNodeWebSocket({ app });
    attach(wss);
    app.get(
      "/",
      upgradeWebSocket(() => opening(talk)),
    );
    const server = serve({ fetch: app.fetch, ...LOCAL });
    injectWebSocket(server);
    return await heard(server);
  },
  async "@hono/node-server 2"(attach, talk) {
    const wss = new WebSocketServer({ noServer: true });
    attach(wss);
    const app = new Hono();
    app.get(
      "/",
      upgradeWebSocket2(() => opening(talk)),
    );
    return await heard(serve2({ fetch: app.fetch, websocket: { server: wss as never }, ...LOCAL }) as Server);
  },
};

const opening = (talk: Talk): Events => ({ onOpen: (_event, { raw }) => talk(raw as WebSocket) });

async function heard(server: Server): Promise<Server> {
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

function subjectOf(name: string, host: Host): LiveSubject {
  const start = async (application: LiveApplication) => {
    const { manager, require, origins } = application;
    const sessions = wsSessions(manager, {
      ...(require !== undefined && { require }),
      ...(origins !== undefined && { origins }),
    });
    const clients = new Set<WebSocket>();
    const talk: Talk = (socket) => {
      clients.add(socket);
      const live = sessions.of(socket);
      socket.on("error", () => {});
      socket.send(application.greet(live));
      socket.on("message", async (data) => {
        const answer = await application.handle(live, String(data)).catch(errorText);
        if (socket.readyState === socket.OPEN) socket.send(answer);
      });
    };
    const server = await host((sockets) => void sessions.attach(sockets), talk);
    const { port } = server.address() as AddressInfo;
    return {
      ownOrigin: `http://127.0.0.1:${port}`,
      connect: (headers: Readonly<Record<string, string>>, signal: AbortSignal) =>
        connect(`ws://127.0.0.1:${port}/`, headers, signal),
      async close() {
        for (const client of clients) client.terminate();
        await closed(server);
      },
    };
  };
  return { name, start, abilities: { messages: true, origins: true } };
}

withProjects([FOLDER], () => {
  for (const [name, host] of Object.entries(HOSTS)) liveContract({ test, describe }, subjectOf(name, host));
});
