import type { AnyElysia, Elysia } from "elysia";
import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import {
  answeredStatus,
  dropAnswer,
  type ElysiaContext,
  type ElysiaLike,
  type ElysiaSet,
  isFailureOf,
  wrapFetch,
} from "./elysia/context.ts";
import { FetchExchange, isSpent, saysFailure } from "./support/fetch-exchange.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";
import { checkText, isStreamLike } from "./support/sendable.ts";
import { plainResponse } from "./support/thrown.ts";

/** Whose routes have the session in their context, in Elysia's words. */
type Scope = "local" | "scoped" | "global";

export interface ElysiaSessionsOptions<Name extends string = "session", As extends Scope = "global"> {
  /** The name that the session has in the context; a second manager needs another. Default: `session`. */
  readonly name?: Name;
  /**
   * Whose routes have it in their context: of the instance that uses the plugin (`local`), of the one above as well
   * (`scoped`), or of all above (`global`). Default: `global`.
   */
  readonly as?: As;
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(request: Request): boolean;
  /** The client's address, for the list of devices. Default: that of Bun's server, where there is one. */
  clientAddress?(request: Request): string | undefined;
  /** Keeps the platform alive for a touch that the response does not wait for. Default: the response waits. */
  waitUntil?(work: Promise<unknown>, request: Request): void;
  /** Whether what was thrown means that the request failed. Default: all but errors and answers with a status below 500. */
  isFailure?(thrown: unknown): boolean;
  /**
   * Makes the response when a commit failed and `onError` cannot answer any more: the answer is a stream. Default: plain
   * text with status 409 or 503, not stored.
   */
  renderFailure?(error: unknown, request: Request): Response | Promise<Response>;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

interface Nothing {
  decorator: {};
  store: {};
  derive: {};
  resolve: {};
}

interface Unscoped {
  derive: {};
  resolve: {};
  schema: {};
  standaloneSchema: {};
  response: {};
}

type Derived<Name extends string, S> = { readonly [K in Name]: S };
type With<Base, D> = Omit<Base, "derive"> & { derive: D };
type Definitions = { typebox: {}; error: {} };
type Metadata = { schema: {}; standaloneSchema: {}; macro: {}; macroFn: {}; parser: {}; response: {} };

/** What the plugin adds to an instance, as Elysia's types tell it. */
export type WithSessions<S, Name extends string, As extends Scope> = As extends "global"
  ? Elysia<"", With<Nothing, Derived<Name, S>>>
  : As extends "scoped"
    ? Elysia<"", Nothing, Definitions, Metadata, {}, With<Unscoped, Derived<Name, S>>>
    : Elysia<"", Nothing, Definitions, Metadata, {}, Unscoped, With<Unscoped, Derived<Name, S>>>;

/** The plugin, and what goes with it. */
export interface ElysiaSessions<S extends AnySession, Name extends string, As extends Scope> {
  (app: AnyElysia): WithSessions<S, Name, As>;
  /** The session of a request, or of a context. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(source: Request | { readonly request: Request }): S;
}

/**
 * Sessions for Elysia, as a plugin: `new Elysia().use(elysiaSessions(manager))`. Gives contexts a typed `session`. A
 * response is held until all that was changed is stored. A session that cannot be read or saved is an error for `onError`,
 * with status 503 or 409. An error without a status below 500 fails the request: its changes are dropped, and a logout
 * takes place.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function elysiaSessions<
  S extends AnySession,
  Name extends string = "session",
  As extends Scope = "global",
>(manager: RequestHooks<S>, options: ElysiaSessionsOptions<Name, As> = {}): ElysiaSessions<S, Name, As> {
  checkAdapter(manager, options, {
    name: "string",
    as: "string",
    ...RESPONSE_OPTIONS,
  });
  const adapter = new ElysiaAdapter<S>(manager, options);
  return Object.assign(
    (app: AnyElysia) => adapter.install(app as unknown as ElysiaLike) as unknown as WithSessions<S, Name, As>,
    { of: (source: Request | { readonly request: Request }) => adapter.of(source) },
  );
}

/** A request on its way. */
interface Known<S extends AnySession> {
  readonly exchange: FetchExchange;
  session: S | null;
  /** The session could not be read: told to the first who asks for it. */
  unread: { readonly error: unknown } | null;
  /** Something was thrown, and `onError` has answered it. */
  threw: boolean;
  failed: boolean;
}

let adapters = 0;

class ElysiaAdapter<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #options: ElysiaSessionsOptions<string, Scope>;
  readonly #known: WeakMap<Request, Known<S>> = new WeakMap();
  /** Elysia takes two wrappers of the same text for one. */
  readonly #text: string = `holdfast ${(adapters += 1)}`;

  constructor(manager: RequestHooks<S>, options: ElysiaSessionsOptions<string, Scope>) {
    this.#manager = manager;
    this.#options = options;
  }

