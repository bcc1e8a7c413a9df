import type { IncomingMessage } from "node:http";
import { SessionError } from "../index.ts";

/** A body that is larger than any that is meant for an endpoint. */
export class TooLarge extends Error {
  override readonly name = "TooLarge";
}

export const MAX_BODY_BYTES = 65_536;

/** What is used of a request of Node's, or of a framework on it that may have read the body already. */
export interface NodeAsk extends IncomingMessage {
  readonly originalUrl?: string;
  /** What a body parser made of it: an object, or the text or bytes as they came. */
  readonly body?: unknown;
}

/** The two ways to look at a body, which is read at first need and no second time: a text, or what a parser made of it. */
export function bodyOf(
  contentType: string | null,
  read: () => Promise<unknown>,
): { fields(): Promise<ReadonlyMap<string, string>>; text(): Promise<string> } {
  let reading: Promise<unknown> | null = null;
  const body = (): Promise<unknown> => (reading ??= read());
  return {
    async fields() {
      const found = await body();
      return typeof found === "string" ? fieldsOf(contentType, found) : textsOf(found);
    },
    async text() {
      const found = await body();
      return typeof found === "string" ? found : "";
    },
  };
}

/** The body of a `Request`. */
export async function fetchBody(request: Request): Promise<string> {
  if (request.bodyUsed) throw bodyIsGone("Give the endpoint the request before anything reads it.");
  const pieces = new Pieces();
  for await (const piece of request.body ?? []) pieces.add(piece);
  return pieces.text();
}

/** The body of a request that a parser may have read. Express 4 has an empty object where its parser did not look. */
export async function nodeBody(request: NodeAsk): Promise<unknown> {
  const { body } = request;
  if (request.readableDidRead) {
    if (body === undefined && hasBody(request))
      throw bodyIsGone("Mount the endpoint before what reads it, or leave the outcome in request.body.");
    return parsedBody(body);
  }
  const text = await streamText(request);
  return text === "" ? parsedBody(body) : text;
}

/** What a parser left: an object, a text, or the bytes of one. */
function parsedBody(body: unknown): unknown {
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : body;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
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
  if (type === "application/x-www-form-urlencoded") return formOf(new URLSearchParams(text));
  return type === "application/json" ? textsOf(parsed(text)) : new Map();
}

/** Leaves out what comes twice, as body parsers do by making it a list: what reads the one and what reads the other would differ. */
function formOf(form: URLSearchParams): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const twice = new Set<string>();
  for (const [name, value] of form) {
    if (found.has(name)) twice.add(name);
    else found.set(name, value);
  }
  for (const name of twice) found.delete(name);
  return found;
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
