import type { AnySession, RequestHooks } from "../index.ts";
import {
  dropAnswer,
  type FastifyReplyLike,
  type FastifyRequestLike,
  isWhole,
  ReplyHeaders,
} from "./fastify/reply.ts";
import type { NodeRequest } from "./support/node-exchange.ts";
import { type Failure, plainFailure } from "./support/node-hold.ts";
import { NodeSessions } from "./support/node-sessions.ts";
import { checkAdapter } from "./support/options.ts";
import { isUnexpected } from "./support/thrown.ts";

export type { FastifyRequestLike } from "./fastify/reply.ts";
export type { Failure } from "./support/node-hold.ts";

export interface FastifySessionsOptions {
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(request: FastifyRequestLike): boolean;
  /** The client's address, for the list of devices. Default: `request.ip`, which heeds Fastify's `trustProxy`. */
  clientAddress?(request: FastifyRequestLike): string | undefined;
  /**
   * What is answered when the commit failed for an answer that Fastify's error handler cannot replace any more: a stream, a
   * `Response`, a hijacked reply. Default: plain text with the error's status, 409 or 503, not stored.
   */
  renderFailure?(error: unknown): Failure;
  /** The name that the session has on the request; a second manager needs another. Default: `session`. */
  readonly decorate?: string;
}

/** What is used of a Fastify instance. */
export interface FastifyInstanceLike {
  readonly prefix: string;
  decorateRequest(name: string, decorator: { getter(): unknown }): unknown;
  addHook(name: string, hook: (...args: never[]) => void): unknown;
}

/** The plugin, and what goes with it. */
export interface FastifySessions<S extends AnySession> {
  (instance: FastifyInstanceLike, options: unknown): Promise<void>;
  /** The session of a request, typed. @throws `ERR_SESSION_USE` for a request that has none here. */
  of(request: { readonly raw: object }): S;
}

/**
 * Sessions for Fastify 5, as a plugin: `app.register(fastifySessions(manager))`. Gives every request of the scope that it is
 * registered in, and of the scopes within, a `request.session`.
 *
 * What the handlers changed is stored before anything of the answer leaves. A session that cannot be read, and a commit that
 * fails, are errors for Fastify's error handler, with status 503 or 409. An error without a status below 500 fails the request: its
 * changes are dropped, and a logout takes place.
 *
 * @throws `ERR_SESSION_CONFIG` when the first argument is no manager.
 */
export function fastifySessions<S extends AnySession>(
  manager: RequestHooks<S>,
  options: FastifySessionsOptions = {},
): FastifySessions<S> {
  checkAdapter(manager, options, {
    only: "function",
    clientAddress: "function",
    renderFailure: "function",
    decorate: "string",
  });
  const adapter = new FastifyAdapter(manager, options);
  return Object.assign(async (instance: FastifyInstanceLike) => adapter.install(instance), {
    of: (request: { readonly raw: object }) => adapter.of(request),
    // As fastify-plugin says it: the hooks are for the scope that registers, not for one of the plugin's own.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "holdfast",
    [Symbol.for("plugin-meta")]: { name: "holdfast", fastify: "5.x" },
  });
}

type Done = (error?: unknown) => void;

class FastifyAdapter<S extends AnySession> {
  readonly #sessions: NodeSessions<S, NodeRequest>;
  readonly #options: FastifySessionsOptions;
  /** The answer that was given last, of those that wait for a commit: Fastify's own timeout may come in between. */
  readonly #latest: WeakMap<FastifyReplyLike, Promise<unknown>> = new WeakMap();

  constructor(manager: RequestHooks<S>, options: FastifySessionsOptions) {
    const { renderFailure } = options;
    this.#sessions = new NodeSessions(manager, renderFailure === undefined ? {} : { renderFailure });
    this.#options = options;
  }

  install(instance: FastifyInstanceLike): void {
    const sessions = this.#sessions;
    instance.decorateRequest(this.#options.decorate ?? "session", {
      getter(this: FastifyRequestLike) {
        return sessions.find(this.raw);
      },
    });
    const { prefix } = instance;
    instance.addHook("onRequest", (request: FastifyRequestLike, reply: FastifyReplyLike, done: Done) =>
      this.#begin(request, reply, prefix, done),
    );
    instance.addHook(
      "onError",
      (request: FastifyRequestLike, reply: FastifyReplyLike, error: unknown, done: Done) => {
        if (isFailure(error, reply)) sessions.failed(request.raw);
        done();
      },
    );
    instance.addHook(
      "onSend",
      (request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown, done: Done) =>
        this.#commit(request, reply, payload, done),
    );
  }

  of(request: { readonly raw: object }): S {
    return this.#sessions.of(request.raw);
  }

  #begin(request: FastifyRequestLike, reply: FastifyReplyLike, prefix: string, done: Done): void {
    const { only, clientAddress } = this.#options;
    if (!this.#sessions.takes(request.raw) || only?.(request) === false) return done();
    const begun = this.#sessions.begin(request.raw, reply.raw, {
      url: request.originalUrl,
      mountPath: mountPathOf(prefix, request.originalUrl),
      remoteAddress: clientAddress === undefined ? request.ip : clientAddress(request),
      headers: new ReplyHeaders(reply),
    });
    const enter = (session: S): void => this.#sessions.within(session, () => done());
    if (!(begun instanceof Promise)) return enter(begun);
    begun.then(enter, done);
  }

  #commit(request: FastifyRequestLike, reply: FastifyReplyLike, payload: unknown, done: Done): void {
    const sessions = this.#sessions;
    // What is not whole is left to the hold, which commits at the first byte.
    if (sessions.find(request.raw) === undefined || !isWhole(reply, payload)) return done();
    let work: void | Promise<void>;
    try {
      work = sessions.finish(request.raw);
    } catch (error) {
      return refuse(reply, error, done);
    }
    if (work !== undefined) this.#wait(reply, work, done);
    else done();
  }

  #wait(reply: FastifyReplyLike, work: Promise<void>, done: Done): void {
    const isOvertaken = (): boolean =>
      reply.sent || reply.raw.headersSent || this.#latest.get(reply) !== waiting;
    const waiting = work.then(
      () => isOvertaken() || proceed(done),
      (error: unknown) => isOvertaken() || refuse(reply, error, done),
    );
    this.#latest.set(reply, waiting);
  }
}

/** Goes on with an answer whose commit is done. */
function proceed(done: Done): void {
  try {
    done();
  } catch (error) {
    // As Fastify's own runner does for hooks that return a promise; otherwise the process would end.
    done(error);
  }
}

/** Lets Fastify's error handler answer in place of the handler whose changes could not be saved. */
function refuse(reply: FastifyReplyLike, error: unknown, done: Done): void {
  dropAnswer(reply, plainFailure(error).status);
  // To Fastify a falsy error is none.
  done(error || new Error("The session could not be saved."));
}

/** Whether an error means that the handler failed. One that bears no status has the reply's: `reply.code(404)`, then a throw. */
function isFailure(error: unknown, reply: FastifyReplyLike): boolean {
  if (!isUnexpected(error)) return false;
  if (!(error instanceof Error)) return true;
  const { statusCode } = reply;
  return "status" in error || "statusCode" in error || statusCode < 400 || statusCode >= 500;
}

/** Where a scope is mounted, as this client sees it: its prefix may have parameters. */
function mountPathOf(prefix: string, url: string): string {
  if (!prefix.includes(":")) return prefix.replace(/\/$/, "");
  const depth = prefix.replace(/\/$/, "").split("/").length;
  return url
    .replace(/[?#].*$/, "")
    .split("/")
    .slice(0, depth)
    .join("/");
}
