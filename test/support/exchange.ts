import type { Cookie, HttpExchange } from "../../src/index.ts";
import { serializeCookie } from "../../src/index.ts";

export interface TestExchange extends HttpExchange {
  readonly cookies: Cookie[];
  readonly headers: Map<string, string>;
  /** What runs beside the response. */
  readonly background: Promise<unknown>[];
  canSetCookie: boolean;
  status?: number | undefined;
}

export interface TestExchangeOptions {
  readonly method?: string;
  readonly cookie?: string | readonly string[];
  readonly requestHeaders?: Readonly<Record<string, string>>;
  readonly mountPath?: string;
  readonly commitsLate?: boolean;
  readonly remoteAddress?: string;
  /** Why the session can only be read. Such a response carries no cookie. */
  readonly readOnly?: string;
}

/** One request without a server: what an adapter would show the core. */
export function testExchange(options: TestExchangeOptions = {}): TestExchange {
  const cookies: Cookie[] = [];
  const headers = new Map<string, string>();
  const background: Promise<unknown>[] = [];
  const lines = options.cookie === undefined ? [] : [options.cookie].flat();
  return {
    cookies,
    headers,
    background,
    method: options.method ?? "GET",
    url: "/",
    header: (name) => options.requestHeaders?.[name],
    cookieLines: lines,
    remoteAddress: options.remoteAddress,
    mountPath: options.mountPath ?? "",
    secure: true,
    canSetCookie: options.readOnly === undefined,
    readOnly: options.readOnly,
    commitsLate: options.commitsLate ?? false,
    setCookie(cookie) {
      cookies.push(cookie);
    },
    responseHeader: (name) => headers.get(name),
    setResponseHeader: (name, value) => void headers.set(name, value),
    waitUntil: (work) => void background.push(work),
  };
}

/** The Cookie header that a client sends back after a response. */
export function cookieAfter(exchange: TestExchange): string {
  const [cookie] = exchange.cookies;
  if (cookie === undefined) throw new Error("the response set no cookie");
  return serializeCookie(cookie).split(";")[0] ?? "";
}
