import type { AdoptSource, CookieScope } from "./source.ts";
import { lastingOf } from "./support/express-shape.ts";
import { decodedObject, type Keys, keygripOf, signedValue } from "./support/keygrip-cookies.ts";
import { checkNames } from "./support/option-names.ts";
import { hashOf } from "./support/signatures.ts";

export interface CookieSessionOptions {
  /** As cookie-session had it, `keys` or its one `secret`; all are taken. */
  readonly keys: Keys;
  /** Of the cookie; default `"session"`. */
  readonly name?: string;
  /** As cookie-session had it, in milliseconds. The cookie itself does not tell. */
  readonly maxAge?: number;
  /** Where the cookie was set, where cookie-session was told. */
  readonly cookie?: CookieScope;
}

/**
 * Sessions of cookie-session: all of one is in its cookie, and nothing in the cookie says when it ends. Each value of it is adopted once.
 *
 * @throws `ERR_SESSION_CONFIG` for keys that are missing.
 */
export function fromCookieSession(options: CookieSessionOptions): AdoptSource {
  checkNames(options, ["keys", "name", "maxAge", "cookie"], "fromCookieSession");
  const { name = "session", maxAge, cookie = {} } = options;
  const keygrip = keygripOf(options.keys, "fromCookieSession");
  return {
    name: "cookie-session",
    cookies: [name, `${name}.sig`],
    scope: cookie,
    look(cookies) {
      const signed = signedValue(cookies, name, keygrip);
      if (signed === null) return null;
      const data = decodedObject(signed.value);
      const old = data === null ? null : { data, expiresAt: null, ...lastingOf(maxAge) };
      return { key: hashOf(signed.value), proof: signed.proof, find: () => Promise.resolve(old) };
    },
  };
}
