import type { AnySession, RequestHooks } from "../../index.ts";
import { SessionError } from "../../index.ts";
import type { Failure } from "../support/node-hold.ts";
import { NodeSessions } from "../support/node-sessions.ts";
import { checkAdapter } from "../support/options.ts";
import { checkText, isStreamLike } from "../support/sendable.ts";
import { isUnexpected } from "../support/thrown.ts";
import { isAnsweredByNest } from "./answers.ts";
import { type ExecutionContextLike, type Outcomes, requestOf } from "./context.ts";
import { failureOf } from "./errors.ts";
import { type HttpAdapterLike, install, type NestRequest } from "./platform.ts";

export interface NestSessionsOptions {
  /** Requests for which this answers `false` get no session: assets, health checks. Default: all get one. */
  only?(request: NestRequest): boolean;
  /** The client's address, for the list of devices. Default: `request.ip`, which heeds the platform's trust in proxies. */
  clientAddress?(request: NestRequest): string | undefined;
  /** Whether what a handler threw means that it failed. Default: all but exceptions with a status below 500. */
  isFailure?(thrown: unknown): boolean;
  /**
   * What is answered when the commit failed and Nest's exception filters cannot answer any more. Default: JSON with the
   * error's status, 409 or 503, not stored.
   */
  renderFailure?(error: unknown): Failure;
  /** Where the application is mounted, without a trailing slash, for `cookie.path: "mount"`. Default: at the root. */
  readonly mountPath?: string;
}

const KINDS = {
  only: "function",
  clientAddress: "function",
  isFailure: "function",
  renderFailure: "function",
  mountPath: "string",
} as const;

/**
 * The sessions of an application's requests, to be injected: `constructor(private readonly sessions: Sessions<Session<Shop>>)`.
 * For providers that are given a request, and for code that has no parameter to decorate.
 */
export class Sessions<S extends AnySession> implements Outcomes {
  readonly #name: string;
  readonly #options: NestSessionsOptions;
  readonly #node: NodeSessions<S, NestRequest>;
  #platform: string | null = null;

  /** @internal Made by the module. */
  constructor(manager: RequestHooks<S>, name: string, options: NestSessionsOptions) {
    checkAdapter(manager, options, KINDS);
    this.#name = name;
    this.#options = options;
    const { only, clientAddress = addressOf, renderFailure = failureOf } = options;
    this.#node = new NodeSessions<S, NestRequest>(manager, {
      clientAddress,
      renderFailure,
      ...(only !== undefined && { only: (request) => only(request) }),
    });
  }

  /**
   * The session of a request, typed: of the platform's request, of the bare one, or of an `ExecutionContext`.
   *
   * @throws `ERR_SESSION_USE` for a request that has none here.
   */
  of(source: object): S {
    return this.#node.of(requestOf(source));
  }

  /** @internal Puts the sessions on the application's platform, once. */
  install(adapter: HttpAdapterLike): void {
    if (this.#platform !== null) return;
    install(adapter, {
      sessions: this.#node,
      name: this.#name,
      mountPath: this.#options.mountPath ?? "",
    });
    this.#platform = adapter.getType();
  }

  /** @internal */
  threw(request: object, error: unknown): void {
    const isFailure = this.#options.isFailure ?? isUnexpected;
    if (isFailure(error)) this.#node.failed(request);
  }

  /**
   * Commits while exception filters can still answer. On Fastify that is possible later, too, when the answer is made.
   *
   * @internal
   */
  returned(request: object, value: unknown, context: ExecutionContextLike): void | Promise<void> {
    if (this.#platform !== "express" || context.getType() !== "http") return;
    const { statusCode } = context.switchToHttp().getResponse();
    if (statusCode >= 500 || isStreamLike(value) || !isAnsweredByNest(context)) return;
    return this.#node.commit(request, () => checkText(value));
  }
}

function addressOf({ ip, socket }: NestRequest): string | undefined {
  return ip ?? socket.remoteAddress;
}

/** @throws `ERR_SESSION_CONFIG` for what cannot be a name. */
export function checkName(name: unknown): string {
  if (typeof name === "string" && name !== "") return name;
  throw new SessionError("ERR_SESSION_CONFIG", "The option name must be a string that is not empty.");
}
