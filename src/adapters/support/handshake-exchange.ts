import type { IncomingMessage } from "node:http";
import type { HttpExchange } from "../../index.ts";
import { NodeRequestView } from "./node-request.ts";

/** A request that is answered by switching protocols, as the core sees it. Its response carries no cookie. */
export class HandshakeExchange extends NodeRequestView implements HttpExchange {
  readonly canSetCookie = false;
  readonly commitsLate = false;
  readonly mountPath = "";
  readonly url: string;
  readonly remoteAddress: string | undefined;

  constructor(request: IncomingMessage, remoteAddress: string | undefined) {
    super(request);
    this.url = request.url ?? "/";
    this.remoteAddress = remoteAddress;
  }

  setCookie(): void {}

  responseHeader(): undefined {}

  setResponseHeader(): void {}

  /** The process lives on with the connection: a touch need not be waited for. */
  waitUntil(): void {}
}
