import type { Engines } from "../stores/clients.ts";

type Serve = (store: string, engines: Engines) => Promise<number>;

/** The other libraries. Each is loaded by who wants it alone: start-up is one of the figures. */
export const PEERS: Readonly<Record<string, () => Promise<{ readonly serve: Serve }>>> = {
  "express-session": () => import("./express-session.ts"),
  "@fastify/session": () => import("./fastify-session.ts"),
  "koa-session": () => import("./koa-session.ts"),
  "hono-sessions": () => import("./hono-sessions.ts"),
  "iron-session": () => import("./iron-session.ts"),
};
