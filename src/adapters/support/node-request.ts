import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** What the core asks of a request, read off one of `node:http` or `node:http2`: the half that needs no response. */
export abstract class NodeRequestView {
  readonly #request: NodeRequest;

  constructor(request: NodeRequest) {
    this.#request = request;
  }

  get method(): string {
    return this.#request.method ?? "GET";
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
    const { headers } = this.#request;
    // HTTP/2 has the host in a header of its own (RFC 9113, section 8.3.1).
    const value = headers[name] ?? (name === "host" ? headers[":authority"] : undefined);
    return Array.isArray(value) ? value.join(", ") : value;
  }
}
