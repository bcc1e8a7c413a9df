import type { NodeServerResponse } from "../support/node-exchange.ts";
import type { Failure } from "../support/node-hold.ts";
import type { EventAnswer } from "./exchange.ts";
import { headersOf, statusOf } from "./answers.ts";

/** What plays a response of Node: it keeps the whole answer, until whoever called the application takes it. */
interface Shim {
  statusCode: number;
  statusMessage: string;
  _data?: unknown;
  getHeader(name: string): number | string | readonly string[] | undefined;
  getHeaderNames(): string[];
  setHeader(name: string, value: number | string | readonly string[]): unknown;
  removeHeader(name: string): void;
}

/** The answer to an event of h3 1 that has no response of Node's. */
export class ShimAnswer implements EventAnswer {
  readonly takesHeaders = true;
  readonly #shim: Shim;
  readonly #entry: ReadonlyMap<string, number | string | readonly string[]>;
  /** What the handler returned, when that brings a status and headers of its own. */
  #value: unknown;

  constructor(shim: NodeServerResponse) {
    this.#shim = shim;
    this.#entry = new Map(
      this.#shim.getHeaderNames().map((name) => [name, this.#shim.getHeader(name) ?? ""] as const),
    );
  }

  get status(): number {
    return statusOf(this.#value) ?? this.#shim.statusCode;
  }

  show(value: unknown): void {
    this.#value = value;
  }

  get(name: string): string | undefined {
    const own = headersOf(this.#value)?.get(name);
    // h3 adds the cookies of a `Response` to those that are there, and puts its other headers in their place.
    if (typeof own === "string" && name !== "set-cookie") return own;
    const value = this.#shim.getHeader(name);
    if (value === undefined) return own ?? undefined;
    return typeof value === "object" ? value.join(", ") : String(value);
  }

  set(name: string, value: string): void {
    this.#shim.setHeader(name, value);
    if (!(this.#value instanceof Response) || !this.#value.headers.has(name)) return;
    const { status, statusText, body } = this.#value;
    const headers = new Headers(this.#value.headers);
    headers.delete(name);
    this.#value = new Response(body, { status, statusText, headers });
  }

  append(name: string, value: string): void {
    const present = this.#shim.getHeader(name);
    const list = present === undefined ? [] : Array.isArray(present) ? present : [String(present)];
    this.#shim.setHeader(name, [...(list as readonly string[]), value]);
  }

  /**
   * Has every header looked at as it will be when a `Response` is made of the answer, which is too late for any other.
   *
   * @throws what would be thrown then.
   */
  check(): void {
    for (const name of this.#shim.getHeaderNames()) {
      const value = this.#shim.getHeader(name);
      if (value !== undefined) new Headers().append(name, String(value));
    }
  }

  /** What the handler returned, without those of its headers that were set anew. */
  get value(): unknown {
    return this.#value;
  }

  /** Takes back the headers of an answer that is not going to be given. */
  drop(): void {
    const shim = this.#shim;
    for (const name of shim.getHeaderNames()) shim.removeHeader(name);
    for (const [name, value] of this.#entry) shim.setHeader(name, value);
    shim.statusMessage = "";
  }

  /** Puts another answer in the place of the one that is there. */
  replace(failure: Failure): void {
    this.drop();
    this.#shim.statusCode = failure.status;
    for (const [name, value] of Object.entries(failure.headers)) this.#shim.setHeader(name, value);
    this.#shim._data = failure.body;
  }
}
