import { systemClock, type Clock } from "../core/clock.ts";
import { judge, parseSetCookie, type JarCookie } from "./cookie-jar/set-cookie.ts";
import { defaultPath, isTrustworthy, matchesDomain, matchesPath } from "./cookie-jar/match.ts";

export type { JarCookie } from "./cookie-jar/set-cookie.ts";

/** A small browser's memory for cookies. */
export interface CookieJar {
  /** Takes the Set-Cookie lines of a response to a request for `url`. Resolves nothing; what a browser refuses is refused silently. */
  take(lines: readonly string[], url: string | URL): void;
  /** The value of the Cookie header of a request for `url`; undefined when there is none to send. */
  header(url: string | URL): string | undefined;
  /** The live cookies, in the order in which they were first set. */
  cookies(): readonly JarCookie[];
  /** The value of a live cookie by name; the first set of several. */
  value(name: string): string | undefined;
  /** Forgets what a browser forgets when it is closed: cookies without Max-Age and Expires. */
  endBrowserSession(): void;
}

/**
 * Makes an empty jar that keeps cookies as browsers do (RFC 6265bis, sections 5.6 to 5.8): domains and host-only
 * cookies, paths, Secure, Max-Age before Expires and at most 400 days, the prefixes `__Secure-`, `__Host-`, `__Http-`
 * and `__Host-Http-`, the size limit. Secure cookies are kept for and sent to https and also http on localhost and
 * loopback addresses, as Chromium does. It knows no list of public suffixes and does not judge SameSite.
 */
export function cookieJar(options: { readonly clock?: Clock } = {}): CookieJar {
  return new Jar(options.clock ?? systemClock);
}

class Jar implements CookieJar {
  readonly #clock: Clock;
  // By name, domain and path, as the standard tells cookies apart; a Map keeps the order of creation.
  readonly #kept = new Map<string, JarCookie>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  take(lines: readonly string[], url: string | URL): void {
    const from = new URL(url);
    for (const line of lines) this.#takeOne(line, from);
  }

  #takeOne(line: string, from: URL): void {
    const parsed = parseSetCookie(line);
    if (parsed === undefined) return;
    const cookie = judge(parsed, from, this.#clock.now(), defaultPath(from.pathname));
    if (cookie === undefined || this.#wouldShadow(cookie, from)) return;
    const key = JSON.stringify([cookie.name, cookie.domain, cookie.hostOnly, cookie.path]);
    if (cookie.expiresAt !== undefined && cookie.expiresAt <= this.#clock.now()) this.#kept.delete(key);
    else this.#kept.set(key, cookie);
  }

  /** An insecure origin neither replaces nor hides a Secure cookie of the same name ("leave Secure cookies alone"). */
  #wouldShadow(cookie: JarCookie, from: URL): boolean {
    if (cookie.secure || isTrustworthy(from)) return false;
    return this.cookies().some(
      (kept) =>
        kept.secure &&
        kept.name === cookie.name &&
        (matchesDomain(cookie.domain, kept.domain) || matchesDomain(kept.domain, cookie.domain)) &&
        matchesPath(cookie.path, kept.path),
    );
  }

  header(url: string | URL): string | undefined {
    const to = new URL(url);
    const sent = this.cookies().filter((cookie) => isSent(cookie, to));
    if (sent.length === 0) return undefined;
    // Sorting is stable: among equal paths the older stays first.
    const ordered = sent.toSorted((one, other) => other.path.length - one.path.length);
    return ordered.map(({ name, value }) => (name === "" ? value : `${name}=${value}`)).join("; ");
  }

  cookies(): readonly JarCookie[] {
    const now = this.#clock.now();
    return [...this.#kept.values()].filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  }

  value(name: string): string | undefined {
    return this.cookies().find((cookie) => cookie.name === name)?.value;
  }

  endBrowserSession(): void {
    for (const [key, cookie] of this.#kept) if (cookie.expiresAt === undefined) this.#kept.delete(key);
  }
}

function isSent(cookie: JarCookie, to: URL): boolean {
  if (cookie.secure && !isTrustworthy(to)) return false;
  const host = to.hostname;
  const reaches = cookie.hostOnly ? host === cookie.domain : matchesDomain(host, cookie.domain);
  return reaches && matchesPath(to.pathname, cookie.path);
}
