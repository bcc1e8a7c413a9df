import type { AnySession } from "../../index.ts";
import { SessionError } from "../../index.ts";
import { FastifyAdapter, type FastifyInstanceLike } from "../fastify/adapter.ts";
import { type FastifyReplyLike, type FastifyRequestLike, ReplyHeaders } from "../fastify/reply.ts";
import type { NodeRequest, NodeServerResponse, PendingHeaders } from "../support/node-exchange.ts";
import type { NodeSessions } from "../support/node-sessions.ts";
import { type ShownSession, shownSession, showSession } from "../support/shown-session.ts";
import { note } from "./context.ts";
import { asException } from "./errors.ts";

/** What is used of Nest's adapter of a platform. */
export interface HttpAdapterLike {
  getType(): string;
  getInstance(): unknown;
  use(middleware: (request: NestRequest, response: NodeServerResponse, next: Next) => void): unknown;
}

/** What a request has on both platforms, where Nest's middleware meets it: that of Express, and Fastify's bare one. */
export type NestRequest = NodeRequest & { readonly originalUrl?: string; readonly ip?: string };

type Next = (error?: unknown) => void;

/** What a platform is told of the sessions. */
export interface Installing<S extends AnySession> {
  readonly sessions: NodeSessions<S, NestRequest>;
  readonly name: string;
  readonly mountPath: string;
}

/** The same, with how a session is shown on a request. */
interface Installed<S extends AnySession> extends Installing<S> {
  readonly shown: ShownSession<S>;
}

/**
 * Puts sessions on a platform, before all middleware of Nest.
 *
 * @throws `ERR_SESSION_CONFIG` for a platform that is neither Express nor Fastify.
 */
export function install<S extends AnySession>(adapter: HttpAdapterLike, installing: Installing<S>): void {
  const type = adapter.getType();
  const installed = { ...installing, shown: shownSession((request) => installing.sessions.find(request)) };
  if (type === "express") return onExpress(adapter, installed);
  if (type === "fastify") return onFastify(adapter, installed);
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `SessionsModule works on Express and on Fastify. The platform of this application is "${type}".`,
  );
}

function onExpress<S extends AnySession>(adapter: HttpAdapterLike, installed: Installed<S>): void {
  adapter.use((request, response, next) => begin(installed, request, response, next));
}

function onFastify<S extends AnySession>(adapter: HttpAdapterLike, installed: Installed<S>): void {
  const { sessions, name } = installed;
  const fastify = adapter.getInstance() as FastifyInstanceLike & { readonly use?: unknown };
  const arrived: WeakMap<object, LateHeaders> = new WeakMap();
  // Nest's middleware runs on the bare request, in a hook that stands before any which could be added here.
  if (typeof fastify.use === "function") {
    adapter.use((request, response, next) => {
      const headers = new LateHeaders();
      arrived.set(request, headers);
      begin(installed, request, response, next, headers);
    });
  }
  fastify.addHook(
    "onSend",
    (request: FastifyRequestLike, reply: FastifyReplyLike, _body: unknown, done: Next) => {
      arrived.get(request.raw)?.bind(reply);
      done();
    },
  );
  new FastifyAdapter(sessions, { decorate: name, asAnswer: asException }).install(fastify);
  // Where the application does without Nest's middleware, the session came in the hook before this one.
  fastify.addHook("onRequest", ({ raw }: FastifyRequestLike, _reply: FastifyReplyLike, done: Next) => {
    const session = sessions.find(raw);
    if (session !== undefined) note(raw, name, session);
    done();
  });
}

function begin<S extends AnySession>(
  { sessions, name, mountPath, shown }: Installed<S>,
  request: NestRequest,
  response: NodeServerResponse,
  next: Next,
  headers?: PendingHeaders,
): void {
  if (!sessions.takes(request)) return next();
  const enter = (session: S): void => {
    note(request, name, session);
    showSession(request, name, shown);
    sessions.within(session, () => next());
  };
  const refuse = (error: unknown): void => next(asException(error));
  let begun: S | Promise<S>;
  try {
    begun = sessions.begin(request, response, {
      url: request.originalUrl ?? request.url ?? "/",
      mountPath,
      remoteAddress: sessions.address(request),
      ...(headers !== undefined && { headers }),
    });
  } catch (error) {
    // A forged request is refused before there is anything to wait for.
    return refuse(error);
  }
  if (!(begun instanceof Promise)) return enter(begun);
  // What a later handler throws belongs to the platform, not to this chain.
  begun.then(enter, refuse);
}

/** The headers of a reply that is not there yet when the session is loaded. An answer past Fastify never has one. */
class LateHeaders implements PendingHeaders {
  #reply: ReplyHeaders | null = null;

  bind(reply: FastifyReplyLike): void {
    this.#reply ??= new ReplyHeaders(reply);
  }

  getHeader(name: string): string | undefined {
    return this.#reply?.getHeader(name);
  }

  setHeader(name: string, value: string): void {
    this.#reply?.setHeader(name, value);
  }

  appendHeader(name: string, value: string): void {
    this.#reply?.appendHeader(name, value);
  }
}
