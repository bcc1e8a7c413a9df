import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { H3, toNodeHandler } from "h3";
import { Hono } from "hono";
import Koa from "koa";
import { expressSessions } from "../../../src/adapters/express.ts";
import { fastifySessions } from "../../../src/adapters/fastify.ts";
import { fetchSessions } from "../../../src/adapters/fetch.ts";
import { h3Sessions } from "../../../src/adapters/h3.ts";
import { honoSessions, type SessionEnv } from "../../../src/adapters/hono.ts";
import { koaSessions } from "../../../src/adapters/koa.ts";
import { nodeSessions } from "../../../src/adapters/node.ts";
import type { BoundSessions, ProviderKey } from "../../../src/bound.ts";
import { type Answer, fetchEndpoint, nodeEndpoint } from "../../../src/endpoint.ts";
import type { Session, SessionManager } from "../../../src/index.ts";

/** A site with bound sessions, as an application writes it: the same on each adapter. */
export interface SiteKind {
  readonly name: string;
  start(manager: SessionManager, device: BoundSessions): Promise<Running>;
}

export interface Running {
  readonly origin: string;
  close(): Promise<void>;
}

/** What the site does, at any path but the endpoint's. */
export function act(method: string, url: string, session: Session, device: BoundSessions): Answer {
  const { pathname, searchParams } = new URL(url, "http://site");
  switch (`${method} ${pathname}`) {
    case "POST /login":
      session.login(searchParams.get("user") ?? "ann");
      return text(200, "welcome");
    case "POST /federated-login":
      session.login("ann");
      device.offer(session, { provider: JSON.parse(searchParams.get("provider") ?? "null") as ProviderKey });
      return text(200, "welcome");
    case "POST /login-and-go":
      session.login("ann");
      return { ...text(303, ""), headers: [["Location", "/"]] };
    case "POST /failed-login":
      session.login("ann");
      return text(500, "no");
    case "POST /logout":
      session.logout();
      return text(200, "bye");
    case "POST /rotate":
      session.rotate();
      return text(200, "rotated");
    case "POST /reauthenticate":
      session.reauthenticate();
      return text(200, "again");
    case "POST /offer":
      device.offer(session);
      return text(200, "offered");
    case "GET /pay":
      if ((device.provenAt(session) ?? 0) < Number(searchParams.get("since"))) return device.proveAgain(url);
      return text(200, "paid");
    case "POST /prove-and-leave":
      session.logout();
      return { ...device.proveAgain(url), status: 200 };
    case "GET /assets/logo":
      return text(200, "a picture");
    case "POST /write":
      session.increment("written");
      return text(200, String(session.get("written")));
    default:
      return text(200, session.user ?? "nobody");
  }
}

function text(status: number, body: string): Answer {
  return { status, headers: [["Content-Type", "text/plain"]], body };
}

export const SITES: readonly SiteKind[] = [
  {
    name: "Express",
    start: async (manager, device) => {
      const sessions = expressSessions<Session>(manager);
      const app = express();
      app.use(sessions);
      app.post(
        "/dbsc/:what",
        nodeEndpoint(device.endpoint, (request) => sessions.of(request)),
      );
      app.use((request, response) =>
        show(response, act(request.method, request.url, sessions.of(request), device)),
      );
      app.use(((error: { status?: number }, _request, response, _next) => {
        response.status(error.status ?? 500).send("refused");
      }) satisfies express.ErrorRequestHandler);
      return await listening(app);
    },
  },
  {
    name: "node:http",
    start: async (manager, device) => {
      const sessions = nodeSessions<Session>(manager, { onError: () => undefined });
      const answer = nodeEndpoint(device.endpoint, (request: IncomingMessage) => sessions.of(request));
      return await listening(
        sessions.wrap((request, response, session) => {
          const { method = "GET", url = "/" } = request;
          if (device.owns({ method, url })) return answer(request, response);
          show(response, act(method, url, session, device));
        }),
      );
    },
  },
  {
    name: "Fastify",
    start: async (manager, device) => {
      const sessions = fastifySessions<Session>(manager);
      const app = fastify({ forceCloseConnections: true });
      await app.register(sessions);
      const answer = nodeEndpoint(device.endpoint, (request: IncomingMessage) =>
        sessions.of({ raw: request }),
      );
      app.post("/dbsc/:what", async (request, reply) => {
        await answer(request.raw, reply.raw);
        reply.hijack();
      });
      app.all("/*", (request, reply) => {
        const { status, headers, body } = act(request.method, request.url, sessions.of(request), device);
        for (const [name, value] of headers) reply.header(name, value);
        return reply.code(status).send(body);
      });
      const origin = await app.listen({ host: "127.0.0.1", port: 0 });
      return { origin, close: () => app.close() };
    },
  },
  {
    name: "Koa",
    start: async (manager, device) => {
      const sessions = koaSessions<Session>(manager);
      const app = new Koa();
      app.silent = true;
      app.use(sessions);
      app.use(async (ctx) => {
        const session = sessions.of(ctx);
        if (device.owns(ctx)) {
          await nodeEndpoint(device.endpoint, () => session)(ctx.req, ctx.res);
          ctx.respond = false;
          return;
        }
        const { status, headers, body } = act(ctx.method, ctx.url, session, device);
        ctx.status = status;
        for (const [name, value] of headers) ctx.append(name, value);
        ctx.body = body;
      });
      return await listening(app.callback());
    },
  },
  {
    name: "h3",
    start: async (manager, device) => {
      const sessions = h3Sessions<Session>(manager);
      const answer = fetchEndpoint(device.endpoint);
      const app = new H3({ silent: true }).use(sessions);
      app.post("/dbsc/**", (event) => answer(event.req, sessions.of(event)));
      app.all("/**", (event) => {
        const { pathname, search } = event.url;
        return responseOf(act(event.req.method, pathname + search, sessions.of(event), device));
      });
      return await listening(toNodeHandler(app) as RequestListener);
    },
  },
  {
    name: "Hono",
    start: async (manager, device) => {
      const app = new Hono<SessionEnv<Session>>();
      app.onError((error, c) => c.text("refused", ((error as { status?: number }).status ?? 500) as 500));
      app.use(honoSessions<Session>(manager));
      const answer = fetchEndpoint(device.endpoint);
      app.post("/dbsc/:what", (c) => answer(c.req.raw, c.var.session));
      app.all("*", (c) => {
        const { pathname, search } = new URL(c.req.url);
        return responseOf(act(c.req.method, pathname + search, c.var.session, device));
      });
      return await listening(getRequestListener(app.fetch));
    },
  },
  {
    name: "fetch",
    start: async (manager, device) => {
      const sessions = fetchSessions<Session>(manager);
      const answer = fetchEndpoint(device.endpoint);
      const handler = sessions.wrap(async (request, session) => {
        const { pathname, search } = new URL(request.url);
        if (pathname.startsWith("/dbsc/")) return await answer(request, session);
        return responseOf(act(request.method, pathname + search, session, device));
      });
      return await listening(getRequestListener((request) => handler(request)));
    },
  },
];

function show(response: ServerResponse, { status, headers, body }: Answer): void {
  response.statusCode = status;
  for (const [name, value] of headers) response.appendHeader(name, value);
  response.end(body);
}

function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, {
    status,
    headers: headers.map(([name, value]): [string, string] => [name, value]),
  });
}

async function listening(listener: RequestListener): Promise<Running> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
