import { AsyncLocalStorage } from "node:async_hooks";
import type { AnySession, RequestHooks } from "../index.ts";
import { cookieValues, SessionError } from "../index.ts";
import { FetchExchange } from "./support/fetch-exchange.ts";
import { type Known, withSession } from "./support/fetch-sessions.ts";
import { checkAdapter, RESPONSE_OPTIONS } from "./support/options.ts";
import { isUnexpected, isWorthPrinting } from "./support/thrown.ts";
import { failureAnswer, redirectAnswer, settled, thrownAnswer } from "./sveltekit/answers.ts";
import { type Client, clientOf, platformOf, type SvelteKitEvent } from "./sveltekit/event.ts";

export type { SvelteKitEvent } from "./sveltekit/event.ts";

// Methods, whose parameters are bivariant: an option may be written for SvelteKit's own `RequestEvent`.
export interface SvelteKitSessionsOptions {
  /** The name under which `event.locals` has the session: `"admin"` for `event.locals.admin`. Default: `"session"`. */
  readonly local?: string;
  /** Requests for which this answers `false` get no session: health checks, webhooks. Default: all get one. */
  only?(event: SvelteKitEvent): boolean;
  /** The client's address, for the list of devices. Default: `event.getClientAddress()`, which may be a proxy's. */
  clientAddress?(event: SvelteKitEvent): string | undefined;
  /**
   * Keeps the platform alive for a touch that the response does not wait for. Default: `event.platform.ctx.waitUntil`
   * where there is one, as on Cloudflare; elsewhere the response waits.
   */
  waitUntil?(work: Promise<unknown>, event: SvelteKitEvent): void;
  /**
   * Whether an error that SvelteKit reports, or that a later `handle` throws, means that the request failed. Default: all
   * but those with a status below 500.
   */
  isFailure?(error: unknown): boolean;
  /**
   * Makes the response when a session cannot be loaded or a commit failed. Default: status 409 or 503 as SvelteKit's own
   * client understands it, in plain text or JSON; what the application itself did wrong is thrown. Throwing
   * `error(503, …)` of `@sveltejs/kit` gives the application's `error.html`.
   */
  renderFailure?(error: unknown, event: SvelteKitEvent): Response | Promise<Response>;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`: `base` of `$app/paths`. Default: at the root. */
  readonly mountPath?: string;
}

/** What a `handle` hook is given. */
export interface HandleInput<Event> {
  readonly event: Event;
  resolve(event: Event): Response | Promise<Response>;
}

/** What a `handleError` hook is given, as far as it is used here. */
export interface HandleErrorInput {
  readonly error: unknown;
  readonly event: SvelteKitEvent;
}

/** The hooks, and what goes with them. */
export interface SvelteKitSessions<S extends AnySession> {
  /** The `handle` hook. It composes with others by `sequence`, and comes before those that use the session. */
  handle<Event extends SvelteKitEvent>(input: HandleInput<Event>): Promise<Response>;
  /**
   * Makes the `handleError` hook, by which an unexpected error fails its request although SvelteKit answers it with
   * status 200, as for data that its client asks for. Takes the application's own hook, and gives what that gives. Without one
   * it prints unexpected errors, as SvelteKit does by itself.
   */
  handleError<Hook extends (input: never) => unknown>(hook: Hook): Hook;
  handleError(): (input: HandleErrorInput) => void;
  /**
   * The session of an event, typed: in `load`, actions, endpoints and later hooks, and of `getRequestEvent()`.
   *
   * @throws `ERR_SESSION_USE` for an event that has none here.
   */
  of(event: SvelteKitEvent): S;
}

/**
 * Sessions for SvelteKit 2 and 3, as hooks of `src/hooks.server.ts`. Sets `event.locals.session`. The response is held until
 * all that `load`, actions, endpoints and later hooks changed is stored; what is streamed after it may read the session, and
 * verbs that change it throw `ERR_SESSION_SENT`.
 *
 * ```ts
 * const sessions = sveltekitSessions(manager);
 * export const handle = sessions.handle;
 * export const handleError = sessions.handleError();
 * ```
 *
 * A request that `event.fetch` makes to the application itself shares the session of the page that it is made for, and the
 * page commits for both. Nothing is stored for a page that is prerendered.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager; from `handle`, when `handleError` was never made.
 */
export function sveltekitSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: SvelteKitSessionsOptions = {},
): SvelteKitSessions<S> {
  checkAdapter(manager, options, {
    local: "string",
    ...RESPONSE_OPTIONS,
  });
  const adapter = new SvelteKitAdapter<S>(manager, options);
  return {
    handle: (input) => adapter.handle(input),
    handleError: (hook?: Report) => adapter.reporting(hook) as never,
    of: (event) => adapter.of(event),
  };
}

type Report = (input: HandleErrorInput) => unknown;

class SvelteKitAdapter<S extends AnySession> {
  readonly #manager: RequestHooks<S>;
  readonly #options: SvelteKitSessionsOptions;
  /** By request and by locals: SvelteKit copies events, and some copies have another request. */
  readonly #known: WeakMap<object, Known<S>> = new WeakMap();
  /** Inside a request, what a request within it shares. */
  readonly #outer: AsyncLocalStorage<Known<S>> = new AsyncLocalStorage();
  #report: Report | null = null;

  constructor(manager: RequestHooks<S>, options: SvelteKitSessionsOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  async handle<Event extends SvelteKitEvent>({ event, resolve }: HandleInput<Event>): Promise<Response> {
    this.#demandReports();
    if (this.#find(event) !== undefined || this.#options.only?.(event) === false) return await resolve(event);
    const shared = this.#shared(event);
    if (shared !== undefined) {
      // Its failure is for the code to judge that made the request, so it fails nobody else.
      this.#remember(event, { ...shared, failed: false });
      return await resolve(event);
    }
    return await this.#answer(event, () => resolve(event));
  }

  reporting(hook: Report = printUnexpected): Report {
    this.#report = hook;
    return (input) => {
      const known = this.#find(input.event);
      if (known !== undefined && this.#isFailure(input.error)) known.failed = true;
      return hook(input);
    };
  }

  of(event: SvelteKitEvent): S {
    const known = this.#find(event);
    if (known !== undefined) return known.session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This event has no session here. Export handle from src/hooks.server.ts, before hooks that use the session, and see the option `only`.",
    );
  }

  #find({ request, locals }: SvelteKitEvent): Known<S> | undefined {
    return this.#known.get(request) ?? this.#known.get(locals);
  }

  #remember({ request, locals }: SvelteKitEvent, known: Known<S>): void {
    this.#known.set(request, known);
    this.#known.set(locals, known);
    (locals as Record<string, S>)[this.#options.local ?? "session"] = known.session;
  }

  async #answer(event: SvelteKitEvent, resolve: () => Response | Promise<Response>): Promise<Response> {
    const client = clientOf(event);
    const exchange = this.#exchangeOf(event, client);
    let known: Known<S>;
    try {
      const response = await withSession(this.#manager, {
        exchange,
        begun: (begun) => {
          known = begun;
          // At build time there is no visitor, and nothing is to be stored of one.
          known.failed = client.isBuild;
          this.#remember(event, known);
        },
        handle: () => this.#outer.run(known, resolve),
        // SvelteKit answers a thrown `Response` with status 500, like any other value that is no error of its own.
        isFailure: (thrown) => thrown instanceof Response || this.#isFailure(thrown),
        render: (error) => (this.#options.renderFailure ?? failureAnswer)(error, event),
      });
      return settled(event, exchange, response);
    } catch (thrown) {
      return await this.#answerFor(thrown, event, exchange);
    }
  }

  /** The session of the request that this one is made within, where it is made in the same visitor's name. */
  #shared(event: SvelteKitEvent): Known<S> | undefined {
    const outer = event.isSubRequest ? this.#outer.getStore() : undefined;
    if (outer === undefined || event.request.credentials === "omit") return undefined;
    return this.#presented(outer.exchange.cookieLines) === this.#presented(linesOf(event))
      ? outer
      : undefined;
  }

  /** What a Cookie header says of the session. */
  #presented(lines: readonly string[]): string {
    // The manager of an application without sessions has no policy, and no cookie.
    const { describePolicy } = this.#manager as { describePolicy?(): { cookie: { name: string } } };
    const name = describePolicy?.call(this.#manager).cookie.name;
    return name === undefined ? "" : cookieValues(lines, name).join();
  }

  #exchangeOf(event: SvelteKitEvent, { address, isBuild }: Client): FetchExchange {
    const { mountPath = "", clientAddress, waitUntil } = this.#options;
    return new FetchExchange(event.request, {
      mountPath,
      remoteAddress: clientAddress === undefined || isBuild ? address : clientAddress(event),
      waitUntil: waitUntil === undefined ? platformOf(event) : (work) => waitUntil(work, event),
      // SvelteKit would copy a cookie to the page's response, beside the page's own.
      isCookieless: event.isSubRequest || isBuild,
    });
  }

  #isFailure(error: unknown): boolean {
    return (this.#options.isFailure ?? isUnexpected)(error);
  }

  /** Answers for what a later hook threw, where SvelteKit's own answer would lose the session's headers. */
  async #answerFor(thrown: unknown, event: SvelteKitEvent, exchange: FetchExchange): Promise<Response> {
    const redirect = redirectAnswer(thrown, event);
    if (redirect !== null) {
      const dressed = exchange.redressed(redirect);
      if (dressed !== redirect) return dressed;
    }
    if (!exchange.bearsCookie) throw thrown;
    // SvelteKit does not see the error, so it is told of here.
    if (isUnexpected(thrown)) await this.#report?.({ error: thrown, event, ...UNKNOWN_ERROR });
    return exchange.redressed(thrownAnswer(thrown, event));
  }

  #demandReports(): void {
    if (this.#report !== null) return;
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "SvelteKit has to tell of errors that it answers with status 200. Add to src/hooks.server.ts: export const handleError = sessions.handleError();",
    );
  }
}

/** What SvelteKit says of an unexpected error: versions 2 and 3 in different words. */
const UNKNOWN_ERROR = { kind: "unknown", status: 500, message: "Internal Error" };

function linesOf({ request }: SvelteKitEvent): readonly string[] {
  const line = request.headers.get("cookie");
  return line === null ? [] : [line];
}

function printUnexpected({ error }: HandleErrorInput): void {
  if (isWorthPrinting(error)) console.error(error);
}
