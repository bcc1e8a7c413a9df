import type { IncomingMessage } from "node:http";
import type { HttpExchange } from "../../index.ts";

/** A request that is answered by switching protocols, as the core sees it. Its response carries no cookie. */
export class HandshakeExchange implements HttpExchange {
  readonly canSetCookie = false;
  readonly commitsLate = false;
  readonly mountPath = "";
  readonly remoteAddress: string | undefined;
  readonly #request: IncomingMessage;

  constructor(request: IncomingMessage, remoteAddress: string | undefined) {
    this.#request = request;
    this.remoteAddress = remoteAddress;
  }

  get method(): string {
    return this.#request.method ?? "GET";
  }

  get url(): string {
    return this.#request.url ?? "/";
  }

  get secure(): boolean {
    return "encrypted" in this.#request.socket;
  }

  get cookieLines(): readonly string[] {
    // Node joins several lines to one.
    const line = this.#request.headers.cookie;
    return line === undefined ? [] : [line];
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  setCookie(): void {}

  responseHeader(): undefined {}

  setResponseHeader(): void {}

  /** The process lives on with the connection: a touch need not be waited for. */
  waitUntil(): void {}
}
