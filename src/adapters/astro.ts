import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import { FetchExchange } from "./support/fetch-exchange.ts";
import { type Known, withSession } from "./support/fetch-sessions.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";
import { plainResponse } from "./support/thrown.ts";

/** What is used of Astro's context, and of the `Astro` global of a page. */
export interface AstroContext {
  readonly request: Request;
  readonly url: URL;
  /** `App.Locals` of the application. */
  readonly locals: object;
  /** The page is made at build time. */
  readonly isPrerendered: boolean;
  readonly clientAddress: string;
}

// Methods, whose parameters are bivariant: an option may be written for Astro's own `APIContext`.
export interface AstroSessionsOptions {
  /** The name under which `context.locals` has the session: `"admin"` for `Astro.locals.admin`. Default: `"session"`. */
  readonly local?: string;
  /** Requests for which this answers `false` get no session: images, health checks. Default: all get one. */
  only?(context: AstroContext): boolean;
  /** The client's address, for the list of devices. Default: `context.clientAddress`, which may be a proxy's. */
  clientAddress?(context: AstroContext): string | undefined;
  /** Keeps the platform alive for a touch that the response does not wait for. Default: the response waits. */
  waitUntil?(work: Promise<unknown>, context: AstroContext): void;
  /**
   * Whether what a page, an endpoint or a later middleware threw means that it failed. Default: all of it does, for
   * Astro answers with status 500.
   */
  isFailure?(thrown: unknown): boolean;
  /**
   * Makes the response when a session cannot be loaded or a commit failed. Default: plain text with status 409 or 503,
   * not stored; what the application itself did wrong is thrown.
   */
  renderFailure?(error: unknown, context: AstroContext): Response | Promise<Response>;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`: `base` of the configuration. Default: at the root. */
  readonly mountPath?: string;
}

/** The middleware, and what goes with it. */
export interface AstroSessions<S extends AnySession> {
  /** The middleware. It composes with others by `sequence`, and comes before those that use the session. */
  onRequest(context: AstroContext, next: () => Promise<Response>): Promise<Response>;
  /**
   * The session of a context, typed: in endpoints, actions, later middleware, and of `Astro` in a page.
   *
   * @throws `ERR_SESSION_USE` for a context that has none here.
   */
  of(context: Pick<AstroContext, "request" | "locals">): S;
}

/**
 * Sessions for Astro 5 and later, as middleware: `src/middleware.ts` exports `onRequest`. Sets `context.locals.session`;
 * `context.session` is Astro's own, and another thing. The response is held until all that the page's own code, actions,
 * endpoints and later middleware changed is stored. Components of a page run while it is streamed: verbs that change the session throw
 * `ERR_SESSION_SENT` there, unless they run before its first await point.
 *
 * ```ts
 * const sessions = astroSessions(manager);
 * export const onRequest = sessions.onRequest;
 * ```
 *
 * Nothing is stored for a page that is prerendered.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function astroSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: AstroSessionsOptions = {},
): AstroSessions<S> {
  checkAdapter(manager, options, {
    local: "string",
    ...RESPONSE_OPTIONS,
  });
  const adapter = new AstroAdapter<S>(manager, options);
  return {
    onRequest: (context, next) => adapter.onRequest(context, next),
    of: (context) => adapter.of(context),
  };
}

/** A run of the middleware. Astro runs it again within itself for a rewrite, and after itself for an error page. */
interface Run<S extends AnySession> extends Known<S> {
  isOver: boolean;
}

type Next = () => Promise<Response>;

class AstroAdapter<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #options: AstroSessionsOptions;
  /** By request and by locals: a rewrite has another request, and an error page may have other locals. */
  readonly #runs: WeakMap<object, Run<S>> = new WeakMap();

  constructor(manager: RequestHooks<S>, options: AstroSessionsOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  async onRequest(context: AstroContext, next: Next): Promise<Response> {
    const before = this.#find(context);
    // In a rewrite the run around this one commits.
    if (before?.isOver === false) return await next();
    if (this.#options.only?.(context) === false) return await next();
    return await this.#answer(context, next, before?.exchange);
  }

  of(context: Pick<AstroContext, "request" | "locals">): S {
    const run = this.#find(context);
    if (run !== undefined) return run.session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This context has no session here. Export onRequest from src/middleware.ts, before middleware that uses the session, and see the option `only`.",
    );
  }

  #find({ request, locals }: Pick<AstroContext, "request" | "locals">): Run<S> | undefined {
    return this.#runs.get(request) ?? this.#runs.get(locals);
  }

  #remember({ request, locals }: AstroContext, run: Run<S>): void {
    this.#runs.set(request, run);
    this.#runs.set(locals, run);
    (locals as Record<string, S>)[this.#options.local ?? "session"] = run.session;
  }

  async #answer(context: AstroContext, next: Next, before: FetchExchange | undefined): Promise<Response> {
    const { isFailure = () => true, renderFailure = plainResponse } = this.#options;
    const exchange = this.#exchangeOf(context, before);
    let run: Run<S> | undefined;
    let isRefused = false;
    try {
      const response = await withSession(this.#manager, {
        exchange,
        begun: (known) => {
          run = Object.assign(known, { isOver: false });
          // At build time there is no visitor, and nothing is to be stored of one.
          run.failed = context.isPrerendered;
          this.#remember(context, run);
        },
        // What it is given would be a path to rewrite to.
        handle: () => next(),
        isFailure: (thrown) => thrown instanceof Response || isFailure(thrown),
        render: (error) => {
          isRefused = true;
          return renderFailure(error, context);
        },
      });
      return isRefused ? withoutCookies(response) : response;
    } catch (thrown) {
      if (!exchange.bearsCookie) throw thrown;
      // Astro would make its answer anew. Of this one it keeps the headers, and makes the body of its error page.
      console.error(thrown);
      return withoutCookies(exchange.redressed(new Response(null, { status: 500 })));
    } finally {
      if (run !== undefined) run.isOver = true;
    }
  }

  #exchangeOf(context: AstroContext, before: FetchExchange | undefined): FetchExchange {
    const { mountPath = "", clientAddress = addressOf, waitUntil } = this.#options;
    const { isPrerendered } = context;
    // Astro warns of each look at the headers of a request that nobody made.
    const request = isPrerendered ? new Request(context.url) : context.request;
    return new FetchExchange(request, {
      mountPath,
      remoteAddress: isPrerendered ? undefined : clientAddress(context),
      waitUntil: waitUntil && ((work) => waitUntil(work, context)),
      isCookieless: isPrerendered,
      // An error page is the client's next page, as it were: it knows of the answer that it takes the place of.
      cookieLines: before?.nextCookieLines,
    });
  }
}

/** Keeps Astro from putting the cookies of an answer that failed, which it keeps apart from the answer, onto another. */
function withoutCookies(response: Response): Response {
  return Object.defineProperty(response, Symbol.for("astro.cookies"), { value: undefined, writable: false });
}

function addressOf(context: AstroContext): string | undefined {
  try {
    return context.clientAddress;
  } catch {
    // Not every platform knows it, and Astro throws to say so.
    return undefined;
  }
}
