import type { AnySession, RequestHooks } from "../index.ts";
import { FastifyAdapter, type FastifyInstanceLike } from "./fastify/adapter.ts";
import type { FastifyRequestLike } from "./fastify/reply.ts";
import type { NodeRequest } from "./support/node-exchange.ts";
import type { Failure } from "./support/node-hold.ts";
import { NodeSessions } from "./support/node-sessions.ts";
import { checkAdapter } from "./support/options.ts";

export type { FastifyInstanceLike } from "./fastify/adapter.ts";
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
  const { renderFailure } = options;
  const sessions = new NodeSessions<S, NodeRequest>(
    manager,
    renderFailure === undefined ? {} : { renderFailure },
  );
  const adapter = new FastifyAdapter(sessions, options);
  return Object.assign(async (instance: FastifyInstanceLike) => adapter.install(instance), {
    of: (request: { readonly raw: object }) => sessions.of(request.raw),
    // As fastify-plugin says it: the hooks are for the scope that registers, not for one of the plugin's own.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "holdfast",
    [Symbol.for("plugin-meta")]: { name: "holdfast", fastify: "5.x" },
  });
}
