import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnySession } from "./index.ts";

/** A request to something that Holdfast answers by itself: a list of devices, a provider's logout, a browser's registration of a key. */
export interface Ask {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  readonly address: string | null;
  /** The value of a header, lower-case name. */
  header(name: string): string | undefined;
  /**
   * The texts of a form, or of a JSON object; none of whatever else the body is.
   *
   * @throws {@link TooLarge} for a body of over 64 KiB.
   */
  fields(): Promise<ReadonlyMap<string, string>>;
}

export interface Answer {
  readonly status: number;
  /** A name may come several times. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Answers requests, with the session where one is at hand. Never throws for what a client sends. */
export type Endpoint<S extends AnySession | null = AnySession | null> = (
  ask: Ask,
  session: S,
) => Promise<Answer>;

/** A body that is larger than any that is meant for an endpoint. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

export const MAX_BODY_BYTES = 65_536;

/** Makes an endpoint a function of the Fetch API, for every adapter whose handlers take a `Request`. */
export function fetchEndpoint<S extends AnySession | null>(
  endpoint: Endpoint<S>,
): (request: Request, session: S) => Promise<Response> {
  return async (request, session) => {
    const { pathname, search } = new URL(request.url);
    const answer = await answered(endpoint, session, {
      method: request.method,
      url: pathname + search,
      address: null,
      header: (name) => request.headers.get(name) ?? undefined,
      fields: async () => fieldsOf(request.headers.get("content-type"), await textOf(request.body)),
    });
    const headers = new Headers();
    for (const [name, value] of answer.headers) headers.append(name, value);
    return new Response(answer.body === "" ? null : answer.body, { status: answer.status, headers });
  };
}

/** What is used of a request of Node's, or of a framework on it that may have read the body already. */
export interface NodeAsk extends IncomingMessage {
  readonly originalUrl?: string;
  /** What a body parser made of it. */
  readonly body?: unknown;
}

/**
 * Makes an endpoint a handler of Node's requests and responses, for `node:http`, Express, and what gives its raw pair.
 *
 * @param sessionOf finds the request's session, such as `(request) => request.session`.
 */
export function nodeEndpoint<S extends AnySession | null, R extends NodeAsk>(
  endpoint: Endpoint<S>,
  sessionOf: (request: R) => S,
): (request: R, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const answer = await answered(endpoint, sessionOf(request), {
      method: request.method ?? "GET",
      url: request.originalUrl ?? request.url ?? "/",
      address: request.socket.remoteAddress ?? null,
      header: (name) => [request.headers[name]].flat().join(", ") || undefined,
      fields: async () =>
        request.body === undefined
          ? fieldsOf(request.headers["content-type"] ?? null, await textOf(request))
          : textsOf(request.body),
    });
    response.statusCode = answer.status;
    for (const [name, value] of answer.headers) response.appendHeader(name, value);
    response.end(answer.body);
  };
}

/** An answer of JSON that no cache keeps. */
export function jsonAnswer(status: number, value: unknown): Answer {
  return {
    status,
    headers: [
      ["Content-Type", "application/json"],
      ["Cache-Control", "no-store"],
    ],
    body: JSON.stringify(value),
  };
}

async function answered<S extends AnySession | null>(
  endpoint: Endpoint<S>,
  session: S,
  ask: Ask,
): Promise<Answer> {
  try {
    return await endpoint(ask, session);
  } catch (error) {
    if (error instanceof TooLarge) return jsonAnswer(413, { error: "too_large" });
    throw error;
  }
}

async function textOf(body: AsyncIterable<Uint8Array | string> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of body ?? []) {
    const chunk = typeof piece === "string" ? new TextEncoder().encode(piece) : piece;
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new TooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function fieldsOf(contentType: string | null, text: string): ReadonlyMap<string, string> {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase();
  if (type === "application/x-www-form-urlencoded") return new Map(new URLSearchParams(text));
  return type === "application/json" ? textsOf(parsed(text)) : new Map();
}

function textsOf(value: unknown): ReadonlyMap<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map();
  return new Map(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
