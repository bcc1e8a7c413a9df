import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { type Answer, type Framework, ROUTES, sizesOf, type Work } from "../handlers/handlers.ts";
import { listening } from "./listening.ts";

/** Hono 4 on Node as it is by default. @param middleware what stands before the handlers. */
export function onHono(...middleware: readonly MiddlewareHandler[]): Framework<Context> {
  return {
    serve(handlers) {
      const app = new Hono();
      for (const each of middleware) app.use(each);
      for (const [work, method] of Object.entries(ROUTES) as [Work, "GET" | "POST"][])
        app.on([method], [`/${work}`], (context) => {
          const [bytes, fields] = work === "prepare" ? sizesOf(context.req.url) : [0, 0];
          const answer = handlers[work](context, bytes, fields);
          return respond(context, answer);
        });
      app.onError((error, context) => {
        console.error(error);
        return context.body(null, 500);
      });
      return listening(createAdaptorServer({ fetch: app.fetch }) as Server);
    },
    cookies: (context) => context.req.header("cookie") ?? "",
    setCookie: (context, cookie) => context.header("set-cookie", cookie, { append: true }),
  };
}

function respond(context: Context, answer: Answer): Response | Promise<Response> {
  if (typeof answer === "string") return context.text(answer);
  return answer.then((text) => context.text(text) as Response);
}
