import { createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { serve } from "@hono/node-server";
import express, { type Request as ExpressRequest } from "express";
import express4 from "express4";
import fastify from "fastify";
import fastify50 from "fastify50";
import { Hono } from "hono";
import Koa from "koa";
import { expressSessions } from "../../../src/adapters/express.ts";
import { fastifySessions } from "../../../src/adapters/fastify.ts";
import { fetchSessions } from "../../../src/adapters/fetch.ts";
import { honoSessions } from "../../../src/adapters/hono.ts";
import { koaSessions } from "../../../src/adapters/koa.ts";
import { nodeSessions } from "../../../src/adapters/node.ts";
import { type EventsOf, sseSessions, type SseSessions } from "../../../src/adapters/sse.ts";
import type { Session, SessionManager } from "../../../src/index.ts";
import type {
  LiveApplication,
  LiveClient,
  LiveRefusal,
  LiveSubject,
  RunningLiveApplication,
} from "../../../src/testing/index.ts";
import { serveFetch } from "./fetch-bridge.ts";
import { KOAS } from "./koa-subject.ts";
import { ClientState } from "./live-client.ts";

type Streams = SseSessions<Session>;
type Events = EventsOf<Session>;

interface Running {
  readonly origin: string;
  close(): Promise<void>;
}

/** How a server of each kind answers every request with a stream of events. */
type Serve = (manager: SessionManager, streams: Streams, events: Events) => Promise<Running>;

const SERVERS = {
  "node:http": (manager, streams, events) => {
    const sessions = nodeSessions(manager, { onError: () => {} });
    return overHttp1(sessions.wrap((_request, response, session) => streams.send(response, session, events)));
  },
  "node:http2": (manager, streams, events) => {
    const sessions = nodeSessions(manager, { onError: () => {} });
    return overHttp2(
      sessions.wrapHttp2((_request, response, session) => streams.send(response, session, events)),
    );
  },
  "Express 5": (manager, streams, events) => {
    const app = express();
    const sessions = expressSessions(manager);
    app.use(sessions);
    app.get("/", (request, response) => streams.send(response, sessions.of(request), events));
    return overHttp1(app);
  },
  "Express 4": (manager, streams, events) => {
    const app = express4();
    const sessions = expressSessions(manager);
    app.use(sessions);
    app.get("/", (request, response, next) => {
      streams.send(response, sessions.of(request as unknown as ExpressRequest), events).catch(next);
    });
    return overHttp1(app);
  },
  "Koa 3": (manager, streams, events) => overHttp1(koa(new Koa(), manager, streams, events)),
  "Koa 2": (manager, streams, events) =>
    overHttp1(koa(new (KOAS["Koa 2.16"] ?? Koa)(), manager, streams, events)),
  "Fastify 5": (manager, streams, events) => overFastify(fastify, manager, streams, events),
  "Fastify 5.0": (manager, streams, events) =>
    overFastify(fastify50 as unknown as typeof fastify, manager, streams, events),
  fetch: async (manager, streams, events) => {
    const handle = fetchSessions<Session, []>(manager).wrap((_request, session) =>
      streams.response(session, events),
    );
    return await serveFetch(handle);
  },
  Hono: async (manager, streams, events) => {
    const app = new Hono()
      .use(honoSessions(manager))
      .get("/", (c) => streams.response(c.get("session"), events));
    const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
      const started = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => resolve(started));
    });
    return runningOf(server as ReturnType<typeof createServer>);
  },
} satisfies Readonly<Record<string, Serve>>;

export type SseServer = keyof typeof SERVERS;
export const SSE_SERVERS: readonly SseServer[] = Object.keys(SERVERS) as SseServer[];

/** A stream of events that greets, and then waits until it is over. */
export function sseSubject(server: SseServer): LiveSubject {
  return {
    name: `server-sent events by ${server}`,
    start: (application) => started(SERVERS[server], application),
    abilities: {
      messages: "a stream of events goes one way",
      origins:
        "browsers show a page of another origin nothing of it, unless the server's own CORS allows that",
    },
  };
}

