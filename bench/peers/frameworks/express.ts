import { createServer } from "node:http";
import express, { type ErrorRequestHandler, type Request, type RequestHandler, type Response } from "express";
import { type Framework, ROUTES, sizesOf, type Work } from "../handlers/handlers.ts";
import { listening } from "./listening.ts";

export interface ExpressContext {
  readonly request: Request;
  readonly response: Response;
}

/** Express 5 as it is by default. @param middleware what stands before the handlers. */
export function onExpress(...middleware: readonly RequestHandler[]): Framework<ExpressContext> {
  return {
    serve(handlers) {
      const app = express();
      for (const each of middleware) app.use(each);
      for (const [work, method] of Object.entries(ROUTES) as [Work, "GET" | "POST"][])
        app[method === "GET" ? "get" : "post"](`/${work}`, (request, response, next) => {
          const [bytes, fields] = work === "prepare" ? sizesOf(request.url) : [0, 0];
          const answer = handlers[work]({ request, response }, bytes, fields);
          if (typeof answer === "string") return void response.type("text/plain").send(answer);
          answer.then((text) => response.type("text/plain").send(text), next);
        });
      app.use(fail);
      return listening(createServer(app));
    },
    cookies: ({ request }) => request.headers.cookie ?? "",
    setCookie: ({ response }, cookie) => void response.append("set-cookie", cookie),
  };
}

const fail: ErrorRequestHandler = (error, _request, response, next) => {
  console.error(error);
  if (response.headersSent) return next(error);
  response.status(500).end();
};
