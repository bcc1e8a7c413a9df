import { AsyncLocalStorage } from "node:async_hooks";
import type { AnySession, RequestHooks, Session } from "../index.ts";
import { SessionError } from "../index.ts";
import { RouterExchange } from "./react-router/exchange.ts";
import { type HeldRequest, type RouterSessionStorage, Storage } from "./react-router/storage.ts";
import { isSpent, rebuilt, saysFailure } from "./support/fetch-exchange.ts";
import { checkAdapter } from "./support/options.ts";
import { isUnexpected, plainResponse } from "./support/thrown.ts";

export type { CommitOptions, RouterSessionStorage } from "./react-router/storage.ts";
export type { FlashSessionData, RouterSession, StorageSession } from "./react-router/storage-session.ts";

/** A key of the framework's context, as `createContext` makes them. */
export interface ContextKey<T> {
  defaultValue?: T;
}

/** The framework's `RouterContextProvider`, as far as it is asked. */
export interface ContextReader {
  get<T>(key: ContextKey<T>): T;
}

/** What the framework gives a middleware. */
export interface MiddlewareArgs {
  readonly request: Request;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly context: ContextReader;
}

export type SessionMiddleware = (args: MiddlewareArgs, next: () => Promise<Response>) => Promise<Response>;

export interface ReactRouterSessionsOptions {
  /** Requests for which this answers `false` get no session: health checks, images. Default: all get one. */
  only?(args: MiddlewareArgs): boolean;
  /** The client's address, for the list of devices: what your `getLoadContext` put into the context. Default: not known. */
  clientAddress?(args: MiddlewareArgs): string | undefined;
  /** Keeps the platform alive for a touch that the response does not wait for. Default: the response waits. */
  waitUntil?(work: Promise<unknown>, args: MiddlewareArgs): void;
  /** Whether what reaches `failed` means that the request failed. Default: all but errors with a status below 500. */
  isFailure?(thrown: unknown): boolean;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

/** The middleware, and what goes with it. */
export interface ReactRouterSessions<S extends AnySession> {
  /** For `export const middleware = [sessions.middleware]` in `root.tsx`. */
  readonly middleware: SessionMiddleware;
  /** The key of the session in the context: `context.get(sessions.context)` in loaders, actions and middleware. */
  readonly context: ContextKey<S>;
  /** The session of a request, of the context or of what holds it. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(at: ContextReader | { readonly context: ContextReader }): S;
  /**
   * For `handleError` in `entry.server.tsx`: an unexpected error fails the request whatever status it is shown with.
   * Without it a request has failed when its status is 500 or above, which is what the framework makes of an error.
   */
  readonly failed: (error: unknown, at: { readonly context: object }) => void;
  /**
   * The framework's `SessionStorage` over the same sessions, for code that calls `getSession`, `commitSession` and
   * `destroySession`. In a request that the middleware holds it gives that request's session, and the middleware sends the
   * cookie. Ask for it when the application starts.
   */
  readonly storage: RouterSessionStorage<DataOf<S>, DataOf<S>, S>;
}

/** The fields of a session. */
export type DataOf<S extends AnySession> = S extends Session<infer Data> ? Data : Record<string, unknown>;

/**
 * Sessions for React Router 7.9 and later in framework mode, as a middleware of the root route. The response is held
 * until all that loaders and actions changed is stored. A session that cannot be read or saved is thrown as a Response with
 * status 503 or 409, which the nearest `ErrorBoundary` gets.
 *
 * ```ts
 * export const sessions = reactRouterSessions(manager); // app/sessions.server.ts
 * export const middleware = [sessions.middleware]; // app/root.tsx
 * export const loader = ({ context }) => ({ visits: sessions.of(context).increment("visits") });
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function reactRouterSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: ReactRouterSessionsOptions = {},
): ReactRouterSessions<S> {
  checkAdapter(manager, options, {
    only: "function",
    clientAddress: "function",
    waitUntil: "function",
    isFailure: "function",
    mountPath: "string",
  });
  const adapter = new ReactRouterAdapter<S>(manager, options);
  return {
    middleware: (args, next) => adapter.handle(args, next),
    context: adapter.context,
    of: (at) => adapter.of(at),
    failed: (error, { context }) => adapter.failed(error, context),
    get storage() {
      return adapter.storage;
    },
  };
}

/**
 * The framework's `SessionStorage` by itself, in the place of `createCookieSessionStorage` and its like, where there is no
 * middleware. The framework's rules hold: what is not committed is not stored, and the cookie is sent by whoever commits.
 *
 * ```ts
 * export const { getSession, commitSession, destroySession } = reactRouterSessionStorage<Data, Flash>(manager);
 * ```
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function reactRouterSessionStorage<
  Data extends object = Record<string, unknown>,
  FlashData = Data,
  S extends AnySession = Session<Data>,
>(
  manager: RequestHooks<S>,
  options: { readonly mountPath?: string } = {},
): RouterSessionStorage<Data, FlashData, S> {
  checkAdapter(manager, options, { mountPath: "string" });
  const { mountPath = "" } = options;
  return shownAs<Data, FlashData, S>(new Storage<S>(manager, { mountPath, here: () => undefined }));
}

function shownAs<Data, FlashData, S extends AnySession>(
  storage: Storage<S>,
): RouterSessionStorage<Data, FlashData, S> {
  return {
    getSession: (header, options) => storage.getSession<Data, FlashData>(header, options),
    commitSession: (session, options) => storage.commitSession(session, options),
    destroySession: (session, options) => storage.destroySession(session, options),
  };
}

class ReactRouterAdapter<S extends AnySession> {
  readonly context: ContextKey<S> = {};
  readonly #manager: RequestHooks<S>;
  readonly #options: ReactRouterSessionsOptions;
  /** Under it a context keeps its request. */
  readonly #key: symbol = Symbol("holdfast.request");
  /** Lets the storage find the request that it is called in. Made with the storage: it costs every request. */
  #here: AsyncLocalStorage<HeldRequest<S>> | null = null;
  #storage: RouterSessionStorage<DataOf<S>, DataOf<S>, S> | null = null;

