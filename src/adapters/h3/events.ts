import type { NodeRequest, NodeServerResponse } from "../support/node-exchange.ts";

/** What every version of h3 has of an event. */
export interface H3EventLike {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Headers;
  readonly context: object;
}

type Context = Record<string | symbol, unknown>;

/** A request and a response of Node, or of what plays Node where there is none. */
export interface NodePair {
  readonly req: NodeRequest & {
    readonly originalUrl?: string;
    /** What plays Node keeps here what the caller gave: for a request within a request, the context of the outer event. */
    readonly __unenv__?: Context | null;
  };
  readonly res: NodeServerResponse;
}

/** What is used of an event of h3 1. */
export interface Event1 extends H3EventLike {
  context: Context;
  readonly node: NodePair;
  /** Nitro's way to have an error reported. */
  captureError?(error: unknown): void;
}

/** What is used of an event of h3 2. */
export interface Event2 extends H3EventLike {
  readonly context: Context;
  readonly req: Request2;
  readonly res: { status?: number; readonly headers: Headers; readonly errHeaders: Headers };
}

/** A request of h3 2, with what its server adds. */
export interface Request2 extends Request {
  readonly runtime?: { readonly node?: Partial<NodePair> | undefined } | undefined;
  readonly ip?: string | undefined;
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Whether a response is one of Node's own, HTTP/1 or HTTP/2: what plays Node has neither of these. */
export function isNodes(response: object | undefined): response is NodeServerResponse {
  return response !== undefined && ("_header" in response || "stream" in response);
}

/** The request and response of Node that an event of h3 2 comes from. */
export function nodeOf(event: Event2): NodePair | undefined {
  const node = event.req.runtime?.node;
  return node?.req !== undefined && isNodes(node.res) ? (node as NodePair) : undefined;
}
