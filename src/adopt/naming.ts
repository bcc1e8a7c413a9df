import { sha256 } from "../core/platform.ts";
import { Token } from "../index.ts";
import type { AdoptSource, OldSession, Shown } from "./source.ts";

const DAY_MS = 86_400_000;
/** No browser keeps a cookie for longer (RFC 6265bis, section 5.5). */
const LONGEST_MS = 400 * DAY_MS;

/** The name of the mark that a session was adopted, and may not be again. */
export function nameOf(round: string, source: AdoptSource, { key }: Shown): string {
  return JSON.stringify(["adopt", round, source.name, source.cookies[0], key]);
}

/** For as long as the old session could come again. */
export function lifeOfMark({ expiresAt }: OldSession, now: number): number {
  if (expiresAt === null) return LONGEST_MS;
  return Math.min(Math.max(expiresAt - now + DAY_MS, DAY_MS), LONGEST_MS);
}

/**
 * The token that stands for an old cookie. Whoever shows the same cookie has the same, so that requests that overlap find one session; it
 * opens that for as long as the secret before a rotation does. Made of what only the client has: what the old store holds does not give it.
 */
export function tokenOf(round: string, source: AdoptSource, { proof }: Shown): Token {
  const text = JSON.stringify([round, source.name, source.cookies[0], proof]);
  const half = (what: string, length: number): string =>
    sha256(`holdfast adopt ${what} ${text}`).slice(0, length);
  const token = Token.parse(half("id", 24) + half("secret", 32));
  if (token === null) throw new TypeError("A digest in base64url is no token.");
  return token;
}