async function started(server: Serve, application: LiveApplication): Promise<RunningLiveApplication> {
  const { manager, require } = application;
  const streams = sseSessions(manager, { ...(require !== undefined && { require }), heartbeat: false });
  const running = await server(manager, streams, async function* (live) {
    yield { event: "greeting", data: application.greet(live) };
    await new Promise((resolve) => live.signal.addEventListener("abort", resolve));
  });
  return {
    ownOrigin: running.origin,
    connect: (headers, signal) => connect(running.origin, headers, signal),
    close: () => running.close(),
  };
}

function koa(app: Koa, manager: SessionManager, streams: Streams, events: Events): RequestListener {
  const sessions = koaSessions(manager);
  app.silent = true;
  app.use(sessions).use(async (ctx) => {
    ctx.respond = false;
    await streams.send(ctx.res, ctx.session, events);
  });
  return app.callback();
}

async function overFastify(
  make: typeof fastify,
  manager: SessionManager,
  streams: Streams,
  events: Events,
): Promise<Running> {
  const app = make({ forceCloseConnections: true });
  const sessions = fastifySessions(manager);
  await app.register(sessions);
  app.get("/", (request) => streams.response(sessions.of(request), events));
  const origin = await app.listen({ port: 0, host: "127.0.0.1" });
  return { origin, close: () => app.close() };
}

async function overHttp1(listener: RequestListener): Promise<Running> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return runningOf(server);
}

function runningOf(server: ReturnType<typeof createServer>): Running {
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function overHttp2(listener: Parameters<typeof createHttp2Server>[1] & object): Promise<Running> {
  const server = createHttp2Server(listener);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => void sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `h2c://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

/** What comes of a request for events, by a client that reads them as a browser does. */
export function connect(
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<LiveClient | LiveRefusal> {
  return origin.startsWith("h2c:")
    ? connectOverHttp2(origin, headers, signal)
    : connectOverHttp1(origin, headers, signal);
}

function connectOverHttp1(
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<LiveClient | LiveRefusal> {
  return new Promise((resolve, reject) => {
    const request = get(origin, { headers, agent: false }, (response: IncomingMessage) => {
      const status = response.statusCode ?? 0;
      resolve(opened(status, response, () => request.destroy()));
    });
    signal.addEventListener("abort", () => request.destroy());
    request.on("error", reject);
  });
}

function connectOverHttp2(
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<LiveClient | LiveRefusal> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(origin.replace("h2c:", "http:"));
    session.on("error", reject);
    const stream = session.request({ ":path": "/", ...headers });
    const leave = (): void => session.destroy();
    signal.addEventListener("abort", leave);
    stream.on("error", reject);
    stream.on("close", () => session.close());
    stream.on("response", (head) => resolve(opened(head[":status"] ?? 0, stream, leave)));
  });
}

function opened(status: number, body: Readable, leave: () => void): Promise<LiveClient> | LiveRefusal {
  body.on("error", () => {});
  if (status !== 200) {
    body.resume();
    return { refused: status };
  }
  const state = new ClientState();
  let reason = "";
  body.setEncoding("utf8");
  eventsOf(body, ({ event, data }) => {
    if (event === "session-end") reason = data;
    else state.received(data);
  });
  body.on("end", () => state.ended(reason === "" ? "the stream ended" : reason));
  return state.client(() => {
    throw new Error("a stream of events goes one way");
  }, leave);
}

interface SeenEvent {
  readonly event: string;
  readonly data: string;
  readonly id: string | undefined;
}

/** Reads events as the HTML standard says, section 9.2.6, as far as servers here make use of it. */
export function eventsOf(body: Readable, seen: (event: SeenEvent) => void): void {
  let text = "";
  body.on("data", (piece: string) => {
    text += piece;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const fields = text.slice(0, end).split("\n");
      text = text.slice(end + 2);
      const valuesOf = (name: string): string[] =>
        fields.filter((field) => field.startsWith(`${name}: `)).map((field) => field.slice(name.length + 2));
      if (!fields.some((field) => field.startsWith("data:"))) continue;
      const data = fields.filter((field) => field.startsWith("data: ")).map((field) => field.slice(6));
      seen({ event: valuesOf("event")[0] ?? "message", data: data.join("\n"), id: valuesOf("id")[0] });
    }
  });
}
