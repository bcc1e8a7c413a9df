import { checkNames } from "./support/option-names.ts";
import type { AdoptSource, CookieScope } from "./source.ts";
import { type CallbackStore, checkCallbackStore } from "./support/callback-store.ts";
import { decodedValues } from "./support/cookie-values.ts";
import { expressShaped } from "./support/express-shape.ts";
import { isSigned, macSigner, type Secret, secretsOf } from "./support/signatures.ts";

export interface ExpressSessionOptions {
  /** The old store, as express-session had it: connect-redis, connect-pg-simple, session-file-store, better-sqlite3-session-store or any other. */
  readonly store: CallbackStore;
  /** As express-session had it; all of a list are taken. */
  readonly secret: Secret | readonly Secret[];
  /** Of the cookie; default `"connect.sid"`. */
  readonly name?: string;
  /** Where the cookie was set, where express-session was told. */
  readonly cookie?: CookieScope;
}

const sign = macSigner("sha256");

/**
 * Sessions of express-session. A cookie that is not signed, or not by one of the secrets, is none: the bare id that a store holds opens nothing.
 *
 * @throws `ERR_SESSION_CONFIG` for a store or a secret that is missing.
 */
export function fromExpressSession(options: ExpressSessionOptions): AdoptSource {
  checkNames(options, ["store", "secret", "name", "cookie"], "fromExpressSession");
  const { store, name = "connect.sid", cookie = {} } = options;
  checkCallbackStore(store, "fromExpressSession");
  const secrets = secretsOf(options.secret, "fromExpressSession");
  return {
    name: "express-session",
    cookies: [name],
    scope: cookie,
    look(cookies) {
      for (const value of decodedValues(cookies(name))) {
        const dot = value.lastIndexOf(".");
        if (!value.startsWith("s:") || dot < 0) continue;
        const sid = value.slice(2, dot);
        if (!isSigned(sid, value.slice(dot + 1), secrets, sign)) continue;
        return { key: sid, proof: `${sid}.${sign(sid, secrets[0])}`, find: () => expressShaped(store, sid) };
      }
      return null;
    },
  };
}
