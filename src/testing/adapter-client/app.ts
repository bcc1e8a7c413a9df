import assert from "node:assert/strict";

import type { SessionManager } from "../../core/manager.ts";
import type { RunningApplication } from "../adapter-subject.ts";
import { type CookieJar, cookieJar } from "../cookie-jar.ts";
import { Connection } from "./connection.ts";
import { Reply } from "./reply.ts";

/** What a client asks. */
export interface Ask {
  readonly method?: string;
  /** Whole lines of the header, in order; a name may come several times. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

/** A request that is under way. */
export interface UnderWay {
  /** Whether anything of the answer came. */
  readonly arrived: boolean;
  /** The whole answer. Rejects when it is cut. */
  readonly reply: Promise<Reply>;
}

/** An application that runs for one rule, as its clients see it. */
export class App {
  readonly manager: SessionManager;
  readonly #running: RunningApplication;
  readonly #open: Set<Connection> = new Set();

  readonly #isBusy: () => boolean;

  /** `isBusy` tells whether the store is at work. */
  constructor(manager: SessionManager, running: RunningApplication, isBusy: () => boolean) {
    this.manager = manager;
    this.#running = running;
    this.#isBusy = isBusy;
  }

  /** Where it is; a name of no host where it listens nowhere. */
  get origin(): string {
    return this.#running.origin ?? "http://127.0.0.1";
  }

  async connect(): Promise<Connection> {
    const connection = await Connection.open(this.origin);
    this.#open.add(connection);
    return connection;
  }

  /** Asks on a connection of its own and gives the answer. */
  async send(path: string, ask: Ask = {}): Promise<Reply> {
    const underWay = await this.begin(path, ask);
    return await underWay.reply;
  }

  /** Asks on a connection of its own, and does not wait for the answer. */
  async begin(path: string, ask: Ask = {}): Promise<UnderWay> {
    const underWay =
      this.#running.fetch === undefined
        ? await this.#overSocket(path, ask)
        : called(this.#running.fetch, new URL(path, this.origin), ask);
    // A rule may fail before it comes to look at the answer.
    underWay.reply.catch(() => undefined);
    return underWay;
  }

  browser(): Browser {
    return new Browser(this);
  }

  /**
   * Gives whatever was begun before time to arrive: an answer that is written now comes after what was written, and the
   * store is done with what it was asked.
   */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3 || this.#isBusy(); turn += 1) {
      assert.equal((await this.send("/ping")).body, "pong");
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.cut();
    await this.#running.close();
  }

  async #overSocket(path: string, ask: Ask): Promise<UnderWay> {
    const connection = await this.connect();
    const { method = "GET" } = ask;
    connection.write(requestText(method, path, [...(ask.headers ?? []), ["Connection", "close"]]));
    return {
      get arrived() {
        return connection.received > 0;
      },
      reply: connection.reply(method),
    };
  }
}

/** The text of a request without a body. */
export function requestText(
  method: string,
  path: string,
  headers: readonly (readonly [name: string, value: string])[] = [],
): string {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.join("")}\r\n`;
}

function called(fetch: (request: Request) => Promise<Response>, url: URL, ask: Ask): UnderWay {
  const headers = new Headers();
  for (const [name, value] of ask.headers ?? []) headers.append(name, value);
  let arrived = false;
  const answered = fetch(new Request(url, { method: ask.method ?? "GET", headers }));
  const reply = answered.then(async (response) => {
    arrived = true;
    return await Reply.of(response);
  });
  return {
    get arrived() {
      return arrived;
    },
    reply,
  };
}

/** A client that keeps cookies. */
export class Browser {
  readonly jar: CookieJar = cookieJar();
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
  }

  /** The session cookie's value. */
  get token(): string | undefined {
    return this.jar.cookies()[0]?.value;
  }

  /** The line that this browser sends now. */
  get cookieLines(): readonly (readonly [string, string])[] {
    const line = this.jar.header(this.#app.origin);
    return line === undefined ? [] : [["Cookie", line]];
  }

  /** Asks with its cookies, and keeps those of the answer. */
  async get(path: string, ask: Ask = {}): Promise<Reply> {
    const underWay = await this.begin(path, ask);
    return await underWay.reply;
  }

  /** Asks with its cookies, keeps those of the answer when it comes, and does not wait for it. */
  async begin(path: string, ask: Ask = {}): Promise<UnderWay> {
    const underWay = await this.#app.begin(path, {
      ...ask,
      headers: [...this.cookieLines, ...(ask.headers ?? [])],
    });
    const reply = underWay.reply.then((came) => {
      this.jar.take(came.cookies, this.#app.origin);
      return came;
    });
    reply.catch(() => undefined);
    return {
      get arrived() {
        return underWay.arrived;
      },
      reply,
    };
  }
}
