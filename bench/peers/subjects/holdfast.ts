import type { RequestListener } from "node:http";
import type { RequestHandler } from "express";
import type { FastifyPluginAsync } from "fastify";
import type { Middleware } from "koa";
import type { SessionManager } from "holdfast";
import { type Data, holdfastHandlers } from "../handlers/holdfast.ts";

type Manager = SessionManager<Data>;

/** Holdfast as it is by default, on each framework. */
export const HOLDFAST: Readonly<Record<string, (manager: Manager) => Promise<number>>> = {
  async node(manager) {
    const { nodeSessions } = await import("holdfast/adapters/node");
    const { onNode } = await import("../frameworks/node.ts");
    const sessions = nodeSessions(manager);
    const wrap = (listener: RequestListener): RequestListener =>
      sessions.wrap((request, response) => listener(request as never, response as never)) as RequestListener;
    return await onNode(wrap).serve(holdfastHandlers(({ request }) => sessions.of(request)));
  },
  async express(manager) {
    const { expressSessions } = await import("holdfast/adapters/express");
    const { onExpress } = await import("../frameworks/express.ts");
    const sessions = expressSessions(manager);
    const framework = onExpress(sessions as unknown as RequestHandler);
    return await framework.serve(holdfastHandlers(({ request }) => sessions.of(request)));
  },
  async fastify(manager) {
    const { fastifySessions } = await import("holdfast/adapters/fastify");
    const { onFastify } = await import("../frameworks/fastify.ts");
    const sessions = fastifySessions(manager);
    const framework = onFastify(async (app) => void app.register(sessions as unknown as FastifyPluginAsync));
    return await framework.serve(holdfastHandlers(({ request }) => sessions.of(request)));
  },
  async koa(manager) {
    const { koaSessions } = await import("holdfast/adapters/koa");
    const { onKoa } = await import("../frameworks/koa.ts");
    const sessions = koaSessions(manager);
    const framework = onKoa(() => sessions as unknown as Middleware);
    return await framework.serve(holdfastHandlers((context) => sessions.of(context)));
  },
  async hono(manager) {
    const { honoSessions } = await import("holdfast/adapters/hono");
    const { onHono } = await import("../frameworks/hono.ts");
    const sessions = honoSessions(manager);
    return await onHono(sessions).serve(holdfastHandlers((context) => sessions.of(context)));
  },
};
