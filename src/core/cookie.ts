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

/**
 * Finds the values of one cookie in the lines of the Cookie header, in order, as they stand. Takes any bytes; what
 * is not `name=value` is passed over (RFC 6265bis, section 5.8; several lines: RFC 9113, section 8.2.3).
 */
export function cookieValues(lines: readonly string[], name: string): string[] {
  const values: string[] = [];
  const start = `${name}=`;
  for (const line of lines) {
    if (!line.includes(start)) continue;
    for (const part of line.split(";")) {
      const pair = part.trim();
      if (pair.startsWith(start)) values.push(pair.slice(start.length).trimEnd());
    }
  }
  return values;
}
