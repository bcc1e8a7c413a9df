import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import { FetchExchange, isSpent, saysFailure } from "./support/fetch-exchange.ts";
import { type Known, withSession } from "./support/fetch-sessions.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";
import { isUnexpected, plainResponse } from "./support/thrown.ts";

/**
 * `Rest` is what the platform gives a handler after the request: `env` and `ctx`, `info`, `server`. Where it is not given,
 * it is read off `waitUntil`; the other options say by an annotation what they take of it.
 */
export interface FetchSessionsOptions<Rest extends readonly unknown[] = readonly unknown[]> {
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(request: Request, ...rest: readonly unknown[]): boolean;
  /** The client's address, for the list of devices. Default: not known. */
  clientAddress?(request: Request, ...rest: readonly unknown[]): string | undefined;
  /** Keeps the platform alive for a touch that the response does not wait for. Default: the response waits. */
  waitUntil?(work: Promise<unknown>, request: Request, ...rest: Rest): void;
  /**
   * Whether what a handler threw means that it failed; a thrown Response is judged by its status alone. Default: all but
   * errors with a status below 500.
   */
  isFailure?(thrown: unknown): boolean;
  /**
   * Makes the response when a session cannot be loaded or a commit failed. Default: plain text with status 409 or 503,
   * not stored; what the application itself did wrong is thrown. Throw the error to leave it all to a framework.
   */
  renderFailure?(error: unknown, request: Request, ...rest: readonly unknown[]): Response | Promise<Response>;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

export type FetchHandler<S extends AnySession, Rest extends readonly unknown[]> = (
  request: Request,
  session: S,
  ...rest: Rest
) => Response | Promise<Response>;

export interface FetchSessions<S extends AnySession, Rest extends readonly unknown[] = readonly unknown[]> {
  /**
   * Makes a Request → Response function of a handler that takes a session as its second argument. It resolves when all
   * that the handler changed is stored, and throws what the handler throws. For a request that `only` leaves out the
   * second argument is `undefined`.
   */
  wrap<Args extends Rest>(
    handler: FetchHandler<S, Args>,
  ): (request: Request, ...rest: Args) => Promise<Response>;
  /** The session of a request. @throws `ERR_SESSION_USE` for a request that has none here, such as a copy of one that has. */
  of(request: Request): S;
  /**
   * Puts a request's session headers on a response that was made outside the wrapped handler: by an error handler, for
   * what the wrapped handler threw. Gives the same response when there are none.
   */
  carry(request: Request, response: Response): Response;
}

/**
 * Sessions for handlers that take a `Request` and give a `Response`, on any runtime with the Fetch API. The response is
 * held until the commit is done; its body is passed on as the stream it is. Responses are never changed, but made anew
 * where they need a header of the session's.
 *
 * ```ts
 * const sessions = fetchSessions(manager);
 * export default { fetch: sessions.wrap((request, session) => new Response(`${session.increment("visits")}`)) };
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function fetchSessions<S extends AnySession, Rest extends readonly unknown[] = readonly unknown[]>(
  manager: RequestHooks<S>,
  options: FetchSessionsOptions<Rest> = {},
): FetchSessions<S, Rest> {
  checkAdapter(manager, options, RESPONSE_OPTIONS);
  const adapter = new FetchAdapter<S, Rest>(manager, options);
  return {
    wrap:
      (handler) =>
      (request, ...rest) =>
        adapter.handle(handler, request, rest),
    of: (request) => adapter.of(request),
    carry: (request, response) => adapter.carry(request, response),
  };
}

class FetchAdapter<S extends AnySession, Rest extends readonly unknown[]> {
  readonly #manager: RequestHooks<S>;
  readonly #options: FetchSessionsOptions<Rest>;
  readonly #known: WeakMap<Request, Known<S>> = new WeakMap();

  constructor(manager: RequestHooks<S>, options: FetchSessionsOptions<Rest>) {
    this.#manager = manager;
    this.#options = options;
  }

  async handle<Args extends Rest>(
    handler: FetchHandler<S, Args>,
    request: Request,
    rest: Args,
  ): Promise<Response> {
    // A handler inside another: the outermost commits, once.
    const outer = this.#known.get(request);
    if (outer !== undefined) return await handler(request, outer.session, ...rest);
    const { only, isFailure = isUnexpected, renderFailure = plainResponse } = this.#options;
    if (only?.(request, ...rest) === false) return await handler(request, undefined as never, ...rest);

    return await withSession(this.#manager, {
      exchange: this.#exchangeOf(request, rest),
      begun: (known) => void this.#known.set(request, known),
      handle: (session) => handler(request, session, ...rest),
      isFailure: (thrown) =>
        thrown instanceof Response ? saysFailure(thrown) || isSpent(thrown) : isFailure(thrown),
      render: (error) => renderFailure(error, request, ...rest),
    });
  }

  of(request: Request): S {
    const known = this.#known.get(request);
    if (known !== undefined) return known.session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This request has no session here. Ask with the very Request that the wrapped handler was given, and see the option `only`.",
    );
  }

  carry(request: Request, response: Response): Response {
    return this.#known.get(request)?.exchange.redressed(response) ?? response;
  }

  #exchangeOf(request: Request, rest: Rest): FetchExchange {
    const options = this.#options;
    return new FetchExchange(request, {
      mountPath: options.mountPath ?? "",
      remoteAddress: options.clientAddress?.(request, ...rest),
      waitUntil: options.waitUntil && ((work) => options.waitUntil?.(work, request, ...rest)),
    });
  }
}
