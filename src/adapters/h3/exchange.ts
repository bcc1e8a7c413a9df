import type { Cookie, HttpExchange } from "../../index.ts";
import { serializeCookie } from "../../index.ts";

/** A request as an event of either version tells it. */
export interface EventRequest {
  readonly method: string;
  readonly url: string;
  readonly secure: boolean;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
  header(name: string): string | undefined;
}

/** Where the headers of an answer are kept until h3 makes a `Response` of it. */
export interface EventAnswer {
  readonly status: number | undefined;
  readonly takesHeaders: boolean;
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
}

/** An event where nothing leaves before h3 has the whole answer: a runtime without Node's request and response, or a request in process. */
export class EventExchange implements HttpExchange {
  readonly commitsLate = false;
  readonly #request: EventRequest;
  readonly #answer: EventAnswer;
  readonly #cookies: string[] = [];

  constructor(request: EventRequest, answer: EventAnswer) {
    this.#request = request;
    this.#answer = answer;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    return this.#request.url;
  }

  get secure(): boolean {
    return this.#request.secure;
  }

  get mountPath(): string {
    return this.#request.mountPath;
  }

  get remoteAddress(): string | undefined {
    return this.#request.remoteAddress;
  }

  get waitUntil(): ((work: Promise<unknown>) => void) | undefined {
    return this.#request.waitUntil;
  }

  get cookieLines(): readonly string[] {
    const line = this.#request.header("cookie");
    return line === undefined ? [] : [line];
  }

  get status(): number | undefined {
    return this.#answer.status;
  }

  get canSetCookie(): boolean {
    return this.#answer.takesHeaders;
  }

  /** The cookies that were set, for an answer that takes the place of this one. */
  get cookies(): readonly string[] {
    return this.#cookies;
  }

  header(name: string): string | undefined {
    return this.#request.header(name);
  }

  setCookie(cookie: Cookie): void {
    const line = serializeCookie(cookie);
    this.#cookies.push(line);
    this.#answer.append("set-cookie", line);
  }

  responseHeader(name: string): string | undefined {
    return this.#answer.get(name);
  }

  setResponseHeader(name: string, value: string): void {
    this.#answer.set(name, value);
  }
}
