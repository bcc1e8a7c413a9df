import { PassThrough } from "node:stream";
import { createReadableStreamFromReadable } from "@react-router/node";
import { isbot } from "isbot";
import { renderToPipeableStream } from "react-dom/server";
import {
  type EntryContext,
  type HandleErrorFunction,
  isRouteErrorResponse,
  ServerRouter,
} from "react-router";
import { sessions } from "./sessions.server";

export { addressContext, manager } from "./sessions.server";

export const handleError: HandleErrorFunction = (error, args) => {
  sessions.failed(error, args);
  // A page that is not there, or a client that has left, is no news.
  if (!isRouteErrorResponse(error) && !args.request.signal.aborted) console.error(error);
};

/** Answers as soon as the page stands; what it waits for comes later in the same answer. Robots get all of it at once. */
export default function handleRequest(
  request: Request,
  status: number,
  headers: Headers,
  context: EntryContext,
): Promise<Response> {
  headers.set("content-type", "text/html; charset=utf-8");
  return new Promise((resolve, reject) => {
    let stands = false;
    const ready = isbot(request.headers.get("user-agent")) ? "onAllReady" : "onShellReady";
    const { pipe, abort } = renderToPipeableStream(<ServerRouter context={context} url={request.url} />, {
      [ready]() {
        stands = true;
        const body = new PassThrough();
        resolve(new Response(createReadableStreamFromReadable(body), { status, headers }));
        pipe(body);
      },
      onShellError: reject,
      onError(error) {
        if (stands) console.error(error);
      },
    });
    request.signal.addEventListener("abort", () => abort());
  });
}
