import type { IncomingHttpHeaders } from "node:http";

import { readCookie } from "./cookie-header.ts";
import { deprecated } from "./deprecation.ts";
import { isSigned, type Secret, unsign } from "./signature.ts";

/** What is used of a request, whoever made it. */
export interface PlainRequest {
  readonly headers: IncomingHttpHeaders;
  readonly url?: string | undefined;
  readonly originalUrl?: string;
  /** Express's word for it, by its setting `trust proxy`. */
  readonly secure?: boolean;
  readonly connection?: { readonly encrypted?: boolean } | null;
  /** What cookie-parser leaves. */
  readonly secret?: Secret;
  readonly cookies?: Readonly<Record<string, unknown>>;
  readonly signedCookies?: Readonly<Record<string, unknown>>;
}

/** The path that the client asked for, wherever the middleware is mounted. */
export function pathOf({ originalUrl, url }: PlainRequest): string {
  const asked = typeof originalUrl === "string" ? originalUrl : (url ?? "");
  if (!asked.startsWith("/")) return absolutePath(asked);
  return asked.split(/[?#]/, 1)[0] ?? "/";
}

/** As proxies are asked: the whole address, or `*`. */
function absolutePath(asked: string): string {
  const path = /^[a-z][a-z\d+.-]*:\/\/[^/?#]*([^?#]*)/i.exec(asked)?.[1] ?? asked.split(/[?#]/, 1)[0];
  return path || "/";
}

/**
 * Whether the client came over HTTPS.
 *
 * @param proxy `true` believes `X-Forwarded-Proto`, `false` looks at the connection alone, anything else takes Express's word as well.
 */
export function isSecure(request: PlainRequest, proxy: boolean | undefined): boolean {
  if (request.connection?.encrypted) return true;
  if (proxy === false) return false;
  if (proxy !== true) return request.secure === true;
  const [first = ""] = String(request.headers["x-forwarded-proto"] ?? "").split(",", 1);
  return first.trim().toLowerCase() === "https";
}

/** The session id that a request brings, of a cookie that one of the secrets signed. */
export function presentedId(
  request: PlainRequest,
  name: string,
  secrets: readonly Secret[],
): string | undefined {
  const { cookie } = request.headers;
  const sent = cookie === undefined ? undefined : readCookie(cookie, name);
  const id = sent === undefined ? undefined : unsign(sent, secrets);
  return id || parsedId(request, name, secrets);
}

/** The same, of what cookie-parser made of a cookie that came another way. */
function parsedId(request: PlainRequest, name: string, secrets: readonly Secret[]): string | undefined {
  const verified = valueOf(request.signedCookies, name);
  if (verified) return told(verified);
  const plain = valueOf(request.cookies, name);
  const id = plain !== undefined && isSigned(plain) ? unsign(plain, secrets) : undefined;
  return id ? told(id) : undefined;
}

function valueOf(cookies: Readonly<Record<string, unknown>> | undefined, name: string): string | undefined {
  const value = cookies?.[name];
  return typeof value === "string" ? value : undefined;
}

function told(id: string): string {
  deprecated("cookie should be available in req.headers.cookie");
  return id;
}
