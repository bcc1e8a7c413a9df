import { SessionError } from "../../index.ts";
import { OF_THE_ANSWER } from "../support/answer-headers.ts";
import { saysFailure } from "../support/fetch-exchange.ts";
import { isUnexpected } from "../support/thrown.ts";

/** What a handler says of its answer beside the value. */
export interface ElysiaSet {
  status?: number | string;
  headers: Record<string, unknown>;
  redirect?: unknown;
}

/** What is used of a context. */
export interface ElysiaContext {
  readonly request: Request;
  readonly set: ElysiaSet;
  readonly error?: unknown;
  readonly responseValue?: unknown;
  readonly response?: unknown;
}

type Fetch = (request: Request, ...rest: unknown[]) => unknown;
type Hook = (context: ElysiaContext) => unknown;

/** Bun's server, as much as is asked of it. */
interface ServerLike {
  requestIP?(request: Request): { readonly address: string } | null;
}

/** What is used of an instance. Structural, for the true types infer from every call. */
export interface ElysiaLike {
  readonly config: { readonly aot?: boolean };
  readonly server: ServerLike | null;
  fetch: Fetch;
  compile(): unknown;
  wrap(make: (fetch: Fetch) => Fetch): unknown;
  onError(options: { readonly as: string }, hook: Hook): this;
  derive(options: { readonly as: string }, hook: Hook): this;
  onAfterHandle(options: { readonly as: string }, hook: Hook): this;
}

export type Around = (request: Request, run: () => unknown, server: ServerLike | null) => unknown;

/**
 * Puts something around all that an instance, and those that use it, does for a request: what its routes are compiled to, its
 * error handlers, its own 404.
 */
export function wrapFetch(app: ElysiaLike, text: string, around: Around): void {
  const wrapping =
    (fetch: Fetch): Fetch =>
    (request, ...rest) =>
      around(request, () => fetch(request, ...rest), app.server);
  if (app.config.aot === false) return wrapDynamic(app, wrapping);
  app.wrap(Object.assign((fetch: Fetch) => wrapping(fetch), { toString: () => text }));
}

/** What is around the `fetch` of instances that are not compiled, outermost last. */
const around: WeakMap<object, ((fetch: Fetch) => Fetch)[]> = new WeakMap();

/** Without compilation Elysia knows no wrappers: its own `fetch`, made anew whenever it compiles, is what is wrapped. */
function wrapDynamic(app: ElysiaLike, wrapping: (fetch: Fetch) => Fetch): void {
  const known = around.get(app);
  if (known !== undefined) return void known.push(wrapping);
  const wrappings = [wrapping];
  around.set(app, wrappings);
  const getter = getterOf(app);
  let own = getter === undefined ? app.fetch : undefined;
  const bare: Fetch = (request, ...rest) => {
    // The getter puts what it makes on the object that it is asked of.
    own ??= getter?.call(Object.create(app) as ElysiaLike) as Fetch;
    return own(request, ...rest);
  };
  const outer: Fetch = (request, ...rest) =>
    wrappings.reduce((fetch, wrap) => wrap(fetch), bare)(request, ...rest);
  const put = (): void => {
    if (getter !== undefined) own = undefined;
    // Elysia 1.3 has no getter, and assigns what it makes.
    Object.defineProperty(app, "fetch", {
      get: () => outer,
      set(made: Fetch) {
        own = made;
      },
      configurable: true,
    });
  };
  const compile = app.compile.bind(app);
  app.compile = () => {
    compile();
    put();
    return app;
  };
  put();
}

function getterOf(app: ElysiaLike): ((this: ElysiaLike) => Fetch) | undefined {
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(app) as object, "fetch")?.get;
}

/** The status of an answer that is not made yet. */
export function answeredStatus(value: unknown, { status }: ElysiaSet): number {
  if (value instanceof Response) return value.status;
  if (isStatusAnswer(value)) return value.code;
  return typeof status === "number" ? status : status === undefined ? 200 : (STATUSES[status] ?? 200);
}

/** The names of failures, by which Elysia lets a status be set. */
const STATUSES: Readonly<Record<string, number>> = {
  "Internal Server Error": 500,
  "Not Implemented": 501,
  "Bad Gateway": 502,
  "Service Unavailable": 503,
  "Gateway Timeout": 504,
  "HTTP Version Not Supported": 505,
  "Variant Also Negotiates": 506,
  "Insufficient Storage": 507,
  "Loop Detected": 508,
  "Not Extended": 510,
  "Network Authentication Required": 511,
};

/** Whether what was thrown means a failure: answers are thrown in Elysia as well as errors. */
export function isFailureOf(thrown: unknown): boolean {
  if (thrown instanceof Response) return saysFailure(thrown);
  if (isStatusAnswer(thrown)) return thrown.code >= 500;
  return isUnexpected(thrown);
}

/** What `status(…)` makes. */
function isStatusAnswer(value: unknown): value is { readonly code: number } {
  return (
    typeof value === "object" &&
    value !== null &&
    "response" in value &&
    typeof (value as { readonly code?: unknown }).code === "number"
  );
}

/** Takes back what describes an answer that is not going to be sent. */
export function dropAnswer(set: ElysiaSet, error: unknown): void {
  for (const name of Object.keys(set.headers)) {
    if (OF_THE_ANSWER.includes(name.toLowerCase())) delete set.headers[name];
  }
  set.headers["cache-control"] = "no-store";
  set.redirect = undefined;
  set.status = SessionError.is(error) ? error.status : 500;
}
