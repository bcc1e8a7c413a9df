import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import express5 from "express";
import express4 from "express4";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { expressSessions } from "../../src/adapters/express.ts";
import { fastifySessions } from "../../src/adapters/fastify.ts";
import { fetchSessions } from "../../src/adapters/fetch.ts";
import { honoSessions } from "../../src/adapters/hono.ts";
import { koaSessions } from "../../src/adapters/koa.ts";
import { nodeSessions } from "../../src/adapters/node.ts";
import { type Endpoint, fetchEndpoint, nodeEndpoint } from "../../src/endpoint.ts";
import type { Session, SessionManager } from "../../src/index.ts";

/** What a site does beside the endpoint, which is mounted at /account/devices. */
export interface Site {
  readonly manager: SessionManager;
  readonly endpoint: Endpoint;
  /** Does what is asked for by a path and query of the site's own, and says what came of it. */
  act(url: URL, session: Session): Promise<string>;
}

export interface Served {
  readonly origin: string;
  close(): Promise<unknown>;
}

type Serve = (site: Site) => Promise<Served>;

const MOUNT = "/account/devices";

function urlOf(path: string): URL {
  return new URL(path, "http://site.invalid");
}

async function listening(server: Server): Promise<Served> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function express(make: () => express5.Express, ...parsers: express5.RequestHandler[]): Serve {
  return async ({ manager, endpoint, act }) => {
    const sessions = expressSessions<Session>(manager);
    const app = make();
    app.use(sessions);
    for (const parser of parsers) app.use(parser);
    app.use(
      MOUNT,
      nodeEndpoint<Session, express5.Request>(endpoint, (request) => sessions.of(request)),
    );
    app.use((request, response, next) => {
      act(urlOf(request.originalUrl), sessions.of(request)).then((text) => response.send(text), next);
    });
    app.use(sessions.failed);
    return await listening(createServer(app));
  };
}

const fastify: Serve = async ({ manager, endpoint, act }) => {
  const sessions = fastifySessions<Session>(manager);
  const app = Fastify();
  await app.register(sessions);
  const handle = nodeEndpoint(endpoint, (raw) => sessions.of({ raw }));
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    for (const path of [MOUNT, `${MOUNT}/*`]) {
      scope.all(path, async (request, reply) => {
        await handle(request.raw, reply.raw);
        // Not before: an error is Fastify's to answer.
        reply.hijack();
      });
    }
  });
  app.all("*", async (request) => await act(urlOf(request.url), sessions.of(request)));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    origin: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    close: () => app.close(),
  };
};

const hono: Serve = async ({ manager, endpoint, act }) => {
  const handle = fetchEndpoint(endpoint);
  const app = new Hono().use(honoSessions<Session>(manager));
  app.all(`${MOUNT}/*`, (c) => handle(c.req.raw, c.var.session));
  app.all("*", async (c) => c.text(await act(new URL(c.req.url), c.var.session)));
  return await listening(createAdaptorServer({ fetch: app.fetch }) as Server);
};

const koa: Serve = async ({ manager, endpoint, act }) => {
  const sessions = koaSessions<Session>(manager);
  const app = new Koa();
  app.silent = true;
  app.use(sessions);
  app.use(async (ctx) => {
    if (!ctx.path.startsWith(MOUNT)) {
      ctx.body = await act(urlOf(ctx.url), sessions.of(ctx));
      return;
    }
    await nodeEndpoint(endpoint, () => sessions.of(ctx))(ctx.req, ctx.res);
    ctx.respond = false;
  });
  return await listening(createServer((request, response) => void app.callback()(request, response)));
};

const fetchWay: Serve = async ({ manager, endpoint, act }) => {
  const handle = fetchEndpoint(endpoint);
  const fetch = fetchSessions<Session>(manager).wrap(async (request, session) => {
    const url = new URL(request.url);
    if (url.pathname.startsWith(MOUNT)) return await handle(request, session);
    return new Response(await act(url, session));
  });
  return await listening(createAdaptorServer({ fetch: (request) => fetch(request) }) as Server);
};

const node: Serve = async ({ manager, endpoint, act }) => {
  const sessions = nodeSessions<Session>(manager);
  const handle = nodeEndpoint(endpoint, (request) => sessions.of(request));
  const listener = sessions.wrap(async (request, response, session) => {
    const url = urlOf(request.url ?? "/");
    if (url.pathname.startsWith(MOUNT)) return await handle(request, response);
    response.end(await act(url, session));
  });
  return await listening(createServer(listener));
};

/** The endpoint behind every kind of adapter. */
export const SITES: Readonly<Record<string, Serve>> = {
  "Express 5": express(express5),
  "Express 5 with parsers": express(express5, express5.json(), express5.urlencoded()),
  "Express 4": express(express4 as unknown as () => express5.Express),
  Fastify: fastify,
  Hono: hono,
  Koa: koa,
  fetch: fetchWay,
  "node:http": node,
};
