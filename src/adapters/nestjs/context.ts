import type { AnySession } from "../../index.ts";
import { SessionError } from "../../index.ts";

/** What is used of an `ExecutionContext`, and of an `ArgumentsHost`. */
export interface ContextLike {
  getType(): string;
  getArgByIndex(index: number): unknown;
  switchToHttp(): { getRequest(): unknown; getResponse(): { readonly statusCode: number } };
}

/** What is used besides of an `ExecutionContext`. */
export interface ExecutionContextLike extends ContextLike {
  getHandler(): object;
  getClass(): object;
}

/** What an interceptor does for the session of a request. */
export interface Outcomes {
  /** What was thrown is to be judged. */
  threw(request: object, error: unknown): void;
  /** A handler is done, and returned this to be answered. A returned promise is waited for. */
  returned(request: object, value: unknown, context: ExecutionContextLike): void | Promise<void>;
}

/** The name of the sessions of an application that has one manager; also the property of its requests. */
export const DEFAULT_NAME = "session";

const symbols: Map<string, symbol> = new Map();

/** Under it a request keeps the session of a manager, for what Nest makes without injecting anything: decorators, guards. */
function keyOf(name: string): symbol {
  const known = symbols.get(name);
  if (known !== undefined) return known;
  const key = Symbol(`holdfast.nestjs.${name}`);
  symbols.set(name, key);
  return key;
}

/** Notes on a bare request that it has this session. */
export function note(raw: object, name: string, session: AnySession): void {
  (raw as Record<symbol, AnySession>)[keyOf(name)] = session;
}

/** The session of this name that a context's request has. */
export function sessionIn(context: ContextLike, name: string): AnySession {
  const request = requestIn(context);
  if (request === undefined) {
    throw new SessionError(
      "ERR_SESSION_USE",
      `A context of the kind "${context.getType()}" has no request, and so no session. HTTP and GraphQL have one.`,
    );
  }
  const session = (request as Record<symbol, AnySession | undefined>)[keyOf(name)];
  if (session !== undefined) return session;
  throw new SessionError(
    "ERR_SESSION_USE",
    `This request has no session of the name "${name}". Import SessionsModule.forRoot into the application, and see its options \`only\` and \`name\`.`,
  );
}

/** The bare request of a context, if it has one: that of HTTP, and that in the context of GraphQL. */
export function requestIn(context: ContextLike): object | undefined {
  switch (context.getType()) {
    case "http":
      return rawOf(context.switchToHttp().getRequest());
    case "graphql":
      return ofGraphql(context.getArgByIndex(2));
    default:
      return undefined;
  }
}

/** The bare request of whatever a handler has at hand: a context, a request of either platform, or a bare one. */
export function requestOf(source: object): object {
  const isContext = "switchToHttp" in source && "getType" in source;
  return (isContext ? requestIn(source as ContextLike) : rawOf(source)) ?? source;
}

/** A request of Fastify has the bare one; that of Express is the bare one. */
function rawOf(request: unknown): object | undefined {
  if (typeof request !== "object" || request === null) return undefined;
  const { raw } = request as { readonly raw?: unknown };
  return typeof raw === "object" && raw !== null ? raw : request;
}

/** What a resolver is given third. Apollo's default has `req`, Mercurius' has the reply. */
function ofGraphql(context: unknown): object | undefined {
  if (typeof context !== "object" || context === null) return undefined;
  const { req, request, reply } = context as {
    readonly req?: unknown;
    readonly request?: unknown;
    readonly reply?: { readonly request?: unknown };
  };
  return rawOf(req ?? request ?? reply?.request);
}
