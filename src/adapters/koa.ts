import type { AnySession, RequestHooks } from "../index.ts";
import { SessionError } from "../index.ts";
import type { NodeRequest, NodeServerResponse, NodeView } from "./support/node-exchange.ts";
import type { Failure } from "./support/node-hold.ts";
import { NODE_OPTIONS, NodeSessions } from "./support/node-sessions.ts";
import { checkAdapter } from "./support/options.ts";
import { shownSession, showSession } from "./support/shown-session.ts";
import { isUnexpected } from "./support/thrown.ts";

export type { Failure } from "./support/node-hold.ts";

/** What is used of a Koa context, 2 and 3 alike. */
export interface KoaContext {
  readonly req: NodeRequest;
  readonly res: NodeServerResponse;
  readonly app: { emit(event: "error", error: unknown, ctx: unknown): unknown };
  readonly originalUrl: string;
  readonly url: string;
  readonly path: string;
  readonly method: string;
  /** The client's address; behind a proxy only where the application has `proxy: true`. */
  readonly ip: string;
  readonly respond?: boolean | undefined;
  /** The innermost prefix that koa-mount took off the path. */
  readonly mountPath?: string | undefined;
  status: number;
  body: unknown;
}

// Methods, whose parameters are bivariant: an option may be written for `Koa.Context`.
export interface KoaSessionsOptions {
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(ctx: KoaContext): boolean;
  /** The client's address, for the list of devices. Default: the other end of the connection, which may be a proxy. */
  clientAddress?(ctx: KoaContext): string | undefined;
  /**
   * What is answered when a commit failed and it is too late to throw: the response had started, or its body is a stream.
   * Default: plain text with the error's status, 409 or 503, not stored.
   */
  renderFailure?(error: unknown): Failure;
}

/** The middleware, and what goes with it. */
export interface KoaSessions<S extends AnySession> {
  (ctx: KoaContext & { session: S }, next: () => Promise<unknown>): Promise<void>;
  /**
   * The session of a context, of its `ctx.request` or `ctx.req`; also where two managers share `ctx.session`.
   *
   * @throws `ERR_SESSION_USE` for a request that has none here.
   */
  of(source: object): S;
}

/**
 * Sessions for Koa 2 and 3, as middleware: `app.use(koaSessions(manager))`. Sets `ctx.session`, which nothing else can
 * be assigned to, unless another library has its own there; `of` works besides.
 *
 * What the middleware below changed is stored when it is done. When that fails the answer is taken back and the error
 * thrown, with status 409 or 503, for the application's own error middleware, `app.on("error")` and Koa. The response is
 * held besides from its first byte, so that what was changed since, or answered past Koa, is stored before that leaves;
 * the session's headers are added then, whatever Koa's error handler removed. A session that cannot be read is thrown too.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function koaSessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: KoaSessionsOptions = {},
): KoaSessions<S> {
  checkAdapter(manager, options, NODE_OPTIONS);
  const { only, clientAddress, ...rest } = options;
  const sessions = new NodeSessions<S, NodeRequest>(manager, rest);
  const shown = shownSession((ctx) => sessions.find(requestOf(ctx)));

  const middleware = async (
    ctx: KoaContext & { session: S },
    next: () => Promise<unknown>,
  ): Promise<void> => {
    const known = sessions.find(ctx.req) !== undefined;
    if (known || only?.(ctx) === false) return void (await next());
    const begun = sessions.begin(ctx.req, ctx.res, viewOf(ctx, clientAddress));
    const session = begun instanceof Promise ? await begun : begun;
    if (!isTaken(ctx)) showSession(ctx, "session", shown);
    try {
      await sessions.within(session, next);
    } catch (error) {
      if (isUnexpected(error)) sessions.failed(ctx.req);
      else if (ctx.respond !== false) await commit(sessions, ctx);
      throw error;
    }
    await settle(sessions, ctx);
  };
  return Object.assign(middleware, { of: (source: object) => sessions.of(requestOf(source)) });
}

/** Of the sessions of a manager, what is used once a handler is done. */
type Settling = Pick<NodeSessions<AnySession, NodeRequest>, "commit" | "failed">;

/** Another library gave all contexts a `session`. An assignment would hand it ours. */
function isTaken(ctx: KoaContext): boolean {
  return "session" in ctx && !Object.hasOwn(ctx, "session");
}

function viewOf(ctx: KoaContext, clientAddress: KoaSessionsOptions["clientAddress"]): NodeView {
  return {
    url: ctx.originalUrl,
    mountPath: mountPathOf(ctx),
    remoteAddress: clientAddress === undefined ? ctx.req.socket.remoteAddress : clientAddress(ctx),
    onFailure: (error) => void ctx.app.emit("error", error, ctx),
  };
}

/** The middleware below is done, and threw nothing. */
async function settle(sessions: Settling, ctx: KoaContext): Promise<void> {
  // Somebody answers past Koa, now or later: what becomes of it the hold sees alone.
  if (ctx.respond === false) return;
  if (ctx.status >= 500) return sessions.failed(ctx.req);
  // A stream may fail before its first byte, and then nothing is to be stored.
  if (!isStream(ctx.body)) await commit(sessions, ctx, () => checkText(ctx.body));
}

/** Makes the text that Koa is going to make of a plain object. What it then throws would be too late to store nothing. */
function checkText(body: unknown): void {
  if (typeof body === "object" && !ArrayBuffer.isView(body) && !(body instanceof Blob)) JSON.stringify(body);
}

async function commit(sessions: Settling, ctx: KoaContext, check?: () => void): Promise<void> {
  try {
    await sessions.commit(ctx.req, check);
  } catch (error) {
    // Error middleware that sets no status must not answer with that of the answer that was dropped.
    ctx.body = undefined;
    ctx.status = SessionError.is(error) ? error.status : 500;
    throw error;
  }
}

function isStream(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  const { pipe } = body as { readonly pipe?: unknown };
  return typeof pipe === "function" || body instanceof ReadableStream || body instanceof Response;
}

/**
 * Where the application is mounted. koa-mount tells the innermost prefix alone, and never takes it back; what it took off
 * the front of the path is all of them.
 */
function mountPathOf({ mountPath, originalUrl, path }: KoaContext): string {
  if (typeof mountPath !== "string") return "";
  const [whole = ""] = originalUrl.split("?", 1);
  if (path === "/" && !whole.endsWith("/")) return whole;
  return whole.endsWith(path) ? whole.slice(0, -path.length) : mountPath;
}

function requestOf(source: object): object {
  const { req } = source as { readonly req?: object };
  return req ?? source;
}
