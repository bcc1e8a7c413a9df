// The program of a server process: one manager over one store, behind four kinds of server. It says on which ports, and
// then takes orders from its parent.
import { createServer as createHttp, type ServerResponse } from "node:http";
import { createServer as createHttp2, type Http2ServerResponse } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { Readable } from "node:stream";
import express from "express";
import { expressSessions } from "../../../src/adapters/express.ts";
import { fetchSessions } from "../../../src/adapters/fetch.ts";
import { nodeSessions } from "../../../src/adapters/node.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { SessionManager, type SessionEventName } from "../../../src/index.ts";
import type { SessionId } from "../../../src/index.ts";
import { faultyStore } from "../../../src/testing/index.ts";
import { serveFetch } from "../../adapters/support/fetch-bridge.ts";
import { type Answer, answer } from "./http-app.ts";
import type { Order, OrderReply, Orders, Ports, ServerConfig } from "./http-orders.ts";
import { openPlace } from "./places.ts";

const COUNTED: readonly SessionEventName[] = [
  "conflict",
  "gone",
  "storeFailure",
  "theft",
  "rejected",
  "corrupt",
  "rotated",
  "late",
  "abandoned",
  "listenerFailure",
];

const config = JSON.parse(process.argv[2] ?? "{}") as ServerConfig;
const counted = faultyStore(await openPlace(config.place));
let skewMs = 0;
const manager = new SessionManager({
  ...config.options,
  store: counted.store,
  sweepEvery: false,
  clock: { now: () => systemClock.now() + skewMs, after: (ms, action) => systemClock.after(ms, action) },
});

const happened: Record<string, number> = {};
for (const name of COUNTED) manager.on(name, () => void (happened[name] = (happened[name] ?? 0) + 1));
let loose = 0;
process.on("unhandledRejection", (reason) => {
  loose += 1;
  console.error(reason);
});

const orders: Orders = {
  async calls() {
    const operations = ["create", "read", "update", "delete"] as const;
    const calls = Object.fromEntries(operations.map((name) => [name, counted.count(name)]));
    counted.forget();
    return calls;
  },
  happened: async () => ({ ...happened, loose }),
  skew: async (ms) => void (skewMs = ms),
  sessionsOf: async (user) => (await manager.sessionsOf(user)).map((info) => info.id),
  all: async () => {
    const ids: string[] = [];
    for await (const info of manager.all()) ids.push(info.id);
    return ids;
  },
  revoke: (id) => manager.revoke(id as SessionId),
  revokeUser: (user) => manager.revokeUser(user),
  revokeAll: async () => manager.revokeAll(),
  resources: async () => process.getActiveResourcesInfo(),
  close: async () => {
    await doors.close();
    await manager.close();
    return process.getActiveResourcesInfo();
  },
};

function queryOf(url: string | undefined): URLSearchParams {
  return new URL(url ?? "/", "http://localhost").searchParams;
}

/** The statement form works in both: HTTP/2's response has the same methods, and no common type. */
function send(response: ServerResponse | Http2ServerResponse, reply: Answer): void {
  const out = response as ServerResponse;
  switch (reply.kind) {
    case "plain":
      return void out.end(reply.body);
    case "redirect":
      return void out.writeHead(303, { Location: "/elsewhere" }).end();
    case "flush":
      out.flushHeaders();
      return void out.end(reply.body);
    case "stream":
      return void Readable.from(reply.pieces).pipe(out);
  }
}

/** Made by hand: Node's own conversion of a stream crashes the process when the client leaves. */
function streamOf(pieces: AsyncIterable<string>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
    },
    { highWaterMark: 0 },
  );
}

function responseOf(reply: Answer): Response {
  switch (reply.kind) {
    case "redirect":
      return new Response(null, { status: 303, headers: { Location: "/elsewhere" } });
    case "stream":
      return new Response(streamOf(reply.pieces));
    default:
      return new Response(reply.body);
  }
}

/** The four servers of the process. */
interface Doors {
  readonly ports: Ports;
  close(): Promise<void>;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function expressApp(): express.Express {
  const app = express();
  const sessions = expressSessions(manager);
  app.use(sessions);
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 takes rejections
  app.use(async (request, response) => {
    send(response, await answer(sessions.of(request), queryOf(request.originalUrl)));
  });
  app.use(sessions.failed);
  const shown: express.ErrorRequestHandler = (error: { status?: number }, _request, response, _next) => {
    response.status(error.status ?? 500).end("failed");
  };
  app.use(shown);
  return app;
}

async function openAll(): Promise<Doors> {
  const quiet = { onError: () => {} };
  const node = nodeSessions(manager, quiet);
  const fetching = fetchSessions(manager);
  const handle = fetching.wrap(async (request: Request, session) =>
    responseOf(await answer(session, queryOf(request.url))),
  );
  const http1 = [
    createHttp(expressApp()),
    createHttp(
      node.wrap(async (request, response, session) =>
        send(response, await answer(session, queryOf(request.url))),
      ),
    ),
  ] as const;
  // A client must not meet a connection that is closed for being idle.
  for (const server of http1) server.keepAliveTimeout = 600_000;
  const http2 = createHttp2(
    node.wrapHttp2(async (request, response, session) =>
      send(response, await answer(session, queryOf(request.url))),
    ),
  );
  const bridge = await serveFetch(async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      const { status = 500 } = error as { status?: number };
      return fetching.carry(request, new Response("failed", { status }));
    }
  });
  const [expressPort, nodePort] = [await listen(http1[0]), await listen(http1[1])];
  return {
    ports: {
      express: expressPort,
      node: nodePort,
      http2: await listen(http2),
      fetch: Number(new URL(bridge.origin).port),
    },
    close: async () => void (await Promise.all([...http1, http2].map(closed).concat(bridge.close()))),
  };
}

function reply(message: OrderReply, then: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, then);
}

async function obey({ number, name, argument }: Order): Promise<void> {
  try {
    const order = orders[name] as (argument: unknown) => Promise<unknown>;
    const result = await order(argument);
    reply({ kind: "done", number, result }, name === "close" ? leave : undefined);
  } catch (error) {
    const { cause } = error as { readonly cause?: unknown };
    reply({
      kind: "failed",
      number,
      message: `${String(error)} ${cause === undefined ? "" : String(cause)}`,
    });
  }
}

const orphaned = (): never => process.exit();

/** Lets go of the parent, and so of the last thing that should keep the process running. */
function leave(): void {
  process.off("disconnect", orphaned);
  process.disconnect();
}

const doors = await openAll();
process.on("message", (order: Order) => void obey(order));
process.on("disconnect", orphaned);
reply({ kind: "ready", ports: doors.ports });
