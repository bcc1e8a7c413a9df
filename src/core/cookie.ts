import { refuseConfig } from "./errors.ts";
import { isProduction } from "./platform.ts";

/** A cookie as data; {@link serializeCookie} makes the header of it, for setting and revoking alike. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly path: string;
  readonly domain?: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
  readonly partitioned: boolean;
  /** Seconds; 0 revokes. Absent: the cookie lives as long as the browser. */
  readonly maxAge?: number;
}

/** Makes the value of a Set-Cookie header (RFC 6265bis, section 4.1). */
export function serializeCookie(cookie: Cookie): string {
  let text = `${cookie.name}=${cookie.value}; Path=${cookie.path}`;
  if (cookie.domain !== undefined) text += `; Domain=${cookie.domain}`;
  if (cookie.maxAge !== undefined) text += `; Max-Age=${cookie.maxAge}`;
  // Old clients ignore Max-Age; an expiry in the past is understood by all of them.
  if (cookie.maxAge === 0) text += "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
  if (cookie.secure) text += "; Secure";
  if (cookie.httpOnly) text += "; HttpOnly";
  text += `; SameSite=${cookie.sameSite}`;
  if (cookie.partitioned) text += "; Partitioned";
  return text;
}

const NO_VALUES: readonly string[] = [];

/**
 * Finds the values of one cookie in the lines of the Cookie header, in order, as they stand. Takes any bytes; what
 * is not `name=value` is passed over (RFC 6265bis, section 5.8; several lines: RFC 9113, section 8.2.3).
 */
export function cookieValues(lines: readonly string[], name: string): readonly string[] {
  const start = `${name}=`;
  let values: string[] | null = null;
  for (const line of lines) {
    for (let at = line.indexOf(start); at >= 0; at = line.indexOf(start, at + 1)) {
      if (!beginsPair(line, at)) continue;
      const end = line.indexOf(";", at);
      const value = withoutBlanks(line.slice(at + start.length, end < 0 ? line.length : end));
      // Mostly there is one, and a list that is made empty gets room for seventeen.
      if (values === null) values = [value];
      else values.push(value);
    }
  }
  return values ?? NO_VALUES;
}

/** Whether nothing but blanks is between a place and the semicolon before it, or the beginning. */
function beginsPair(line: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(line, before)) before -= 1;
  return before < 0 || line[before] === ";";
}

/**
 * Takes blanks and tabs off both ends, and nothing else that Unicode calls white space: a cookie named like a prefixed
 * one behind such a character is another cookie to the browser, which any sibling host may set.
 */
function withoutBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text, start)) start += 1;
  while (start < end && isBlank(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  return text[at] === " " || text[at] === "\t";
}

export interface CookieOptions {
  /** Default `__Host-Http-sid`; `__Secure-sid` with a path or domain; `sid` with `insecureLoopback`. */
  readonly name?: string;
  /** Default `"/"`. `"mount"` is where the application is mounted, with a trailing slash. */
  readonly path?: string;
  /** Default none: the cookie goes to the very host that set it. */
  readonly domain?: string;
  /** Default `"Lax"`. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** One cookie jar per top-level site (CHIPS), for sessions inside a frame of another site. Default `false`. */
  readonly partitioned?: boolean;
  /** Sends the cookie without Secure, for Safari on `http://localhost`. Refused when NODE_ENV is production. */
  readonly insecureLoopback?: boolean;
}

/** What every cookie of a manager has in common. */
export interface CookiePolicy {
  readonly name: string;
  readonly path: string;
  readonly domain: string | null;
  readonly secure: boolean;
  readonly sameSite: "Strict" | "Lax" | "None";
  readonly partitioned: boolean;
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;
const ATTRIBUTE = /^[\x20-\x3a\x3c-\x7e]{1,1024}$/;
const DOMAIN = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/;

/** @throws `ERR_SESSION_CONFIG` for a cookie that no browser would keep, naming the mend. */
export function resolveCookie(options: CookieOptions): CookiePolicy {
  const { insecureLoopback = false } = options;
  if (typeof insecureLoopback !== "boolean") refuseConfig("cookie.insecureLoopback must be true or false.");
  const secure = !insecureLoopback;
  const path = options.path ?? "/";
  const domain = options.domain ?? null;
  const policy: CookiePolicy = {
    name: options.name ?? defaultName(secure, path, domain),
    path,
    domain,
    secure,
    sameSite: options.sameSite ?? "Lax",
    partitioned: options.partitioned ?? false,
  };
  if (!secure && isProduction()) {
    refuseConfig(
      "cookie.insecureLoopback is for development on localhost. Drop it where NODE_ENV is production.",
    );
  }
  checkAttributes(policy);
  checkPrefix(policy);
  return policy;
}

function defaultName(secure: boolean, path: string, domain: string | null): string {
  if (!secure) return "sid";
  return path === "/" && domain === null ? "__Host-Http-sid" : "__Secure-sid";
}

function checkAttributes(policy: CookiePolicy): void {
  const { name, path, domain, secure, sameSite, partitioned } = policy;
  if (typeof name !== "string" || !NAME.test(name))
    refuseConfig(
      'cookie.name must be 1 to 256 characters of a token (RFC 9110, section 5.6.2), such as "sid".',
    );
  if (path !== "mount" && !(typeof path === "string" && path.startsWith("/") && ATTRIBUTE.test(path)))
    refuseConfig('cookie.path must be "mount" or begin with "/".');
  if (domain !== null && !isDomain(domain))
    refuseConfig(
      'cookie.domain must be a host name without a leading dot, and no address, such as "example.com".',
    );
  if (domain !== null && !secure)
    refuseConfig("cookie.insecureLoopback is for localhost alone. Drop cookie.domain or it.");
  if (!["Strict", "Lax", "None"].includes(sameSite))
    refuseConfig('cookie.sameSite must be "Strict", "Lax" or "None".');
  if (sameSite === "None" && !secure)
    refuseConfig("cookie.sameSite None needs Secure. Drop insecureLoopback.");
  if (typeof partitioned !== "boolean") refuseConfig("cookie.partitioned must be true or false.");
  if (partitioned && !secure) refuseConfig("cookie.partitioned needs Secure. Drop insecureLoopback.");
  if (partitioned && sameSite !== "None")
    refuseConfig(
      `cookie.partitioned is for frames of other sites, where SameSite ${sameSite} is never sent. Set cookie.sameSite to "None" or drop partitioned.`,
    );
}

/** Browsers take no address for a domain, and no name longer than DNS has (RFC 1035, section 2.3.4). */
function isDomain(domain: unknown): boolean {
  return (
    typeof domain === "string" && domain.length <= 253 && DOMAIN.test(domain) && !/^[\d.]+$/.test(domain)
  );
}

/** Browsers compare prefixes without regard to case (RFC 6265bis, section 5.4). */
function checkPrefix({ name, path, domain, secure }: CookiePolicy): void {
  const lower = name.toLowerCase();
  if (!["__host-", "__secure-", "__http-"].some((prefix) => lower.startsWith(prefix))) return;
  if (!secure) refuseConfig(`cookie.name "${name}" needs Secure. Drop the prefix or insecureLoopback.`);
  if (!lower.startsWith("__host-")) return;
  if (path !== "/")
    refuseConfig(`cookie.name "${name}" needs cookie.path "/", got "${path}". Drop the prefix or the path.`);
  if (domain !== null)
    refuseConfig(`cookie.name "${name}" allows no cookie.domain. Drop the prefix or the domain.`);
}

/** A mount path may come from the URL, where a client can write what would be an attribute of the cookie. */
function safePath(path: string): string {
  return path.replace(
    /[^\x21-\x3a\x3c-\x7e]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** Takes slashes off the end. By hand: a pattern tries anew at each slash of a path that a client may fill with them. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end -= 1;
  return path.slice(0, end);
}

/** Makes a cookie of a manager: to set with a value, to revoke with an empty one and `maxAge` 0. */
export function sessionCookie(
  policy: CookiePolicy,
  mountPath: string,
  value: string,
  maxAge: number | null,
): Cookie {
  return {
    name: policy.name,
    value,
    path: policy.path === "mount" ? `${withoutSlashes(safePath(mountPath))}/` : policy.path,
    ...(policy.domain !== null && { domain: policy.domain }),
    secure: policy.secure,
    httpOnly: true,
    sameSite: policy.sameSite,
    partitioned: policy.partitioned,
    ...(maxAge !== null && { maxAge }),
  };
}