  constructor(manager: RequestHooks<S>, options: ReactRouterSessionsOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  get storage(): RouterSessionStorage<DataOf<S>, DataOf<S>, S> {
    const { mountPath = "" } = this.#options;
    const here = (this.#here ??= new AsyncLocalStorage());
    this.#storage ??= shownAs(new Storage<S>(this.#manager, { mountPath, here: () => here.getStore() }));
    return this.#storage;
  }

  async handle(args: MiddlewareArgs, next: () => Promise<Response>): Promise<Response> {
    const known = this.#find(args.context);
    if (known !== undefined && known.request !== args.request) throw sharedContext();
    if (known !== undefined || this.#options.only?.(args) === false) return await next();
    const held = await this.#begin(args);
    const outcome = await this.#outcomeOf(held, next);
    try {
      await this.#finish(held, outcome);
    } catch (error) {
      if (!tellsOfFailure(outcome)) return this.#unsaved(held, error);
    }
    if (outcome.kind === "thrown") throw outcome.value;
    return held.exchange.dressed(outcome.response);
  }

  of(at: object): S {
    const held = this.#find(at) ?? this.#find((at as { readonly context?: unknown }).context);
    if (held !== undefined) return held.session;
    throw new SessionError(
      "ERR_SESSION_USE",
      "This context has no session here. Put the middleware into the root route, and see its option `only`; a path without a route runs no middleware.",
    );
  }

  failed(error: unknown, context: object): void {
    const held = this.#find(context);
    if (held !== undefined && (this.#options.isFailure ?? isUnexpected)(error)) held.failed = true;
  }

  #find(context: unknown): HeldRequest<S> | undefined {
    return (context as Record<symbol, HeldRequest<S> | undefined> | undefined)?.[this.#key];
  }

  async #begin(args: MiddlewareArgs): Promise<HeldRequest<S>> {
    const { mountPath = "", clientAddress, waitUntil } = this.#options;
    const exchange = new RouterExchange(args.request, {
      mountPath,
      remoteAddress: clientAddress?.(args),
      waitUntil: waitUntil && ((work) => waitUntil(work, args)),
    });
    try {
      const loading = this.#manager.startRequest(exchange);
      const session = loading instanceof Promise ? await loading : loading;
      const held: HeldRequest<S> = { request: args.request, exchange, session, failed: false };
      (args.context as unknown as Record<symbol, HeldRequest<S>>)[this.#key] = held;
      (args.context as unknown as { set(key: object, value: S): void }).set(this.context, session);
      return held;
    } catch (error) {
      throw plainResponse(error);
    }
  }

  /** The framework answers what loaders and actions throw before this sees it; only a middleware below may still throw. */
  async #outcomeOf(held: HeldRequest<S>, next: () => Promise<Response>): Promise<Outcome> {
    const here = this.#here;
    const run = here === null ? next : (): Promise<Response> => here.run(held, next);
    try {
      const response = sent(await this.#manager.within(held.session, run));
      held.exchange.answer(response);
      return {
        kind: "answered",
        response,
        failed: held.failed || saysFailure(response) || isSpent(response),
      };
    } catch (value) {
      return { kind: "thrown", value, failed: true };
    }
  }

  async #finish({ exchange }: HeldRequest<S>, { failed }: Outcome): Promise<void> {
    const manager = this.#manager;
    const work = failed ? manager.finishFailedRequest(exchange) : manager.finishSuccessfulRequest(exchange);
    if (work !== undefined) await work;
  }

  /** What answers a request whose session was not saved. */
  #unsaved({ exchange }: HeldRequest<S>, error: unknown): Response {
    const answer = plainResponse(error);
    const dressed = exchange.redressed(answer);
    // The page that the framework makes of what is thrown has none of its headers. A cookie is worth more than the page.
    if (dressed.headers.has("set-cookie")) return dressed;
    throw answer;
  }
}

/** What became of everything below the middleware. */
type Outcome =
  | { readonly kind: "answered"; readonly response: Response; readonly failed: boolean }
  | { readonly kind: "thrown"; readonly value: unknown; readonly failed: boolean };

/** What the application says of its failure says more than that its logout failed too, as long as the client learns of one. */
function tellsOfFailure(outcome: Outcome): boolean {
  return outcome.failed && (outcome.kind === "thrown" || saysFailure(outcome.response));
}

/** Without the empty cookies that the storage gives to code that always sets what it is given. */
function sent(response: Response): Response {
  const cookies = response.headers.getSetCookie();
  if (!cookies.includes("")) return response;
  const headers = new Headers(response.headers);
  headers.delete("set-cookie");
  for (const cookie of cookies) if (cookie !== "") headers.append("set-cookie", cookie);
  return rebuilt(response, headers);
}

function sharedContext(): SessionError {
  return new SessionError(
    "ERR_SESSION_USE",
    "Two requests have the same context. Let getLoadContext make a new RouterContextProvider for each request.",
  );
}
