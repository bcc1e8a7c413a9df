import type { IncomingMessage, ServerResponse } from "node:http";
import { type AnySession, SessionError } from "./index.ts";

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

/**
 * Makes an endpoint a function of the Fetch API, for every adapter whose handlers take a `Request`. It rejects with what the endpoint throws,
 * which is nothing that a client sends, and with `ERR_SESSION_USE` when the endpoint needs a body that somebody else has read.
 */
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
      fields: async () => {
        if (request.bodyUsed) throw bodyIsGone("Give the endpoint the request before anything reads it.");
        return fieldsOf(request.headers.get("content-type"), await textOf(request.body));
      },
    });
    const headers = new Headers();
    for (const [name, value] of answer.headers) headers.append(name, value);
    return new Response(answer.body === "" ? null : answer.body, { status: answer.status, headers });
  };
}

/** What is used of a request of Node's, or of a framework on it that may have read the body already. */
export interface NodeAsk extends IncomingMessage {
  readonly originalUrl?: string;
  /** What a body parser made of it: an object, or the text or bytes as they came. */
  readonly body?: unknown;
}

/**
 * Makes an endpoint a handler of Node's requests and responses, for `node:http`, Express, and what gives its raw pair. A body is taken from
 * `request.body` where a parser has read it, else from the request itself. What the endpoint throws goes to `next`, where that is given as
 * Express does, and else rejects: nothing that a client sends, but a client that leaves amid its body (status 400), and
 * `ERR_SESSION_USE` for a body that somebody has read and not left in `request.body`.
 *
 * @param sessionOf finds the request's session, such as `(request) => request.session`.
 */
export function nodeEndpoint<S extends AnySession | null, R extends NodeAsk>(
  endpoint: Endpoint<S>,
  sessionOf: (request: R) => S,
): (request: R, response: ServerResponse, next?: (error: unknown) => void) => Promise<void> {
  return async (request, response, next) => {
    try {
      send(await answered(endpoint, sessionOf(request), askOf(request)), response);
    } catch (error) {
      if (next === undefined) throw error;
      // Express 4 does not see what a handler rejects with.
      next(error);
    }
  };
}

function askOf(request: NodeAsk): Ask {
  return {
    method: request.method ?? "GET",
    url: request.originalUrl ?? request.url ?? "/",
    address: request.socket.remoteAddress ?? null,
    header: (name) => [request.headers[name]].flat().join(", ") || undefined,
    fields: () => nodeFieldsOf(request),
  };
}

function send(answer: Answer, response: ServerResponse): void {
  response.statusCode = answer.status;
  const replaced = new Set<string>();
  for (const [name, value] of answer.headers) {
    const key = name.toLowerCase();
    // The cookies of others stay. Of every other header the endpoint's own value counts, and not a framework's default.
    if (key === "set-cookie" || replaced.has(key)) response.appendHeader(name, value);
    else response.setHeader(name, value);
    replaced.add(key);
  }
  response.end(answer.body);
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

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const pieces = new Pieces();
  for await (const piece of body ?? []) pieces.add(piece);
  return pieces.text();
}

/** The fields of a request that a parser may have read. Express 4 has an empty object where its parser did not look. */
async function nodeFieldsOf(request: NodeAsk): Promise<ReadonlyMap<string, string>> {
  const type = request.headers["content-type"] ?? null;
  const { body } = request;
  if (request.readableDidRead) {
    if (body === undefined && hasBody(request))
      throw bodyIsGone("Mount the endpoint before what reads it, or leave the outcome in request.body.");
    return bodyFieldsOf(type, body);
  }
  const text = await streamText(request);
  return text === "" ? bodyFieldsOf(type, body) : fieldsOf(type, text);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

function bodyFieldsOf(type: string | null, body: unknown): ReadonlyMap<string, string> {
  if (typeof body === "string") return fieldsOf(type, body);
  return body instanceof Uint8Array ? fieldsOf(type, new TextDecoder().decode(body)) : textsOf(body);
}

/** Reads a request of Node's to its end. Not by iterating, which would tear the request from its socket when the body is too large. */
function streamText(request: IncomingMessage): Promise<string> {
  if (request.readableEnded || request.destroyed) return Promise.resolve("");
  return new Promise((resolve, reject) => {
    const pieces = new Pieces();
    const settled = (settle: () => void): void => {
      request.off("data", onData).off("end", onEnd).off("close", onLeft).off("error", onLeft);
      // The rest is let through unread, so that the connection can go on.
      request.on("error", ignore).resume();
      settle();
    };
    const onData = (piece: Uint8Array): void => {
      try {
        pieces.add(piece);
      } catch (error) {
        settled(() => reject(error));
      }
    };
    const onEnd = (): void => settled(() => resolve(pieces.text()));
    const onLeft = (): void => settled(() => reject(clientLeft()));
    request.on("data", onData).on("end", onEnd).on("close", onLeft).on("error", onLeft);
  });
}

class Pieces {
  readonly #decoder = new TextDecoder();
  #text = "";
  #bytes = 0;

  /** @throws {@link TooLarge} past the limit. */
  add(piece: Uint8Array): void {
    this.#bytes += piece.byteLength;
    if (this.#bytes > MAX_BODY_BYTES) throw new TooLarge();
    this.#text += this.#decoder.decode(piece, { stream: true });
  }

  text(): string {
    return this.#text + this.#decoder.decode();
  }
}

function ignore(): void {}

/** Nobody is there to be answered; frameworks need not take it for a failure of the server. */
function clientLeft(): Error {
  return Object.assign(new Error("The client left before its body was complete."), {
    status: 400,
    statusCode: 400,
  });
}

function bodyIsGone(mend: string): SessionError {
  return new SessionError(
    "ERR_SESSION_USE",
    `The body of the request has been read by something else. ${mend}`,
  );
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
