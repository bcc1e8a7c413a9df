import { createServer } from "node:http";
import Koa, { type Context, type Middleware } from "koa";
import { type Framework, ROUTES, sizesOf, type Work } from "../handlers/handlers.ts";
import { listening } from "./listening.ts";

/** Koa 3 as it is by default, with a table of paths. @param install puts in what stands before the handlers. */
export function onKoa(install: (app: Koa) => Middleware | undefined = () => undefined): Framework<Context> {
  return {
    serve(handlers) {
      const table = new Map(
        (Object.keys(ROUTES) as Work[]).map((work) => [`/${work}`, handlers[work].bind(handlers)]),
      );
      const app = new Koa();
      app.on("error", (error) => console.error(error));
      const before = install(app);
      if (before !== undefined) app.use(before);
      app.use((context) => {
        const handler = table.get(context.path);
        if (handler === undefined) return;
        const [bytes, fields] = context.path === "/prepare" ? sizesOf(context.url) : [0, 0];
        const answer = handler(context, bytes, fields);
        context.type = "text/plain";
        if (typeof answer === "string") return void (context.body = answer);
        return answer.then((text) => void (context.body = text));
      });
      return listening(createServer(app.callback()));
    },
    cookies: (context) => context.get("cookie"),
    setCookie: (context, cookie) => context.append("set-cookie", cookie),
  };
}