  install(app: ElysiaLike): ElysiaLike {
    const { name = "session", as = "global" } = this.#options;
    wrapFetch(app, this.#text, (request, run, server) => this.#handle(request, run, server));
    app
      .onError({ as: "global" }, ({ request, error }) => this.#threw(request, error))
      .derive({ as }, ({ request, set }) => ({ [name]: this.#sessionIn(request, set) }));
    // Not compiled, Elysia answers an error of such a hook with what the handler returned.
    if (app.config.aot === false) return app;
    // Not in `mapResponse`, which runs for the answers of `onError` as well, and is not waited for there before Elysia 1.4.30.
    return app.onAfterHandle({ as }, async (context) => await this.#commit(context));
  }

  of(source: Request | { readonly request: Request }): S {
    const request = "request" in source ? source.request : source;
    const known = this.#known.get(request);
    if (known?.unread != null) throw known.unread.error;
    if (known?.session != null) return known.session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This request has no session here. Use the plugin before this code, on the instance that serves, and see its option `only`.",
    );
  }

  /** What a context gets. A request that is left out has none, and one whose session cannot be read has an error. */
  #sessionIn(request: Request, set: ElysiaSet): S | undefined {
    const known = this.#known.get(request);
    if (known?.unread != null) {
      // An `onError` that sets no status would else answer with 200 where Elysia is not compiled.
      dropAnswer(set, known.unread.error);
      throw known.unread.error;
    }
    if (known !== undefined) return known.session ?? undefined;
    if (this.#options.only?.(request) === false) return undefined;
    return this.of(request);
  }

  async #handle(
    request: Request,
    run: () => unknown,
    server: { requestIP?(request: Request): { readonly address: string } | null } | null,
  ): Promise<unknown> {
    // An instance within another: the outermost loads and commits, once.
    if (this.#known.has(request) || this.#options.only?.(request) === false) return await run();
    const known = await this.#begin(request, server);
    const { session, exchange } = known;
    if (session === null) return await run();
    const response = await this.#answerOf(known, session, run);
    // A connection that goes on as a WebSocket has no response.
    if (!isResponse(response)) {
      await this.#manager.abandon(exchange);
      return response;
    }
    exchange.answer(response);
    const failed = known.failed || saysFailure(response) || isSpent(response);
    try {
      await (failed
        ? this.#manager.finishFailedRequest(exchange)
        : this.#manager.finishSuccessfulRequest(exchange));
    } catch (error) {
      // What was thrown says more than that its logout failed too, and is a failure all the same.
      if (!saysFailure(response)) return exchange.redressed(await this.#rendered(error, request));
    }
    return exchange.dressed(response);
  }

  async #answerOf(known: Known<S>, session: S, run: () => unknown): Promise<unknown> {
    try {
      return await this.#manager.within(session, async () => await run());
    } catch (error) {
      // Elysia could not make an answer: it takes no `undefined` for an error, for one.
      await this.#manager.finishFailedRequest(known.exchange);
      throw error;
    }
  }

  async #begin(
    request: Request,
    server: { requestIP?(request: Request): { readonly address: string } | null } | null,
  ): Promise<Known<S>> {
    const { mountPath = "", clientAddress, waitUntil } = this.#options;
    const exchange = new FetchExchange(request, {
      mountPath,
      remoteAddress:
        clientAddress === undefined ? server?.requestIP?.(request)?.address : clientAddress(request),
      waitUntil: waitUntil && ((work) => waitUntil(work, request)),
    });
    const known: Known<S> = { exchange, session: null, unread: null, threw: false, failed: false };
    this.#known.set(request, known);
    try {
      known.session = await this.#manager.startRequest(exchange);
    } catch (error) {
      known.unread = { error };
    }
    return known;
  }

  #threw(request: Request, error: unknown): void {
    const known = this.#known.get(request);
    const isFailure = this.#options.isFailure ?? isFailureOf;
    if (known === undefined) return;
    known.threw = true;
    known.failed ||= isFailure(error);
  }

  /** Commits while `onError` can still answer; what cannot be judged yet, such as a stream, is left to the end. */
  async #commit(context: ElysiaContext): Promise<void> {
    const known = this.#known.get(context.request);
    if (known === undefined || known.session === null || known.threw) return;
    const value = "responseValue" in context ? context.responseValue : context.response;
    if (answeredStatus(value, context.set) >= 500 || isStreamLike(value)) return;
    try {
      await this.#manager.commitEarly(known.exchange, () => checkText(value));
    } catch (error) {
      known.failed = true;
      dropAnswer(context.set, error);
      throw error;
    }
  }

  async #rendered(error: unknown, request: Request): Promise<Response> {
    const { renderFailure } = this.#options;
    if (renderFailure !== undefined) return await renderFailure(error, request);
    if (SessionError.is(error) && error.status !== 500) return plainResponse(error);
    // What the application did wrong: it is too late for `onError`, and nobody else would tell.
    console.error(error);
    return new Response("Internal Server Error\n", { status: 500, headers: { "cache-control": "no-store" } });
  }
}

function isResponse(value: unknown): value is Response {
  return typeof (value as { readonly status?: unknown } | undefined)?.status === "number";
}
