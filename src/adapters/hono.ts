// Types only: Hono infers what a middleware adds to the context from its own `Context` and from no structure like it. The
// types come with Hono itself, so whoever uses this adapter has them.
import type { Context, MiddlewareHandler, Next } from "hono";
import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import { FetchExchange, type FetchView, isSpent, saysFailure } from "./support/fetch-exchange.ts";
import { complete, dress, headersSoFar, undress } from "./support/hono-context.ts";
import { checkAdapter } from "./support/options.ts";
import { isUnexpected, plainResponse } from "./support/thrown.ts";

export interface HonoSessionsOptions<Variable extends string = "session"> {
  /** The context variable that holds the session: `"admin"` for `c.var.admin`. Default: `"session"`. */
  readonly variable?: Variable;
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(c: Context): boolean;
  /** The client's address, for the list of devices: `getConnInfo(c).remote.address` of your runtime. Default: not known. */
  clientAddress?(c: Context): string | undefined;
  /**
   * Keeps the platform alive for a touch that the response does not wait for. Default: `c.executionCtx.waitUntil` where
   * there is one; elsewhere the response waits.
   */
  waitUntil?(work: Promise<unknown>, c: Context): void;
  /** Whether what a handler threw means that it failed. Default: all but errors with a status below 500. */
  isFailure?(thrown: unknown): boolean;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

/** What the middleware adds to the context, for `new Hono<SessionEnv<…>>()` and `createMiddleware<SessionEnv<…>>()`. */
export interface SessionEnv<S extends AnySession, Variable extends string = "session"> {
  Variables: { [Name in Variable]: S };
}

/** The middleware, and what goes with it. */
export interface HonoSessions<
  S extends AnySession,
  Variable extends string = "session",
> extends MiddlewareHandler<SessionEnv<S, Variable>> {
  /** The session of a request, typed, in whatever application of Hono's. @throws `ERR_SESSION_USE` for a context that has none here. */
  of(c: object): S;
}

/**
 * Sessions for Hono 4, as one middleware: `app.use(honoSessions(manager))`. Sets the context variable `session`. The
 * response is held until all that was changed below is stored. A session that cannot be read or saved is thrown as a
 * {@link SessionError} with status 503 or 409: `app.onError` answers then, and nothing of the handler's answer leaves.
 *
 * ```ts
 * const app = new Hono().use(honoSessions(manager));
 * app.get("/", (c) => c.text(`${c.var.session.increment("visits")}`));
 * ```
 *
 * Mounted twice, or in an application and its sub-application, the outermost loads and commits, once.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function honoSessions<S extends AnySession, Variable extends string = "session">(
  manager: RequestHooks<S>,
  options: HonoSessionsOptions<Variable> = {},
): HonoSessions<S, Variable> {
  checkAdapter(manager, options, {
    variable: "string",
    only: "function",
    clientAddress: "function",
    waitUntil: "function",
    isFailure: "function",
    mountPath: "string",
  });
  const adapter = new HonoAdapter<S>(manager, options);
  return Object.assign((c: Context, next: Next) => adapter.handle(c, next), {
    of: (c: object) => adapter.of(c),
  });
}

class HonoAdapter<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #options: HonoSessionsOptions<string>;
  /** Under it a context keeps its session of this adapter. */
  readonly #key: symbol = Symbol("holdfast.session");

  constructor(manager: RequestHooks<S>, options: HonoSessionsOptions<string>) {
    this.#manager = manager;
    this.#options = options;
  }

  async handle(c: Context, next: Next): Promise<void> {
    if (this.#find(c) !== undefined || this.#options.only?.(c) === false) return await next();
    const before = headersSoFar(c);
    const exchange = this.#exchangeOf(c);
    const session = await this.#begin(c, exchange);
    const outcome = await this.#outcomeOf(c, exchange, () => this.#manager.within(session, next));
    try {
      await this.#finish(exchange, outcome.failed);
    } catch (error) {
      if (!tellsOfFailure(c, outcome)) {
        undress(c, exchange, before);
        throw answering(c, error);
      }
    }
    if (outcome.kind === "answered") return dress(c, exchange);
    // What Hono renders for an error gets the headers of the response that is there by then.
    if (outcome.value instanceof Error) undress(c, exchange, before);
    throw outcome.value instanceof Response ? exchange.dressed(outcome.value) : outcome.value;
  }

  of(c: object): S {
    const session = this.#find(c);
    if (session !== undefined) return session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This context has no session here. Mount the middleware before this code, and see its option `only`; a mounted application has a context of its own.",
    );
  }

