import { Agent, request as requestHttp, type IncomingMessage } from "node:http";
import { type ClientHttp2Session, connect, constants } from "node:http2";
import type { Readable } from "node:stream";
import { cookieJar, type CookieJar } from "../../../src/testing/index.ts";
import type { Seen } from "./http-app.ts";
import type { Kind, Ports } from "./http-orders.ts";

export interface RequestOptions {
  readonly cookie?: string | undefined;
  /** Hangs up this long after sending, in milliseconds, if there is no answer by then. */
  readonly leaveAfterMs?: number;
}

/** A response, from the moment that its head is there. */
export interface Reply {
  /** 0 when the connection ended without one. */
  readonly status: number;
  readonly setCookies: readonly string[];
  /** Milliseconds from sending to the head. */
  readonly ms: number;
  /** The body, when all of it is there; what was there when the connection was cut. */
  readonly body: Promise<string>;
}

/** A request without an answer after so long hangs: longer than all deadlines and attempts of a commit together. */
const HANGING_MS = 50_000;

/** A client of one server process: kept-alive connections of HTTP/1, one of HTTP/2. */
export class Client {
  readonly #ports: Ports;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  #http2: ClientHttp2Session | null = null;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async request(kind: Kind, query: string, options: RequestOptions): Promise<Reply> {
    const began = performance.now();
    const head = await (kind === "http2"
      ? this.#overHttp2(query, options)
      : this.#overHttp1(kind, query, options));
    const ms = performance.now() - began;
    if (head === null) return { status: 0, setCookies: [], ms, body: Promise.resolve("") };
    return { ...head, ms };
  }

  close(): void {
    this.#agent.destroy();
    this.#http2?.destroy();
  }

  #overHttp1(kind: Kind, query: string, options: RequestOptions): Promise<Omit<Reply, "ms"> | null> {
    return new Promise((resolve) => {
      const request = requestHttp({
        agent: this.#agent,
        host: "127.0.0.1",
        port: this.#ports[kind],
        path: `/?${query}`,
        headers: options.cookie === undefined ? {} : { Cookie: options.cookie },
      });
      const stop = limits(options, (reason) => request.destroy(reason));
      request.on("error", (error) => {
        stop();
        resolve(hanging(error));
      });
      request.on("response", (response: IncomingMessage) => {
        stop();
        const setCookies = response.headers["set-cookie"] ?? [];
        resolve({ status: response.statusCode ?? 0, setCookies, body: textOf(response) });
      });
      request.end();
    });
  }

  #overHttp2(query: string, options: RequestOptions): Promise<Omit<Reply, "ms"> | null> {
    const session = this.#session();
    return new Promise((resolve) => {
      const stream = session.request({
        ":path": `/?${query}`,
        ...(options.cookie !== undefined && { cookie: options.cookie }),
      });
      const stop = limits(options, (reason) => {
        if (reason === undefined) stream.close(constants.NGHTTP2_CANCEL);
        else stream.destroy(reason);
      });
      let hung: Error | null = null;
      stream.on("error", (error) => (hung = error));
      stream.on("close", () => {
        stop();
        resolve(hanging(hung));
      });
      stream.on("response", (headers) => {
        stop();
        resolve({
          status: headers[":status"] ?? 0,
          setCookies: headers["set-cookie"] ?? [],
          body: textOf(stream),
        });
      });
      stream.end();
    });
  }

  #session(): ClientHttp2Session {
    if (this.#http2 !== null && !this.#http2.destroyed && !this.#http2.closed) return this.#http2;
    this.#http2 = connect(`http://127.0.0.1:${this.#ports.http2}`);
    this.#http2.on("error", () => {});
    return this.#http2;
  }
}

class Hanging extends Error {}

/** A connection that ended tells nothing; a request that hangs is a defect and must not pass for one. */
function hanging(error: Error | null): Omit<Reply, "ms"> | null {
  if (error instanceof Hanging) return { status: 599, setCookies: [], body: Promise.resolve("hangs") };
  return null;
}

function limits({ leaveAfterMs }: RequestOptions, end: (reason?: Error) => void): () => void {
  const timers = [setTimeout(() => end(new Hanging()), HANGING_MS)];
  if (leaveAfterMs !== undefined) timers.push(setTimeout(() => end(), leaveAfterMs));
  return () => timers.forEach(clearTimeout);
}

async function textOf(source: Readable): Promise<string> {
  let text = "";
  source.setEncoding("utf8");
  try {
    for await (const piece of source) text += piece;
  } catch {
    // Cut off: what came is what there is.
  }
  return text;
}

/** What the handler saw, by its whole answer. */
export async function seenIn(reply: Reply): Promise<Seen> {
  return JSON.parse(await reply.body) as Seen;
}

/** The address of everything, as a browser sees it: it tells cookies apart by host, not by port. */
const ORIGIN = "http://127.0.0.1/";

interface Askable {
  request(kind: Kind, query: string, options: RequestOptions): Promise<Reply>;
}

/** One browser: it sends the cookies that it holds and keeps those that it gets, whatever server they come from. */
export class Browser {
  readonly #jar: CookieJar = cookieJar();
  /** Every value that a session cookie ever had here. */
  readonly tokens: Set<string> = new Set();

  get cookie(): string | undefined {
    return this.#jar.header(ORIGIN);
  }

  get count(): number {
    return this.#jar.cookies().length;
  }

  async request(server: Askable, kind: Kind, query: string, options: RequestOptions = {}): Promise<Reply> {
    const reply = await server.request(kind, query, { ...options, cookie: this.cookie });
    this.#jar.take(reply.setCookies, ORIGIN);
    for (const cookie of this.#jar.cookies()) this.tokens.add(`${cookie.name}=${cookie.value}`);
    return reply;
  }
}

/** The session id in a Cookie header with one token. */
export function idIn(cookie: string | undefined): string {
  return cookie?.split("=")[1]?.slice(0, 24) ?? "";
}
