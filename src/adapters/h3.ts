import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import { type App1, Application1 } from "./h3/application.ts";
import type { Event1, Event2, H3EventLike } from "./h3/events.ts";
import { type App2, Middleware2 } from "./h3/middleware.ts";
import { sessionOf, Settings } from "./h3/settings.ts";
import type { Failure } from "./support/node-hold.ts";
import type { NodeRequest } from "./support/node-exchange.ts";
import { NodeSessions } from "./support/node-sessions.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";

export type { H3EventLike } from "./h3/events.ts";
export type { Failure } from "./support/node-hold.ts";

// Methods, whose parameters are bivariant: an option may be written for the `H3Event` of one's own version.
export interface H3SessionsOptions {
  /** The name that the session has in `event.context`; a second manager needs another. Default: `session`. */
  readonly variable?: string;
  /** Events for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(event: H3EventLike): boolean;
  /**
   * The client's address, for the list of devices. Default: the other end of the connection, which may be a proxy; in h3 2
   * `event.req.ip`, which heeds the server's `trustProxy`.
   */
  clientAddress?(event: H3EventLike): string | undefined;
  /**
   * Keeps the platform alive for a touch that the response does not wait for. Default: what the runtime gives with the
   * request, where it does; elsewhere the response waits. A server of Node's needs none.
   */
  waitUntil?(work: Promise<unknown>, event: H3EventLike): void;
  /** Whether what a handler threw means that it failed. Default: all but errors with a status below 500. */
  isFailure?(thrown: unknown): boolean;
  /**
   * What is answered when a commit failed and it is too late to throw: the response had started, or its body is a stream.
   * Default: plain text with the error's status, 409 or 503, not stored.
   */
  renderFailure?(error: unknown): Failure;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

/** The middleware, and what goes with it. */
export interface H3Sessions<S extends AnySession> {
  /** Middleware of h3 2: `app.use(sessions)`, and in Nitro 3 the default export of a file of `server/middleware`. */
  (event: H3EventLike, next: () => unknown): Promise<unknown>;
  /**
   * Gives a whole application sessions. `sessions.plugin(app)` for an `App` of h3 1, the default export of a file of
   * `server/plugins` for Nuxt and Nitro 2, and `app.register(sessions.plugin)` for h3 2.
   *
   * @throws `ERR_SESSION_CONFIG` for what is no application.
   */
  readonly plugin: (application: object) => void;
  /**
   * The session of an event, typed; also where two managers share an application.
   *
   * @throws `ERR_SESSION_USE` for an event that has none here, and for one whose answer is cached for everybody.
   */
  of(event: H3EventLike): S;
}

/**
 * Sessions for h3, 1 and 2, and so for Nuxt and Nitro. Sets `event.context.session`; `of` works besides.
 *
 * What the handlers changed is stored before anything of the answer leaves. A session that cannot be read, and a commit that
 * fails, are errors for the application's error handler, with status 503 or 409. An error without a status below 500
 * fails the request: its changes are dropped, and a logout takes place. A request that the server makes of itself, with
 * `event.$fetch` or Nuxt's `useFetch`, is a part of the request around it and has the same session.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function h3Sessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: H3SessionsOptions = {},
): H3Sessions<S> {
  checkAdapter(manager, options, {
    variable: "string",
    ...RESPONSE_OPTIONS,
  });
  const { renderFailure } = options;
  const sessions = new NodeSessions<S, NodeRequest>(
    manager,
    renderFailure === undefined ? {} : { renderFailure },
  );
  const settings = new Settings(options);
  const application = new Application1(manager, sessions, settings);
  const middleware = new Middleware2(manager, sessions, settings);
  const handle = async (event: H3EventLike, next: () => unknown): Promise<unknown> => {
    if (typeof next !== "function") throw noMiddleware();
    return await middleware.handle(event as Event2, next);
  };
  return Object.assign(handle, {
    // To h3 1 it is a handler, which can say what is wrong.
    __is_handler__: true,
    plugin: (given: object): void => install(given, handle, { application, middleware }),
    of: (event: H3EventLike): S =>
      sessionOf(isOf1(event) ? application.find(event) : middleware.find(event as Event2)),
  });
}

/** An event of h3 1 has the request of Node where that of h3 2 has a `Request`. */
function isOf1(event: H3EventLike): event is Event1 {
  return "__is_event__" in event;
}

function install<S extends AnySession>(
  given: object,
  handle: unknown,
  { application, middleware }: { readonly application: Application1<S>; readonly middleware: Middleware2<S> },
): void {
  const { h3App, h3 } = given as { readonly h3App?: object; readonly h3?: object };
  const app = (h3App ?? h3 ?? given) as Partial<App1 & App2> & { readonly stack?: unknown };
  if (typeof app.handler === "function" && Array.isArray(app.stack)) application.install(app as App1);
  else if (typeof app.use === "function") middleware.install(app as App2, handle);
  else throw noApplication();
}

function noMiddleware(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    "h3 1 has no middleware around what comes after. Install the sessions by sessions.plugin(app), in Nuxt and Nitro 2 from a file of server/plugins.",
  );
}

function noApplication(): SessionError {
  return new SessionError(
    "ERR_SESSION_CONFIG",
    "The plugin takes an application of h3, or of Nitro 2. In Nitro 3 export the sessions from a file of server/middleware.",
  );
}
