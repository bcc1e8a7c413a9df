import type { ServerResponse } from "node:http";
import { bodyOf, fetchBody, type NodeAsk, nodeBody, TooLarge } from "./endpoint/body.ts";
import type { AnySession } from "./index.ts";

export { MAX_BODY_BYTES, type NodeAsk, TooLarge } from "./endpoint/body.ts";

/** A request to something that Holdfast answers by itself: a list of devices, a provider's logout, a browser's registration of a key. */
export interface Ask {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  readonly address: string | null;
  /** The value of a header, lower-case name. */
  header(name: string): string | undefined;
  /**
   * The texts of a form, or of a JSON object; none of whatever else the body is, and none of a name that comes twice.
   *
   * @throws {@link TooLarge} for a body of over 64 KiB.
   */
  fields(): Promise<ReadonlyMap<string, string>>;
  /**
   * The body as a text, such as a signed token; empty where there is none, or where a parser made something else of it.
   *
   * @throws {@link TooLarge} for a body of over 64 KiB.
   */
  text(): Promise<string>;
}

export interface Answer {
  readonly status: number;
  /** A name may come several times. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Answers requests, with the session where one is at hand. Never throws for what a client sends. */
export type Endpoint<S extends AnySession | null = AnySession | null> = (
  ask: Ask,
  session: S,
) => Promise<Answer>;

/**
 * Makes an endpoint a function of the Fetch API, for every adapter whose handlers take a `Request`. It rejects with what the endpoint throws,
 * which is nothing that a client sends, and with `ERR_SESSION_USE` when the endpoint needs a body that somebody else has read.
 */
export function fetchEndpoint<S extends AnySession | null>(
  endpoint: Endpoint<S>,
): (request: Request, session: S) => Promise<Response> {
  return async (request, session) => {
    const { pathname, search } = new URL(request.url);
    const answer = await answered(endpoint, session, {
      method: request.method,
      url: pathname + search,
      address: null,
      header: (name) => request.headers.get(name) ?? undefined,
      ...bodyOf(request.headers.get("content-type"), () => fetchBody(request)),
    });
    const headers = new Headers();
    for (const [name, value] of answer.headers) headers.append(name, value);
    return new Response(answer.body === "" ? null : answer.body, { status: answer.status, headers });
  };
}

/**
 * Makes an endpoint a handler of Node's requests and responses, for `node:http`, Express, and what gives its raw pair. A body is taken from
 * `request.body` where a parser has read it, else from the request itself. What the endpoint throws goes to `next`, where that is given as
 * Express does, and else rejects: nothing that a client sends, but a client that leaves amid its body (status 400), and
 * `ERR_SESSION_USE` for a body that somebody has read and not left in `request.body`.
 *
 * @param sessionOf finds the request's session, such as `(request) => request.session`.
 */
export function nodeEndpoint<S extends AnySession | null, R extends NodeAsk>(
  endpoint: Endpoint<S>,
  sessionOf: (request: R) => S,
): (request: R, response: ServerResponse, next?: (error: unknown) => void) => Promise<void> {
  return async (request, response, next) => {
    try {
      send(await answered(endpoint, sessionOf(request), askOf(request)), response);
    } catch (error) {
      if (next === undefined) throw error;
      // Express 4 does not see what a handler rejects with.
      next(error);
    }
  };
}

function askOf(request: NodeAsk): Ask {
  return {
    method: request.method ?? "GET",
    url: request.originalUrl ?? request.url ?? "/",
    address: request.socket.remoteAddress ?? null,
    header: (name) => [request.headers[name]].flat().join(", ") || undefined,
    ...bodyOf(request.headers["content-type"] ?? null, () => nodeBody(request)),
  };
}

function send(answer: Answer, response: ServerResponse): void {
  response.statusCode = answer.status;
  const replaced = new Set<string>();
  for (const [name, value] of answer.headers) {
    const key = name.toLowerCase();
    // The cookies of others stay. Of every other header the endpoint's own value counts, and not a framework's default.
    if (key === "set-cookie" || replaced.has(key)) response.appendHeader(name, value);
    else response.setHeader(name, value);
    replaced.add(key);
  }
  response.end(answer.body);
}

/** An answer of JSON that no cache keeps. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return {
    status,
    headers: [
      ["Content-Type", "application/json"],
      ["Cache-Control", "no-store"],
    ],
    body: JSON.stringify(value),
  };
}

async function answered<S extends AnySession | null>(
  endpoint: Endpoint<S>,
  session: S,
  ask: Ask,
): Promise<Answer> {
  try {
    return await endpoint(ask, session);
  } catch (error) {
    if (error instanceof TooLarge) return jsonAnswer(413, { error: "too_large" });
    throw error;
  }
}
