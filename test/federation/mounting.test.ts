import type { IncomingMessage, RequestListener } from "node:http";
import express from "express";
import express4 from "express4";
import fastify from "fastify";
import { H3, toNodeHandler } from "h3";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import Koa from "koa";
import { beforeAll, describe, expect, test } from "vitest";
import { expressSessions } from "../../src/adapters/express.ts";
import { fetchEndpoint, type NodeAsk, nodeEndpoint } from "../../src/endpoint.ts";
import { backChannelLogout, sessionRevoked } from "../../src/federation.ts";
import type { SessionManager } from "../../src/index.ts";
import { done, noUnhandledRejections, rig, seen } from "../races/rig.ts";
import {
  CLIENT,
  FORM,
  ISSUER,
  LOGOUT,
  type ProviderKey,
  providerKey,
  REVOKED,
  SET,
  signed,
} from "./support/keys.ts";
import { served } from "./support/provider.ts";

noUnhandledRejections();

let key: ProviderKey;

beforeAll(async () => {
  key = await providerKey("ES256", "k");
});

type Endpoints = Readonly<Record<"out" | "in", ReturnType<typeof backChannelLogout>>>;
type Node = (request: NodeAsk & IncomingMessage, response: Parameters<RequestListener>[1]) => Promise<void>;

function onNode({ out, in: events }: Endpoints): Readonly<Record<"out" | "in", Node>> {
  return { out: nodeEndpoint(out, () => null), in: nodeEndpoint(events, () => null) };
}

function onExpress(make: typeof express, ...parsers: readonly ("json" | "urlencoded")[]) {
  return (endpoints: Endpoints, manager: SessionManager): Promise<string> => {
    const app = make();
    const handlers = onNode(endpoints);
    // As in the wrong order too: the sender has no cookie and no Origin, and is let through.
    app.use(expressSessions(manager) as never);
    for (const parser of parsers) app.use(make[parser]({ extended: true } as never));
    app.post("/out", handlers.out as never);
    app.post("/in", handlers.in as never);
    return served(app as RequestListener);
  };
}

const FRAMEWORKS: Readonly<
  Record<string, (endpoints: Endpoints, manager: SessionManager) => Promise<string>>
> = {
  "Express 5": onExpress(express),
  "Express 5 with parsers": onExpress(express, "json", "urlencoded"),
  "Express 4": onExpress(express4 as unknown as typeof express),
  "Express 4 with parsers": onExpress(express4 as unknown as typeof express, "json", "urlencoded"),
  "Express 4 with a parser for JSON": onExpress(express4 as unknown as typeof express, "json"),
  async Fastify(endpoints) {
    const app = fastify();
    const handlers = onNode(endpoints);
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _body, done) => done(null));
      for (const name of ["out", "in"] as const) {
        scope.post(`/${name}`, async (request, reply) => {
          reply.hijack();
          await handlers[name](request.raw, reply.raw);
        });
      }
    });
    await app.ready();
    return await served((request, response) => void app.routing(request, response));
  },
  async Koa(endpoints) {
    const app = new Koa();
    const handlers = onNode(endpoints);
    app.use(async (context, next) => {
      const name = context.path.slice(1);
      if (name !== "out" && name !== "in") return await next();
      context.respond = false;
      await handlers[name](context.req, context.res);
    });
    return await served(app.callback() as RequestListener);
  },
  async Hono({ out, in: events }) {
    const app = new Hono();
    const [logout, event] = [fetchEndpoint(out), fetchEndpoint(events)];
    app.post("/out", (context) => logout(context.req.raw, null));
    app.post("/in", (context) => event(context.req.raw, null));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    await new Promise<void>((resolve) => server.once("listening", () => resolve()));
    server.unref();
    const address = server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : address}`;
  },
  async h3({ out, in: events }) {
    const app = new H3();
    const [logout, event] = [fetchEndpoint(out), fetchEndpoint(events)];
    app.post("/out", (context) => logout(context.req as Request, null));
    app.post("/in", (context) => event(context.req as Request, null));
    return await served(toNodeHandler(app) as RequestListener);
  },
};

describe.each(Object.entries(FRAMEWORKS))("mounted on %s", (_name, mount) => {
  test("both endpoints receive what is sent to them", async () => {
    const where = rig();
    const options = { issuer: ISSUER, audience: CLIENT, keys: { keys: [key.public] }, clock: where.clock };
    const origin = await mount(
      { out: backChannelLogout(where.manager, options), in: sessionRevoked(where.manager, options) },
      where.manager,
    );
    const login = async (session: string): Promise<string> =>
      (await done(where, undefined, (one) =>
        one.login("ann", { identity: { issuer: ISSUER, subject: "s1", session } }),
      )) ?? "";
    const [first, second] = [await login("x1"), await login("x2")];
    const iat = Math.floor(where.clock.now() / 1000);
    const base = { iss: ISSUER, aud: CLIENT, iat };
    const logout = await signed(
      key,
      { ...base, exp: iat + 60, jti: "1", sid: "x1", events: { [LOGOUT]: {} } },
      { typ: "logout+jwt" },
    );
    const event = await signed(
      key,
      { ...base, jti: "2", sub_id: { format: "opaque", id: "x2" }, events: { [REVOKED]: {} } },
      { typ: "secevent+jwt" },
    );
    const post = (path: string, type: string, body: string): Promise<Response> =>
      fetch(origin + path, { method: "POST", headers: { "content-type": type }, body });

    expect((await post("/out", FORM, `logout_token=${logout}&logout_token=${logout}`)).status).toBe(400);
    const out = await post("/out", FORM, `logout_token=${logout}`);
    expect([out.status, out.headers.get("cache-control"), await out.text()]).toEqual([200, "no-store", ""]);
    expect(out.headers.getSetCookie()).toEqual([]);
    expect(await seen(where, first)).toBeNull();
    expect(await seen(where, second)).not.toBeNull();
    expect((await post("/out", FORM, `logout_token=${logout}`)).status).toBe(400);
    const received = await post("/in", SET, event);
    expect([received.status, await received.text()]).toEqual([202, ""]);
    expect(await seen(where, second)).toBeNull();
    expect((await post("/in", SET, "x")).status).toBe(400);
  });
});
