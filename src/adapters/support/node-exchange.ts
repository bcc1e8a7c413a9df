import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Cookie, HttpExchange } from "../../index.ts";
import { forbidStoring, serializeCookie } from "../../index.ts";
import { type Hold, type HoldHooks, holdResponse } from "./node-hold.ts";
import { type NodeRequest, NodeRequestView } from "./node-request.ts";

export type { NodeRequest } from "./node-request.ts";
export type NodeServerResponse = ServerResponse | Http2ServerResponse;

/** What a framework knows better than the bare request. */
export interface NodeView {
  readonly url: string;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  /** Is told of a commit that failed when it was too late to throw, so that the hold answers for it. */
  readonly onFailure?: (error: unknown) => void;
  /** Where the framework keeps the response's headers until it puts them on the message. Default: on the message. */
  readonly headers?: PendingHeaders;
}

/** Headers that a framework has not put on the message yet. A {@link Hold} has the same methods. */
export type PendingHeaders = Pick<Hold, "getHeader" | "setHeader" | "appendHeader">;

/** A request and response of `node:http` or `node:http2` as the core sees them. */
export class NodeExchange extends NodeRequestView implements HttpExchange {
  readonly commitsLate = true;
  readonly url: string;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly #response: NodeServerResponse;
  readonly #hooks: HoldHooks;
  #installed: Hold | null = null;
  #pending: PendingHeaders | null;
  /** The cookies that the session's headers brought: an answer that replaces the application's must carry them too. */
  readonly #cookies: string[] = [];

  constructor(request: NodeRequest, response: NodeServerResponse, view: NodeView, hooks: HoldHooks) {
    super(request);
    this.#response = response;
    this.url = view.url;
    this.mountPath = view.mountPath;
    this.remoteAddress = view.remoteAddress;
    this.#pending = view.headers ?? null;
    this.#hooks = hooks;
  }

  get status(): number {
    return this.#response.statusCode;
  }

  get canSetCookie(): boolean {
    return this.#installed?.canSetHeaders ?? !this.#response.headersSent;
  }

  get cookies(): readonly string[] {
    return this.#cookies;
  }

  setCookie(cookie: Cookie): void {
    const line = serializeCookie(cookie);
    this.#cookies.push(line);
    this.#headers().appendHeader("Set-Cookie", line);
  }

  responseHeader(name: string): string | undefined {
    return this.#headers().getHeader(name);
  }

  setResponseHeader(name: string, value: string): void {
    this.#headers().setHeader(name, value);
  }

  /** A Node process stays: work beside the response needs nobody to keep it alive. */
  waitUntil(_work: Promise<unknown>): void {}

  /**
   * Holds the response from here on. Before the handler runs, not when it first looks at the session: in
   * `response.end(session.increment("views"))` the method is read before its arguments are, and would be Node's own.
   */
  hold(): void {
    this.#held();
  }

  /** Takes back what the application put on a response that has not started. */
  takeBack(): void {
    this.#held().takeBack();
  }

  /** The response starts: what the framework kept of headers is on the message, and all others go there too. */
  start(): void {
    this.#pending = null;
  }

  /** Puts the cookies back on a response whose headers were made anew since the commit, as those for an error may be. */
  carry(): void {
    if (this.#cookies.length === 0) return;
    const hold = this.#held();
    if (!hold.canSetHeaders) return;
    const there = hold.getHeader("set-cookie") ?? "";
    const missing = this.#cookies.filter((cookie) => !there.includes(cookie));
    if (missing.length === 0) return;
    for (const cookie of missing) hold.appendHeader("Set-Cookie", cookie);
    forbidStoring({
      responseHeader: (name) => hold.getHeader(name),
      setResponseHeader: (name, value) => hold.setHeader(name, value),
    });
  }

  #headers(): PendingHeaders {
    return this.#pending ?? this.#held();
  }

  #held(): Hold {
    this.#installed ??= holdResponse(this.#response, this.#hooks);
    return this.#installed;
  }
}
