import { SessionError } from "../index.ts";
import type { AdoptSource, CookieScope } from "./source.ts";
import { type CallbackStore, checkCallbackStore } from "./support/callback-store.ts";
import { decodedValues } from "./support/cookie-values.ts";
import { expressShaped } from "./support/express-shape.ts";
import { checkNames } from "./support/option-names.ts";
import { isSigned, macSigner, type Secret, secretsOf } from "./support/signatures.ts";

/** A signer of one's own, as @fastify/session takes it. */
export interface FastifySigner {
  sign(value: string): string;
  unsign(signed: string): { readonly valid: boolean; readonly value: string | null };
}

export interface FastifySessionOptions {
  /** The old store, as @fastify/session had it: its own kind, or any of express-session. */
  readonly store: CallbackStore;
  /** As @fastify/session had it: a secret, a list of which all are taken, or a signer. */
  readonly secret: Secret | readonly Secret[] | FastifySigner;
  /** Default `"sessionId"`. */
  readonly cookieName?: string;
  /** Default none. `"s:"` where the sessions were shared with express-session. */
  readonly cookiePrefix?: string;
  /** Of the signature; default `"sha256"`. */
  readonly algorithm?: string;
  /** Where the cookie was set, where @fastify/session was told. */
  readonly cookie?: CookieScope;
}

const NAMES = ["store", "secret", "cookieName", "cookiePrefix", "algorithm", "cookie"];

/**
 * Sessions of @fastify/session.
 *
 * @throws `ERR_SESSION_CONFIG` for a store or a secret that is missing.
 */
export function fromFastifySession(options: FastifySessionOptions): AdoptSource {
  checkNames(options, NAMES, "fromFastifySession");
  const { store, cookieName = "sessionId", cookiePrefix = "", cookie = {} } = options;
  checkCallbackStore(store, "fromFastifySession");
  const signer = signerOf(options);
  return {
    name: "fastify-session",
    cookies: [cookieName],
    scope: cookie,
    look(cookies) {
      for (const value of decodedValues(cookies(cookieName))) {
        const sid = value.startsWith(cookiePrefix)
          ? unsigned(signer, value.slice(cookiePrefix.length))
          : null;
        if (sid !== null) return { key: sid, proof: signer.sign(sid), find: () => expressShaped(store, sid) };
      }
      return null;
    },
  };
}

function unsigned(signer: FastifySigner, value: string): string | null {
  try {
    const { valid, value: sid } = signer.unsign(value);
    return valid && typeof sid === "string" && sid !== "" ? sid : null;
  } catch {
    // A signer of one's own may throw at what is not signed.
    return null;
  }
}

function signerOf({ secret, algorithm = "sha256" }: FastifySessionOptions): FastifySigner {
  if (isSigner(secret)) return secret;
  const secrets = secretsOf(secret, "fromFastifySession");
  const sign = macSigner(algorithm);
  try {
    sign("", secrets[0]);
  } catch (cause) {
    throw new SessionError("ERR_SESSION_CONFIG", "fromFastifySession: this runtime has no such algorithm.", {
      cause,
    });
  }
  return {
    sign: (value) => `${value}.${sign(value, secrets[0])}`,
    unsign(signed) {
      const dot = signed.lastIndexOf(".");
      const value = signed.slice(0, Math.max(dot, 0));
      const valid = dot > 0 && isSigned(value, signed.slice(dot + 1), secrets, sign);
      return { valid, value };
    },
  };
}

function isSigner(secret: FastifySessionOptions["secret"]): secret is FastifySigner {
  return typeof secret === "object" && "sign" in secret && typeof secret.sign === "function";
}
