import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { AnySession, RequestHooks } from "../index.ts";
import type { NodeRequest, NodeServerResponse } from "./support/node-exchange.ts";
import { NODE_OPTIONS, NodeSessions, type NodeSessionsOptions } from "./support/node-sessions.ts";
import { checkAdapter } from "./support/options.ts";
import { isUnexpected, isWorthPrinting } from "./support/thrown.ts";

export type { Failure } from "./support/node-hold.ts";
export type { NodeSessionsOptions } from "./support/node-sessions.ts";

export interface NodeHandlerOptions extends NodeSessionsOptions<NodeRequest> {
  /** Is told of every error that a handler threw; default: it is printed. The client sees a plain 500, or the error's status. */
  readonly onError?: (error: unknown, request: NodeRequest) => void;
}

/** A handler of `node:http` and of `node:http2`'s compatible API, with a session. */
export type NodeHandler<S extends AnySession> = {
  // A method's parameters are bivariant, so a handler may be written for one of the two kinds of server.
  bivariant(request: NodeRequest, response: NodeServerResponse, session: S): unknown;
}["bivariant"];

export interface NodeAdapter<S extends AnySession> {
  /** Makes a request listener: `createServer(sessions.wrap((request, response, session) => …))`. */
  wrap(
    handler: (request: IncomingMessage, response: ServerResponse, session: S) => unknown,
  ): (request: IncomingMessage, response: ServerResponse) => void;
  /** Makes a request listener for `http2.createServer` and `http2.createSecureServer`. */
  wrapHttp2(
    handler: (request: Http2ServerRequest, response: Http2ServerResponse, session: S) => unknown,
  ): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
  /** The session of a request. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(request: object): S;
}

/**
 * Sessions for handlers of `node:http` and `node:http2`. A response is held from its first byte until everything the
 * handler changed is stored. What a handler throws fails the request: its changes are dropped, a logout takes place, and
 * the client gets a plain error, unless the response had started.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function nodeSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: NodeHandlerOptions = {},
): NodeAdapter<S> {
  checkAdapter(manager, options, { ...NODE_OPTIONS, onError: "function" });
  const sessions = new NodeSessions<S, NodeRequest>(manager, options);
  const listener = (handler: NodeHandler<S>) => (request: NodeRequest, response: NodeServerResponse) =>
    serve(sessions, options, handler, request, response);
  return {
    wrap: (handler) => listener(handler),
    wrapHttp2: (handler) => listener(handler),
    of: (request) => sessions.of(request),
  };
}

/** Without an async function, which is a promise and a turn for each request: a handler runs in the turn that its session is there. */
function serve<S extends AnySession>(
  sessions: NodeSessions<S, NodeRequest>,
  options: NodeHandlerOptions,
  handler: NodeHandler<S>,
  request: NodeRequest,
  response: NodeServerResponse,
): void {
  const fail = (error: unknown): void => {
    try {
      answer(sessions, options, error, request, response);
    } catch (mistake) {
      lastResort(response, mistake);
    }
  };
  try {
    const running = run(sessions, handler, request, response);
    if (isThenable(running)) void Promise.resolve(running).catch(fail);
  } catch (error) {
    fail(error);
  }
}

function run<S extends AnySession>(
  sessions: NodeSessions<S, NodeRequest>,
  handler: NodeHandler<S>,
  request: NodeRequest,
  response: NodeServerResponse,
): unknown {
  if (!sessions.takes(request)) return handler(request, response, sessions.find(request) as S);
  const view = { url: request.url ?? "/", mountPath: "", remoteAddress: sessions.address(request) };
  const begun = sessions.begin(request, response, view);
  const enter = (session: S): unknown => sessions.within(session, () => handler(request, response, session));
  return begun instanceof Promise ? begun.then(enter) : enter(begun);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

/** What the application gave for errors has an error itself. It harms its own request, and never the process. */
function lastResort(response: NodeServerResponse, mistake: unknown): void {
  console.error(mistake);
  try {
    if (response.headersSent) throw mistake;
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    response.statusCode = 500;
    response.end("Internal Server Error\n");
  } catch {
    response.destroy();
  }
}

function answer<S extends AnySession>(
  sessions: NodeSessions<S, NodeRequest>,
  options: NodeHandlerOptions,
  error: unknown,
  request: NodeRequest,
  response: NodeServerResponse,
): void {
  if (isUnexpected(error)) sessions.failed(request);
  tell(options, error, request);
  if (response.headersSent) {
    // Half an answer must not look like a whole one.
    response.destroy();
    return;
  }
  const { status, headers, body } = sessions.renderThrown(error);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.statusCode = status;
  response.end(body);
}

function tell(options: NodeHandlerOptions, error: unknown, request: NodeRequest): void {
  if (options.onError !== undefined) options.onError(error, request);
  else if (isWorthPrinting(error)) console.error(error);
}
