import { validateHeaderName, validateHeaderValue } from "node:http";
import type { NodeRequest, NodeServerResponse, PendingHeaders } from "../support/node-exchange.ts";
import { OF_THE_ANSWER } from "../support/answer-headers.ts";

/** What is used of a Fastify request. */
export interface FastifyRequestLike {
  readonly raw: NodeRequest;
  readonly originalUrl: string;
  readonly url: string;
  readonly method: string;
  /** The client's address; behind a proxy that Fastify is told to trust, the one that the proxy names. */
  readonly ip: string;
  readonly is404: boolean;
  readonly routeOptions: { readonly url?: string | undefined; readonly config: object };
}

type HeaderValue = number | string | string[] | undefined;

/** What is used of a Fastify reply. */
export interface FastifyReplyLike {
  readonly raw: NodeServerResponse;
  readonly sent: boolean;
  readonly statusCode: number;
  code(status: number): unknown;
  getHeader(name: string): HeaderValue;
  getHeaders(): Record<string, HeaderValue>;
  header(name: string, value: string | readonly string[]): unknown;
  removeHeader(name: string): unknown;
}

/** The headers of a reply, which Fastify puts on the message when it sends: what stands there before would be replaced. */
export class ReplyHeaders implements PendingHeaders {
  readonly #reply: FastifyReplyLike;

  constructor(reply: FastifyReplyLike) {
    this.#reply = reply;
  }

  getHeader(name: string): string | undefined {
    const value = this.#reply.getHeader(name);
    return Array.isArray(value) ? value.join(", ") : value?.toString();
  }

  setHeader(name: string, value: string): void {
    this.#reply.header(name, value);
  }

  /** Not by Fastify's own appending: in Fastify 5.0 that pushes into the array which the application set, perhaps for every client. */
  appendHeader(name: string, value: string): void {
    const present = this.#reply.getHeader(name);
    if (present === undefined) return this.setHeader(name, value);
    this.#reply.removeHeader(name);
    this.#reply.header(name, [...(Array.isArray(present) ? present : [present.toString()]), value]);
  }
}

/** Whether this is all of an answer. Of a stream nobody knows yet whether it can be read, and a `Response` brings a status and headers of its own. */
export function isWhole(payload: unknown): boolean {
  return typeof payload === "string" || payload === undefined || payload === null || Buffer.isBuffer(payload);
}

/** Whether Node is going to take the headers: what is refused must not have been committed for. */
export function isSendable(reply: FastifyReplyLike): boolean {
  try {
    const headers = reply.getHeaders();
    for (const name in headers) {
      validateHeaderName(name);
      validateHeaderValue(name, headers[name] as string);
    }
    return true;
  } catch {
    return false;
  }
}

/** Takes back what describes an answer that is not going to be sent; Fastify keeps headers for the answer to the error. */
export function dropAnswer(reply: FastifyReplyLike, status: number): void {
  for (const name of OF_THE_ANSWER) {
    reply.removeHeader(name);
    // Fastify 5.0 leaves there what it finds there.
    reply.raw.removeHeader(name);
  }
  reply.header("cache-control", "no-store");
  reply.code(status);
}
