import { AsyncLocalStorage } from "node:async_hooks";
import { cookies, headers } from "next/headers.js";
import { after, connection, type NextFetchEvent, type NextRequest, NextResponse } from "next/server.js";
import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import { fetchSessions, type FetchSessions } from "./fetch.ts";
import { answerOf, isFailed } from "./next/control-flow.ts";
import { cookieLineAfter } from "./next/cookie-lines.ts";
import { type CookieJar, HeadersExchange } from "./next/exchange.ts";
import { forwarded } from "./next/forward.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";

export interface NextSessionsOptions {
  /** Requests for which this answers `false` get no session in route handlers and the proxy. Default: all get one. */
  only?(request: NextRequest): boolean;
  /** The client's address, for the list of devices, from the request's headers. Default: not known. */
  clientAddress?(headers: Headers): string | undefined;
  /** Keeps the platform alive for a touch that the response does not wait for. Default: Next's `after`. */
  waitUntil?(work: Promise<unknown>): void;
  /**
   * Whether what a handler or an action threw means that it failed. Not asked for what Next's own functions throw, such as
   * `redirect()` and `notFound()`, which are answers. Default: all but errors with a status below 500.
   */
  isFailure?(thrown: unknown): boolean;
  /**
   * Makes the response of a route handler or the proxy when a session cannot be loaded or a commit failed. Default: plain
   * text with status 409 or 503, not stored; what the application itself did wrong is thrown.
   */
  renderFailure?(error: unknown, request: Request): Response | Promise<Response>;
  /** The application's `basePath`, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

export interface NextSessions<S extends AnySession> {
  /**
   * Makes a route handler of one that takes a session as its second argument. It resolves when all that the handler
   * changed is stored. What `redirect()` and `notFound()` throw, and a thrown `Response`, become the answer.
   */
  route<R extends Request = NextRequest, Rest extends readonly unknown[] = []>(
    handler: (request: R, session: S, ...rest: Rest) => Response | Promise<Response>,
  ): (request: R, ...rest: Rest) => Promise<Response>;
  /**
   * Makes a server action of a function that takes a session as its first argument. What it changed is stored when it
   * returns, and before a `redirect()` leaves; an unexpected error drops it. Within another wrapped action it joins that.
   *
   * @throws what the function throws, and `ERR_SESSION_*` where the session cannot be loaded or saved; `ERR_SESSION_READ_ONLY`
   * when it is called while a page renders.
   */
  action<Args extends readonly unknown[], Result>(
    action: (session: S, ...args: Args) => Result | Promise<Result>,
  ): (...args: Args) => Promise<Result>;
  /**
   * The session of the current request, to be read: in server components, layouts and `generateMetadata`. Loaded once per
   * request. Changing it throws `ERR_SESSION_READ_ONLY`, and its values are frozen. Within a handler or an action of these
   * sessions it is theirs.
   *
   * @throws `ERR_SESSION_USE` in a page or route that is made without a request (`force-static`), and what loading throws.
   */
  read(): Promise<S>;
  /**
   * Makes the function of `proxy.ts`, or of `middleware.ts` in Next 15, of one that takes a session as its second argument.
   * All that it changed is stored before anything renders, and the rest of the request sees it. Returning nothing goes on.
   */
  proxy(
    handler: (request: NextRequest, session: S, event: NextFetchEvent) => ProxyAnswer | Promise<ProxyAnswer>,
  ): (request: NextRequest, event: NextFetchEvent) => Promise<Response>;
  /** The session of a request of a route handler or the proxy. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(request: Request): S;
  /** Puts a request's session headers on a response that was made outside the handler, for what the handler threw. */
  carry(request: Request, response: Response): Response;
}

type ProxyAnswer = Response | null | undefined | void;

const READING =
  "a server component has no answer of its own. Change it in a server action, a route handler or the proxy";

/**
 * Sessions for the App Router of Next: writable in route handlers, server actions and the proxy, to be read in server
 * components.
 *
 * ```ts
 * export const sessions = nextSessions(manager);
 * export const addToCart = sessions.action(async (session, form: FormData) => { … });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function nextSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: NextSessionsOptions = {},
): NextSessions<S> {
  checkAdapter(manager, options, RESPONSE_OPTIONS);
  const adapter = new NextAdapter<S>(manager, options);
  return {
    route: (handler) => adapter.route(handler),
    action:
      (action) =>
      (...args) =>
        adapter.act((session) => action(session, ...args)),
    read: () => adapter.read(),
    proxy: (handler) => adapter.proxy(handler),
    of: (request) => adapter.of(request),
    carry: (request, response) => adapter.carry(request, response),
  };
}

/** What a handler or an action is running with. */
interface Running<S> {
  readonly session: S;
  isOpen: boolean;
}

