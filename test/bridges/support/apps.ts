import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import fastifyCookie from "@fastify/cookie";
import express from "express";
import session from "express-session";
import Fastify, { type FastifyPluginCallback } from "fastify";
import Koa from "koa";
import { createSession as koaSession } from "koa-session";
import type { BridgeOptions } from "../../../src/bridges/express-session.ts";
import { expressSessionBridge } from "../../../src/bridges/express-session.ts";
import { fastifySessionBridge } from "../../../src/bridges/fastify-session.ts";
import { koaSessionBridge } from "../../../src/bridges/koa-session.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { type Deferred, deferred } from "../../support/deferred.ts";

export const SECRET = "a secret of more than thirty-two characters";

// Without its types, which give every request of fastify's a session of its own kind, as Holdfast's adapter does.
const require = createRequire(import.meta.url);
const fastifySession = require("@fastify/session") as FastifyPluginCallback<
  Readonly<Record<string, unknown>>
>;

/** A session of express-session or @fastify/session. */
type ForeignSession = Record<string, unknown> & {
  destroy(callback?: (error?: unknown) => void): Promise<void>;
};

function sessionOf(request: object): ForeignSession {
  return (request as { readonly session: ForeignSession }).session;
}

/** A session as the application of the tests uses it, whatever the library. */
interface Used {
  read(): Record<string, unknown>;
  write(name: string, value: unknown): void;
  end(): Promise<void> | void;
}

/** Requests that wait until a test lets them go on. */
export class Gates {
  readonly #gates = new Map<string, { readonly reached: Deferred; readonly open: Deferred }>();

  async pass(name: string): Promise<void> {
    this.#gate(name).reached.resolve();
    await this.#gate(name).open.promise;
  }

  async reached(name: string): Promise<void> {
    await this.#gate(name).reached.promise;
  }

  open(name: string): void {
    this.#gate(name).open.resolve();
  }

  #gate(name: string) {
    const gate = this.#gates.get(name) ?? { reached: deferred(), open: deferred() };
    this.#gates.set(name, gate);
    return gate;
  }
}

/** `/set/<name>/<value>`, `/slow/<gate>/<name>/<value>`, `/end`, `/slow-end/<gate>`, `/`. */
async function handle(path: string, used: Used, gates: Gates): Promise<Record<string, unknown>> {
  const [verb, ...given] = path.slice(1).split("/");
  if (verb === "slow" || verb === "slow-end") await gates.pass(given.shift() ?? "");
  if (verb === "set" || verb === "slow") used.write(given[0] ?? "", given[1]);
  if (verb === "end" || verb === "slow-end") {
    await used.end();
    return { ended: true };
  }
  return used.read();
}

/** A server of one library. */
export interface App {
  readonly url: string;
  /** What the bridge told. */
  readonly told: { readonly name: string; readonly fields: readonly string[] }[];
  close(): Promise<void>;
}

export type StartApp = (store: AnyStore, gates: Gates, options?: BridgeOptions) => Promise<App>;

export const startExpress: StartApp = async (store, gates, options) => {
  const told: App["told"] = [];
  const bridge = expressSessionBridge(session, store, options);
  bridge.on("gone", ({ fields }) => told.push({ name: "gone", fields }));
  bridge.on("conflict", ({ field }) => told.push({ name: "conflict", fields: [field] }));
  const app = express();
  app.use(
    session({
      store: bridge,
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 60_000 },
    }),
  );
  app.use(async (request, response) => {
    const used: Used = {
      read: () => ({ ...sessionOf(request) }),
      write: (name, value) => void Object.assign(sessionOf(request), { [name]: value }),
      end: () =>
        new Promise((resolve, reject) => {
          void sessionOf(request).destroy((error) => (error ? reject(error) : resolve()));
        }),
    };
    response.json(await handle(request.path, used, gates));
  });
  app.use(((error, _request, response, _next) => {
    response.status(error.status ?? 500).end();
  }) satisfies express.ErrorRequestHandler);
  return await served(createServer(app as RequestListener), told);
};

export const startFastify: StartApp = async (store, gates, options) => {
  const told: App["told"] = [];
  const bridge = fastifySessionBridge(store, options);
  bridge.on("gone", ({ fields }) => told.push({ name: "gone", fields }));
  bridge.on("conflict", ({ field }) => told.push({ name: "conflict", fields: [field] }));
  const app = Fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    store: bridge,
    secret: SECRET,
    saveUninitialized: false,
    cookie: { secure: false, maxAge: 60_000 },
  });
  app.get("/*", async (request) => {
    const used: Used = {
      read: () => JSON.parse(JSON.stringify(sessionOf(request))),
      write: (name, value) => void Object.assign(sessionOf(request), { [name]: value }),
      end: async () => await sessionOf(request).destroy(),
    };
    return await handle(request.url, used, gates);
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { url, told, close: () => app.close() };
};

export const startKoa: StartApp = async (store, gates, options) => {
  const told: App["told"] = [];
  const bridge = koaSessionBridge(store, options);
  bridge.on("gone", ({ fields }) => told.push({ name: "gone", fields }));
  bridge.on("conflict", ({ field }) => told.push({ name: "conflict", fields: [field] }));
  const app = new Koa();
  app.keys = [SECRET];
  app.silent = true;
  app.use(koaSession({ store: bridge, maxAge: 60_000 }, app));
  app.use(async (context) => {
    const used: Used = {
      read: () => ({ ...context.session?.toJSON() }),
      write: (name, value) => void Object.assign(context.session ?? {}, { [name]: value }),
      end: () => {
        context.session = null;
      },
    };
    context.body = await handle(context.path, used, gates);
  });
  return await served(createServer(app.callback()), told);
};

async function served(server: Server, told: App["told"]): Promise<App> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    told,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
