import type { Cookie } from "./cookie.ts";

/**
 * One request and its response, as an adapter shows them to the core. Everything a manager knows of HTTP goes through
 * here. An adapter makes one exchange per request and hands the same object to all hooks.
 */
export interface HttpExchange {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly url: string;
  /** The value of a request header, lower-case name; several lines joined by a comma. `host` is there whatever the protocol calls it. */
  header(name: string): string | undefined;
  /** The lines of the Cookie header, as they came: HTTP/2 and odd clients send several. */
  readonly cookieLines: readonly string[];
  /** The address of the other end of the connection, where there is one. A client behind a proxy shows the proxy's. */
  readonly remoteAddress?: string | undefined;
  /** Where the application is mounted, without a trailing slash; empty at the root. */
  readonly mountPath: string;
  /** Whether this connection is TLS. Nothing of safety depends on it. */
  readonly secure: boolean;
  /** The status of the response, once the application set one. */
  readonly status?: number | undefined;
  /** Whether the response can still carry a Set-Cookie. Asked at the moment of need. */
  readonly canSetCookie: boolean;
  /** Appends a Set-Cookie to the response. Called only while `canSetCookie`; at most once a name. */
  setCookie(cookie: Cookie): void;
  /** A response header as it stands now; several values joined by a comma. */
  responseHeader(name: string): string | undefined;
  /** Replaces a response header. Called only while `canSetCookie`. */
  setResponseHeader(name: string, value: string): void;
  /**
   * Why the session can only be read here, as the end of a sentence such as "…: a server component has no response to put
   * a cookie on". Verbs that change it then throw `ERR_SESSION_READ_ONLY`, and values come frozen. Activity still keeps
   * the session alive; a new secret that is due waits for another request. Goes with a `canSetCookie` of `false`.
   */
  readonly readOnly?: string | undefined;
  /** Whether the adapter calls `finishLate` when the response is complete, so that a change after the headers is stored. */
  readonly commitsLate: boolean;
  /** Keeps the platform alive for work after the response. Without it nothing runs after the response. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}