/** What is known of one request that shows nothing but its headers. */
interface Visit<S> {
  /** The line of its Cookie header, as an action before has changed it. */
  cookieLine: string | null;
  reading: Promise<S> | null;
  /** Actions of one request that follow each other see what the one before did. */
  turn: Promise<unknown>;
}

class NextAdapter<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #options: NextSessionsOptions;
  readonly #fetch: FetchSessions<S>;
  readonly #running: AsyncLocalStorage<Running<S>> = new AsyncLocalStorage();
  readonly #visits: WeakMap<Headers, Visit<S>> = new WeakMap();

  constructor(manager: RequestHooks<S>, options: NextSessionsOptions) {
    const { only, clientAddress, renderFailure, mountPath } = options;
    this.#manager = manager;
    this.#options = options;
    this.#fetch = fetchSessions(manager, {
      ...(only !== undefined && { only: (request) => only(request as NextRequest) }),
      ...(clientAddress !== undefined && { clientAddress: ({ headers }) => clientAddress(headers) }),
      ...(renderFailure !== undefined && {
        renderFailure: (error, request) => renderFailure(error, request),
      }),
      ...(mountPath !== undefined && { mountPath }),
      waitUntil: (work) => this.#keepAlive(work),
      isFailure: (thrown) => this.#isFailure(thrown),
    });
  }

  route<R extends Request, Rest extends readonly unknown[]>(
    handler: (request: R, session: S, ...rest: Rest) => Response | Promise<Response>,
  ): (request: R, ...rest: Rest) => Promise<Response> {
    const handle = this.#fetch.wrap<[R, ...Rest]>((_request, session, request, ...rest) =>
      this.#within(session, () => answered(() => handler(request, session, ...rest))),
    );
    return async (request, ...rest) => {
      await demandRequest();
      return await thrownOrReturned(() => handle(request, request, ...rest));
    };
  }

  proxy(
    handler: (request: NextRequest, session: S, event: NextFetchEvent) => ProxyAnswer | Promise<ProxyAnswer>,
  ): (request: NextRequest, event: NextFetchEvent) => Promise<Response> {
    const handle = this.#fetch.wrap<[NextRequest, NextFetchEvent]>((_request, session, request, event) =>
      this.#within(session, () =>
        answered(async () => (await handler(request, session, event)) ?? NextResponse.next(), request.url),
      ),
    );
    return async (request, event) => {
      const response = await thrownOrReturned(() => handle(request, request, event));
      const [setCookie] = this.carry(request, new Response()).headers.getSetCookie();
      return setCookie === undefined ? response : await forwarded(request, response, setCookie);
    };
  }

  async act<Result>(work: (session: S) => Result | Promise<Result>): Promise<Result> {
    const outer = this.#running.getStore();
    // An action inside another, or inside a route handler: the outermost commits, once.
    if (outer?.isOpen === true) return await work(outer.session);
    const [list, jar] = await Promise.all([headers(), cookies()]);
    if (!isOpenJar(jar)) {
      throw new SessionError(
        "ERR_SESSION_READ_ONLY",
        "This server action was called as a function while a page renders, or afterwards, when no cookie can be set any more.",
      );
    }
    const visit = this.#visitOf(list);
    const turn = visit.turn.then(() => this.#act(list, visit, jar, work));
    visit.turn = turn.catch(() => undefined);
    return await turn;
  }

  async read(): Promise<S> {
    const running = this.#running.getStore();
    if (running?.isOpen === true) return running.session;
    const list = await headers();
    refuseStatic(list);
    // With Cache Components, Next shows headers to what it prefetches for a visitor too, and calls whoever looks at the clock there unstable.
    await connection();
    const visit = this.#visitOf(list);
    visit.reading ??= this.#read(list, visit);
    return await visit.reading;
  }

  of(request: Request): S {
    return this.#fetch.of(request);
  }

  carry(request: Request, response: Response): Response {
    return this.#fetch.carry(request, response);
  }

  async #act<Result>(
    list: Headers,
    visit: Visit<S>,
    jar: CookieJar,
    work: (session: S) => Result | Promise<Result>,
  ): Promise<Result> {
    const manager = this.#manager;
    const exchange = this.#exchangeOf(list, visit, { jar });
    const session = await manager.startRequest(exchange);
    try {
      const result = await this.#within(session, () => manager.within(session, () => work(session)));
      await manager.finishSuccessfulRequest(exchange);
      return result;
    } catch (thrown) {
      await this.#finishThrown(exchange, thrown);
      throw thrown;
    } finally {
      for (const line of exchange.cookiesSet) visit.cookieLine = cookieLineAfter(visit.cookieLine, line);
      // The page that Next renders in this very request is to show what the action did.
      visit.reading = null;
    }
  }

  /** After a commit that failed both hooks do nothing more. */
  async #finishThrown(exchange: HeadersExchange, thrown: unknown): Promise<void> {
    const manager = this.#manager;
    if (!this.#isFailure(thrown)) return await manager.finishSuccessfulRequest(exchange);
    try {
      await manager.finishFailedRequest(exchange);
    } catch {
      // What the action threw says more than that its logout failed too.
    }
  }

  async #read(list: Headers, visit: Visit<S>): Promise<S> {
    const exchange = this.#exchangeOf(list, visit, { jar: null, readOnly: READING });
    const session = await this.#manager.startRequest(exchange);
    // Nothing can be staged, so what activity calls for is known already.
    await this.#manager.finishSuccessfulRequest(exchange);
    return session;
  }

  #exchangeOf(
    list: Headers,
    { cookieLine }: Visit<S>,
    rest: { readonly jar: CookieJar | null; readonly readOnly?: string },
  ): HeadersExchange {
    const { mountPath = "", clientAddress } = this.#options;
    return new HeadersExchange({
      headers: list,
      cookieLine,
      mountPath,
      remoteAddress: clientAddress?.(list),
      waitUntil: (work) => this.#keepAlive(work),
      ...rest,
    });
  }

  /** Next gives the same list to all parts of a request, and to each request its own. */
  #visitOf(list: Headers): Visit<S> {
    const known = this.#visits.get(list);
    if (known !== undefined) return known;
    const visit = { cookieLine: list.get("cookie"), reading: null, turn: Promise.resolve() };
    this.#visits.set(list, visit);
    return visit;
  }

  async #within<T>(session: S | undefined, work: () => T | Promise<T>): Promise<T> {
    // Left out by the option `only`.
    if (session === undefined) return await work();
    const running: Running<S> = { session, isOpen: true };
    try {
      return await this.#running.run(running, work);
    } finally {
      running.isOpen = false;
    }
  }

  #isFailure(thrown: unknown): boolean {
    if (answerOf(thrown) !== null) return false;
    return this.#options.isFailure?.(thrown) ?? isFailed(thrown);
  }

  #keepAlive(work: Promise<unknown>): void {
    const { waitUntil } = this.#options;
    if (waitUntil !== undefined) return waitUntil(work);
    try {
      after(work);
    } catch {
      // Outside of Next, as in a test of a route handler, the process stays.
    }
  }
}

