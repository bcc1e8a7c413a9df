import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { listening } from "./listening.ts";
import { type Framework, type Handlers, ROUTES, sizesOf, type Work } from "../handlers/handlers.ts";

export interface NodeContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

type Wrap = (listener: RequestListener) => RequestListener;

/** Without a framework: a table of paths. @param wrap what stands before it. */
export function onNode(wrap: Wrap = (listener) => listener): Framework<NodeContext> {
  return {
    serve: (handlers) => listening(createServer(wrap(listenerOf(handlers)))),
    cookies: ({ request }) => request.headers.cookie ?? "",
    setCookie: ({ response }, cookie) => void response.setHeader("set-cookie", cookie),
  };
}

function listenerOf(handlers: Handlers<NodeContext>): RequestListener {
  const table = new Map(
    (Object.keys(ROUTES) as Work[]).map((work) => [`/${work}`, handlers[work].bind(handlers)]),
  );
  return (request, response) => {
    const { url = "/" } = request;
    const mark = url.indexOf("?");
    const handler = table.get(mark < 0 ? url : url.slice(0, mark));
    if (handler === undefined) return void response.writeHead(404).end();
    const [bytes, fields] = mark < 0 ? NO_SIZES : sizesOf(url);
    // What it throws at once is the wrapper's.
    const answer = handler({ request, response }, bytes, fields);
    if (typeof answer === "string") return send(response, answer);
    return answer.then(
      (text) => send(response, text),
      (error: unknown) => {
        console.error(error);
        response.writeHead(500).end();
      },
    );
  };
}

const NO_SIZES: [number, number] = [0, 0];

function send(response: ServerResponse, text: string): void {
  response.setHeader("content-type", "text/plain");
  response.end(text);
}
