import type { HttpExchange } from "./exchange.ts";

/** A message of a live connection, as a request that has no response: it can carry no cookie. */
export class LiveExchange implements HttpExchange {
  readonly cookieLines: readonly string[] = [];
  readonly canSetCookie = false;
  readonly commitsLate = false;
  readonly #opening: HttpExchange;

  constructor(opening: HttpExchange) {
    this.#opening = opening;
  }

  get method(): string {
    return this.#opening.method;
  }

  get url(): string {
    return this.#opening.url;
  }

  get remoteAddress(): string | undefined {
    return this.#opening.remoteAddress;
  }

  get mountPath(): string {
    return this.#opening.mountPath;
  }

  get secure(): boolean {
    return this.#opening.secure;
  }

  header(name: string): string | undefined {
    return this.#opening.header(name);
  }

  setCookie(): void {}

  responseHeader(): undefined {}

  setResponseHeader(): void {}
}
