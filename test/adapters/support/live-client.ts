import type { LiveClient } from "../../../src/testing/index.ts";

/** What a protocol's client is told from outside, as the contract's client. */
export class ClientState {
  readonly closed: Promise<string>;
  readonly #greeted: Promise<string>;
  #waiting: { resolve(text: string): void; reject(error: Error): void } | null = null;
  #close: (reason: string) => void = () => {};
  #greet: (text: string) => void = () => {};
  #isGreeted = false;

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.#greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
  }

  /** The server sent a text: the greeting, or an answer. */
  received(text: string): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      return this.#greet(text);
    }
    this.#waiting?.resolve(text);
    this.#waiting = null;
  }

  /** The server closed the connection. */
  ended(reason: string): void {
    this.#close(reason);
    this.#waiting?.reject(new Error(`the connection was closed: ${reason}`));
    this.#waiting = null;
  }

  /** Resolves when the server has greeted. */
  async client(send: (text: string) => void, leave: () => void): Promise<LiveClient> {
    const greeting = await this.#greeted;
    return {
      greeting,
      closed: this.closed,
      leave,
      ask: (text) =>
        new Promise((resolve, reject) => {
          this.#waiting = { resolve, reject };
          send(text);
        }),
    };
  }
}

/** What a subject sends for a message that failed. */
export function errorText(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return `error ${code ?? message}`;
}
