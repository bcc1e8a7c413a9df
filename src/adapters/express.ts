import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnySession, RequestHooks } from "../index.ts";
import { NODE_OPTIONS, NodeSessions, type NodeSessionsOptions } from "./support/node-sessions.ts";
import { checkAdapter } from "./support/options.ts";
import { type ShownSession, shownSession, showSession } from "./support/shown-session.ts";
import { isUnexpected } from "./support/thrown.ts";

export type { Failure } from "./support/node-hold.ts";
export type { NodeSessionsOptions } from "./support/node-sessions.ts";

/** What is used of an Express request, 4 and 5 alike. */
export interface ExpressRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
}

export type ExpressNext = (error?: unknown) => void;

/** The middleware, and what goes with it. */
export interface ExpressSessions<S extends AnySession> {
  (request: ExpressRequest, response: ServerResponse, next: ExpressNext): void;
  /** The session of a request, typed; also where two managers share `request.session`. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(request: object): S;
  /**
   * An error middleware to mount before one's own, so that an unexpected error fails the request whatever status it is
   * answered with: `app.use(sessions.failed)`. Without it a request has failed when its status is 500 or above.
   */
  readonly failed: (
    error: unknown,
    request: ExpressRequest,
    response: ServerResponse,
    next: ExpressNext,
  ) => void;
}

/**
 * Sessions for Express 4 and 5, as middleware: `app.use(expressSessions(manager))`. Sets `request.session`, which
 * nothing else can be assigned to, unless another library has set that already; `of` works besides. A response is held from its first byte until everything the handlers changed is stored; a commit that fails becomes the response. A
 * session that cannot be read goes to `next` as an error with status 503.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function expressSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: NodeSessionsOptions<ExpressRequest> = {},
): ExpressSessions<S> {
  checkAdapter(manager, options, NODE_OPTIONS);
  const sessions = new NodeSessions<S, ExpressRequest>(manager, options);
  const shown = shownSession((request) => sessions.find(request));
  const middleware = (request: ExpressRequest, response: ServerResponse, next: ExpressNext): void => {
    begin(sessions, shown, request, response, next);
  };
  return Object.assign(middleware, {
    of: (request: object) => sessions.of(request),
    failed: (error: unknown, request: ExpressRequest, _response: ServerResponse, next: ExpressNext): void => {
      if (isUnexpected(error)) sessions.failed(request);
      next(error);
    },
  });
}

function begin<S extends AnySession>(
  sessions: NodeSessions<S, ExpressRequest>,
  shown: ShownSession<S>,
  request: ExpressRequest,
  response: ServerResponse,
  next: ExpressNext,
): void {
  if (!sessions.takes(request)) return next();
  const enter = (session: S): void => {
    showSession(request, "session", shown);
    sessions.within(session, () => next());
  };
  const begun = sessions.begin(request, response, {
    url: request.originalUrl ?? request.url ?? "/",
    mountPath: request.baseUrl ?? "",
    remoteAddress: sessions.address(request),
  });
  if (!(begun instanceof Promise)) return enter(begun);
  // What a later handler throws belongs to Express, not to this chain.
  begun.then(enter, next);
}
