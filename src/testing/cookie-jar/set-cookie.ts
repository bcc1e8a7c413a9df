import { isTrustworthy, matchesDomain } from "./match.ts";

/** A cookie as a browser keeps it. */
export interface JarCookie {
  readonly name: string;
  readonly value: string;
  readonly domain: string;
  /** Sent to this very host only, not to those below it. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: string | undefined;
  readonly partitioned: boolean;
  /** Milliseconds since the epoch; absent when it ends with the browser. */
  readonly expiresAt?: number;
}

/** A Set-Cookie line in its parts. Attribute names are lower-case; of several of one name the last counts. */
export interface ParsedSetCookie {
  readonly name: string;
  readonly value: string;
  readonly attributes: ReadonlyMap<string, string>;
}

const LONGEST_PAIR = 4096;
const LONGEST_ATTRIBUTE = 1024;
const LONGEST_LIFE_MS = 400 * 24 * 60 * 60 * 1000;
// Every control character but the tab ends the whole cookie (section 5.6, step 1).
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Takes a Set-Cookie line apart (RFC 6265bis, section 5.6). Undefined when a browser would ignore the line. */
export function parseSetCookie(line: string): ParsedSetCookie | undefined {
  if (CONTROL.test(line)) return undefined;
  const [pair = "", ...rest] = line.split(";");
  const equals = pair.indexOf("=");
  const name = equals < 0 ? "" : pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  if (name === "" && value === "") return undefined;
  if (Buffer.byteLength(name) + Buffer.byteLength(value) > LONGEST_PAIR) return undefined;
  return {
    name,
    value,
    attributes: new Map(rest.map(attribute).filter(([, text]) => text.length <= LONGEST_ATTRIBUTE)),
  };
}

function attribute(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 0) return [text.trim().toLowerCase(), ""];
  return [text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim()];
}

/**
 * Decides what a browser keeps of a parsed line (section 5.7). Undefined when it refuses the cookie. A cookie that is
 * to be erased comes back with an `expiresAt` that is past.
 */
export function judge(
  parsed: ParsedSetCookie,
  from: URL,
  now: number,
  pathByDefault: string,
): JarCookie | undefined {
  const { name, value, attributes } = parsed;
  const host = from.hostname;
  const domain = (attributes.get("domain") ?? "").replace(/^\./, "").toLowerCase();
  if (domain !== "" && !matchesDomain(host, domain)) return undefined;
  const path = attributes.get("path") ?? "";
  const expiresAt = expiry(attributes, now);
  const cookie: JarCookie = {
    name,
    value,
    domain: domain === "" ? host : domain,
    hostOnly: domain === "",
    path: path.startsWith("/") ? path : pathByDefault,
    secure: attributes.has("secure"),
    httpOnly: attributes.has("httponly"),
    sameSite: attributes.get("samesite"),
    partitioned: attributes.has("partitioned"),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const insecure = cookie.secure && !isTrustworthy(from);
  if (insecure || !keepsPrefix(cookie, attributes)) return undefined;
  if (cookie.sameSite?.toLowerCase() === "none" && !cookie.secure) return undefined;
  if (cookie.partitioned && !cookie.secure) return undefined;
  return cookie;
}

/** Whether the cookie has what its name promises; a nameless cookie must not look as if it had a promising name. */
function keepsPrefix(cookie: JarCookie, attributes: ReadonlyMap<string, string>): boolean {
  const name = (cookie.name === "" ? cookie.value : cookie.name).toLowerCase();
  const promises = name.startsWith("__host-") || name.startsWith("__secure-") || name.startsWith("__http-");
  if (!promises) return true;
  if (cookie.name === "" || !cookie.secure) return false;
  const isHttp = name.startsWith("__http-") || name.startsWith("__host-http-");
  if (isHttp && !cookie.httpOnly) return false;
  if (!name.startsWith("__host-")) return true;
  return cookie.hostOnly && attributes.get("path") === "/";
}

function expiry(attributes: ReadonlyMap<string, string>, now: number): number | undefined {
  const maxAge = attributes.get("max-age");
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge))
    return Math.min(now + Number(maxAge) * 1000, now + LONGEST_LIFE_MS);
  const expires = Date.parse(attributes.get("expires") ?? "");
  return Number.isNaN(expires) ? undefined : Math.min(expires, now + LONGEST_LIFE_MS);
}
