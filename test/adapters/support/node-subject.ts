import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";

import type { Session } from "../../../src/index.ts";
import type {
  AdapterSubject,
  Answer,
  Application,
  RouteContext,
  RunningApplication,
} from "../../../src/testing/index.ts";

/** What an adapter upon `node:http` gives to a route. */
export interface NodeView {
  readonly session: Session;
  of(which?: "first" | "second"): Session;
  redirect(location: string): unknown;
}

/** Ways in which a Node handler answers that a plain `end` does not show. */
const WAYS: Readonly<Record<string, (response: ServerResponse, text: string) => unknown>> = {
  "write, then end": (response, text) => {
    response.write(text.slice(0, 1));
    response.end(text.slice(1));
  },
  "writeHead with an object": (response, text) => response.writeHead(200, { "X-Way": "object" }).end(text),
  "writeHead with a raw array": (response, text) => response.writeHead(200, ["X-Way", "raw"]).end(text),
  "flushHeaders, then end": (response, text) => {
    response.flushHeaders();
    response.end(text);
  },
  "a pipe": (response, text) => Readable.from([...text]).pipe(response),
  "an end after the route returned": (response, text) => setImmediate(() => response.end(text)),
};

/** What every adapter upon `node:http` can do. */
export const NODE_ABILITIES: AdapterSubject["abilities"] = {
  sockets: true,
  "late changes": true,
  "thrown answers": "Node has no answer that could be thrown",
  "thrown errors": true,
  only: true,
  "two managers": true,
  streams: true,
};

export const NODE_WAYS: readonly string[] = Object.keys(WAYS);

/** A route's context over a request and response of Node. */
export function contextOf(request: IncomingMessage, response: ServerResponse, view: NodeView): RouteContext {
  const { searchParams } = new URL(request.url ?? "/", "http://localhost");
  return {
    session: view.session,
    of: (which) => view.of(which),
    query: (name) => searchParams.get(name),
    send(answer) {
      setHead(response, answer);
      response.end(answer.body);
    },
    redirect: (location) => view.redirect(location),
    stream: (answer, pieces) => stream(response, answer, pieces),
    throwAnswer() {
      throw new Error("Node has no answer that could be thrown.");
    },
    answerBy: (way, text) => WAYS[way]?.(response, text),
  };
}

async function stream(
  response: ServerResponse,
  answer: Omit<Answer, "body">,
  pieces: AsyncIterable<string>,
): Promise<void> {
  setHead(response, answer);
  response.flushHeaders();
  for await (const piece of pieces) response.write(piece);
  response.end();
}

function setHead(response: ServerResponse, { status = 200, headers = [] }: Answer): void {
  response.statusCode = status;
  for (const [name, value] of headers) response.appendHeader(name, value);
}

/** The status that a framework would answer an error with. */
export function statusOf(thrown: unknown): number {
  const { status, shownAs } = (thrown ?? {}) as { readonly status?: unknown; readonly shownAs?: unknown };
  const given = [status, shownAs].find((one) => typeof one === "number");
  return typeof given === "number" ? given : 500;
}

export function pathOf(request: { readonly url?: string | undefined }): string {
  return new URL(request.url ?? "/", "http://localhost").pathname;
}

/** Serves a request listener on a free port. */
export async function listening(listener: RequestListener): Promise<RunningApplication> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The `only` option of an adapter for an application's. */
export function onlyOf(application: Application): {
  only?: (request: { readonly url?: string | undefined }) => boolean;
} {
  const { only } = application;
  return only === undefined ? {} : { only: (request) => only(pathOf(request)) };
}