/** What Next's functions throw becomes the answer they mean: on its own answer Next takes no header of ours. */
async function answered(work: () => Response | Promise<Response>, base?: string): Promise<Response> {
  try {
    return await work();
  } catch (thrown) {
    const answer = answerOf(thrown);
    if (answer === null) throw thrown;
    const { status, location: given } = answer;
    if (given === null) return new Response(null, { status });
    // A proxy has to name the whole address.
    const location = base === undefined ? given : new URL(given, base).href;
    return new Response(null, { status, headers: { location } });
  }
}

/** Next takes a `Response` only where it is returned. */
async function thrownOrReturned(work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof Response) return thrown;
    throw thrown;
  }
}

/** Keeps a route from being made at build time for everybody. Outside of Next, as in a test, there is no such danger. */
async function demandRequest(): Promise<void> {
  let list: Headers;
  try {
    list = await headers();
  } catch (error) {
    if (/outside a request scope/.test(String(error))) return;
    throw error;
  }
  refuseStatic(list);
}

/** Where Next makes a page without a request it shows no headers at all; to a real request it adds some by itself. */
function refuseStatic(list: Headers): void {
  if (list.has("x-forwarded-host") || list.has("host")) return;
  throw new SessionError(
    "ERR_SESSION_USE",
    'This page or route is made without a request, for everybody: it has no session. Drop dynamic = "force-static", or do not ask for the session here.',
  );
}

/** Next's jar of a page, which takes no cookies, is of another class than that of an action. */
function isOpenJar(jar: object): boolean {
  return !("clear" in jar);
}