  #find(c: object): S | undefined {
    return (c as Record<symbol, S | undefined>)[this.#key];
  }

  #exchangeOf(c: Context): FetchExchange {
    return new FetchExchange(c.req.raw, new HonoView(c, this.#options));
  }

  async #begin(c: Context, exchange: FetchExchange): Promise<S> {
    try {
      const loading = this.#manager.startRequest(exchange);
      const session = loading instanceof Promise ? await loading : loading;
      (c as unknown as Record<symbol, S>)[this.#key] = session;
      c.set(this.#options.variable ?? "session", session);
      return session;
    } catch (error) {
      throw answering(c, error);
    }
  }

  /** Errors do not reject `next`: Hono has `app.onError` answer them on the way, and leaves them in `c.error`. */
  async #outcomeOf(c: Context, exchange: FetchExchange, run: () => Promise<void>): Promise<Outcome> {
    const isFailure = this.#options.isFailure ?? isUnexpected;
    try {
      await run();
      await complete(c);
      exchange.answer(c.res);
      const threw = c.error !== undefined && isFailure(c.error);
      return { kind: "answered", failed: threw || saysFailure(c.res) };
    } catch (value) {
      if (!(value instanceof Response)) {
        // What `app.onError` threw in its turn hides the error that it was given.
        const failed = isFailure(value) || (c.error !== undefined && isFailure(c.error));
        return { kind: "thrown", value, failed };
      }
      exchange.answer(value);
      return { kind: "thrown", value, failed: saysFailure(value) || isSpent(value) };
    }
  }

  async #finish(exchange: FetchExchange, failed: boolean): Promise<void> {
    const manager = this.#manager;
    const work = failed ? manager.finishFailedRequest(exchange) : manager.finishSuccessfulRequest(exchange);
    if (work !== undefined) await work;
  }
}

/** What became of everything below the middleware. */
type Outcome =
  | { readonly kind: "answered"; readonly failed: boolean }
  | { readonly kind: "thrown"; readonly value: unknown; readonly failed: boolean };

/** What a handler threw says more than that its logout failed too, as long as the client learns of a failure. */
function tellsOfFailure(c: Context, outcome: Outcome): boolean {
  return outcome.failed && (outcome.kind === "thrown" || saysFailure(c.res));
}

/** An error of the session's own, on its way to `app.onError`. */
function answering(c: Context, error: unknown): unknown {
  if (!SessionError.is(error)) return error;
  // An error handler that names no status would else answer with that of the handler, or 200.
  c.status(error.status as 503);
  // Hono's own handler asks for this response. What the application did wrong is left to it: it logs.
  if (error.status !== 500) {
    const getResponse = (): Response => plainResponse(error);
    Object.defineProperty(error, "getResponse", { value: getResponse, configurable: true });
  }
  return error;
}

/** A class, for the engine makes a shape of its own for each object that is written with a getter, which a request then costs it dearly. */
class HonoView implements FetchView {
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly #context: Context;
  readonly #options: HonoSessionsOptions<string>;

  constructor(c: Context, options: HonoSessionsOptions<string>) {
    this.mountPath = options.mountPath ?? "";
    this.remoteAddress = options.clientAddress?.(c);
    this.#context = c;
    this.#options = options;
  }

  get waitUntil(): ((work: Promise<unknown>) => void) | undefined {
    if (this.#options.waitUntil === undefined) return platformOf(this.#context);
    return (work) => this.#options.waitUntil?.(work, this.#context);
  }
}

function platformOf(c: Context): ((work: Promise<unknown>) => void) | undefined {
  try {
    const platform = c.executionCtx;
    return (work) => platform.waitUntil(work);
  } catch {
    // Hono throws where there is none.
    return undefined;
  }
}
