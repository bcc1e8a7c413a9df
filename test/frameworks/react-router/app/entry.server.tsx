import { PassThrough } from "node:stream";
import { createRequestHandler as expressHandler } from "@react-router/express";
import { createReadableStreamFromReadable, createRequestListener } from "@react-router/node";
import express from "express";
import { reactRouterSessions, reactRouterSessionStorage } from "holdfast/adapters/react-router";
import { renderToPipeableStream } from "react-dom/server";
import {
  createCookieSessionStorage,
  createMemorySessionStorage,
  createRequestHandler,
  createSession,
  type EntryContext,
  type HandleErrorFunction,
  isSession,
  RouterContextProvider,
  ServerRouter,
} from "react-router";
import { key } from "./shared";

/** For the tests: the very modules that the application is built with, the package as it was built among them. */
export const tools = {
  createCookieSessionStorage,
  createMemorySessionStorage,
  createRequestHandler,
  createRequestListener,
  createSession,
  express,
  expressHandler,
  isSession,
  reactRouterSessions,
  reactRouterSessionStorage,
  RouterContextProvider,
};

export const handleError: HandleErrorFunction = (error, args) => {
  const app = args.context.get(key);
  if (app === null) console.error(error);
  else app.failed(error, args);
};

export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  context: EntryContext,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    let failed = false;
    const ready = request.headers.get("user-agent") === "bot" ? "onAllReady" : "onShellReady";
    const { pipe } = renderToPipeableStream(<ServerRouter context={context} url={request.url} />, {
      [ready]() {
        const body = new PassThrough();
        headers.set("content-type", "text/html");
        pipe(body);
        resolve(
          new Response(createReadableStreamFromReadable(body), { headers, status: failed ? 500 : status }),
        );
      },
      onShellError: reject,
      onError() {
        failed = true;
      },
    });
  });
}
