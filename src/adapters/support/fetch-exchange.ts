import type { CachingHeaders, Cookie, HttpExchange } from "../../index.ts";
import { forbidStoring, keepPrivate, serializeCookie } from "../../index.ts";

/** What the platform knows of a request beside the request itself. */
export interface FetchView {
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  /** Asked at the moment of need: where a platform has none, some frameworks throw to say so. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** Whether the response has no way to a client that keeps cookies: a request within another, or at build time. Default: it has. */
  readonly isCookieless?: boolean;
  /** What counts as the Cookie header, where that is not the request's own. */
  readonly cookieLines?: readonly string[] | undefined;
}

/** Statuses that have no body, and that no `Response` can be made of with one. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** A header of a request. Some runtimes, and HTTP/2, keep the host in the address alone. */
export function headerOf(request: Request, name: string): string | undefined {
  const value = request.headers.get(name);
  if (value !== null) return value;
  return name === "host" ? new URL(request.url).host : undefined;
}

/** A `Request`, and the `Response` once there is one, as the core sees them. Never changes either. */
export class FetchExchange implements HttpExchange {
  readonly commitsLate = false;
  readonly mountPath: string;
  readonly remoteAddress: string | undefined;
  readonly #request: Request;
  readonly #view: FetchView;
  #response: Response | null = null;
  /** The session's headers but for cookies, names in lower case. Apart from the response's: those may be immutable, and a handler may use a response twice. */
  #headers: Map<string, string> | null = null;
  /** What has to be on whatever response this request gets in the end. */
  readonly #cookies: Cookie[] = [];

  constructor(request: Request, view: FetchView) {
    this.#request = request;
    this.mountPath = view.mountPath;
    this.remoteAddress = view.remoteAddress;
    this.#view = view;
  }

  get waitUntil(): ((work: Promise<unknown>) => void) | undefined {
    return this.#view.waitUntil;
  }

  get method(): string {
    return this.#request.method;
  }

  get url(): string {
    const { pathname, search } = new URL(this.#request.url);
    return pathname + search;
  }

  get secure(): boolean {
    return this.#request.url.startsWith("https:");
  }

  get cookieLines(): readonly string[] {
    if (this.#view.cookieLines !== undefined) return this.#view.cookieLines;
    const line = this.#request.headers.get("cookie");
    return line === null ? [] : [line];
  }

  get status(): number | undefined {
    return this.#response?.status;
  }

  get canSetCookie(): boolean {
    if (this.#view.isCookieless === true) return false;
    return this.#response === null || isRebuildable(this.#response);
  }

  /** What the client will send of the session once it has the response. */
  get nextCookieLines(): readonly string[] {
    if (this.#cookies.length === 0) return this.cookieLines;
    return [this.#cookies.map(({ name, value }) => `${name}=${value}`).join("; ")];
  }

  /** Whether a cookie has to be on whatever response this request gets in the end. */
  get bearsCookie(): boolean {
    return this.#cookies.length > 0;
  }

  /** Whether the session has no header for the response. */
  get addsNothing(): boolean {
    return this.#headers === null && !this.bearsCookie;
  }

  header(name: string): string | undefined {
    return headerOf(this.#request, name);
  }

  setCookie(cookie: Cookie): void {
    this.#cookies.push(cookie);
  }

  responseHeader(name: string): string | undefined {
    if (name === "set-cookie" && this.bearsCookie)
      return this.#on(this.#response?.headers).get(name) ?? undefined;
    return this.#headers?.get(name) ?? this.#response?.headers.get(name) ?? undefined;
  }

  setResponseHeader(name: string, value: string): void {
    (this.#headers ??= new Map()).set(name, value);
  }

  /** Shows the core the response that is about to start. */
  answer(response: Response): void {
    this.#response = response;
  }

  /** The response with the session's headers: the very same one when there are none. */
  dressed(response: Response): Response {
    return this.addsNothing ? response : rebuilt(response, this.#on(response.headers));
  }

  /**
   * Puts the session's headers on the response itself, where a framework's responses are its own to change and none of them is a cookie:
   * a response that is used again then says no more than that it is private. Tells whether that is done; a list may be immutable.
   */
  dresses(response: Response): boolean {
    if (this.bearsCookie) return false;
    try {
      for (const [name, value] of this.#headers ?? []) response.headers.set(name, value);
      return true;
    } catch {
      return false;
    }
  }

  /** Another response than the one shown, such as a rendered failure, with what must not be lost of the session's headers. */
  redressed(response: Response): Response {
    if (this.addsNothing || !isRebuildable(response)) return response;
    const headers = new Headers(response.headers);
    if (this.#headers?.has("vary") === true) dependOnCookie(headers);
    if (this.bearsCookie) {
      for (const cookie of this.#cookies) appendCookie(headers, cookie);
      forbidStoring(cachingOf(headers));
    }
    return rebuilt(response, headers);
  }

  /** A copy of a response's headers, with the session's. */
  #on(present: Headers | undefined): Headers {
    const headers = new Headers(present);
    for (const [name, value] of this.#headers ?? []) headers.set(name, value);
    for (const cookie of this.#cookies) appendCookie(headers, cookie);
    return headers;
  }
}

/** Whether a response can be made anew with other headers: not one that switches protocols, nor a network error. */
export function isRebuildable(response: Response): boolean {
  return response.status >= 200 && response.status <= 599;
}

/** Whether a response says of itself that the request failed. A network error tells the client nothing, so it cannot tell of a success either. */
export function saysFailure({ status }: Response): boolean {
  // Not by `type`, for which the responses of Node's server for Hono have to be made anew.
  return status >= 500 || status === 0;
}

/** A body that was read, or is being read, cannot be sent: the request has failed. */
export function isSpent(response: Response): boolean {
  return response.bodyUsed || response.body?.locked === true;
}

/** The same response with other headers. */
export function rebuilt(response: Response, headers: Headers): Response {
  const { status, statusText } = response;
  return new Response(BODILESS.has(status) ? null : response.body, { status, statusText, headers });
}

/** As the core does for the response that it is shown. */
function dependOnCookie(headers: Headers): void {
  if (!/(^|,)\s*(cookie|\*)\s*(,|$)/i.test(headers.get("vary") ?? "")) headers.append("vary", "Cookie");
  keepPrivate(cachingOf(headers));
}

/** A list of headers as the core looks at them for caches. */
export function cachingOf(headers: Headers): CachingHeaders {
  return {
    responseHeader: (name) => headers.get(name) ?? undefined,
    setResponseHeader: (name, value) => headers.set(name, value),
  };
}

/** Appends a cookie in the place of any of its name: what comes twice, clients take in no order that can be relied on. */
function appendCookie(headers: Headers, cookie: Cookie): void {
  const others = headers.getSetCookie().filter((line) => !line.startsWith(`${cookie.name}=`));
  headers.delete("set-cookie");
  for (const line of others) headers.append("set-cookie", line);
  headers.append("set-cookie", serializeCookie(cookie));
}
