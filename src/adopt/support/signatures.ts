import { createHmac } from "node:crypto";
import { equalInConstantTime, sha256 } from "../../core/platform.ts";
import { SessionError } from "../../index.ts";

/** A secret to sign cookies with, as the other libraries take it. */
export type Secret = string | Uint8Array;

/** @throws `ERR_SESSION_CONFIG` for what is no secret, or an empty list. */
export function secretsOf(given: Secret | readonly Secret[], of: string): readonly [Secret, ...Secret[]] {
  const [first, ...others] = (Array.isArray(given) ? given : [given]) as readonly Secret[];
  const isSecret = (one: unknown): boolean =>
    (typeof one === "string" || one instanceof Uint8Array) && one.length > 0;
  if (first !== undefined && [first, ...others].every(isSecret)) return [first, ...others];
  throw new SessionError(
    "ERR_SESSION_CONFIG",
    `${of} needs the secret that the old cookies are signed with, or a list of them.`,
  );
}

/** How a signature is made of a text and a secret. */
export type Signer = (text: string, secret: Secret) => string;

/** The signatures of cookie-signature and @fastify/cookie: base64 without padding. */
export function macSigner(algorithm: string): Signer {
  return (text, secret) => createHmac(algorithm, secret).update(text).digest("base64").replaceAll("=", "");
}

/** The signatures of keygrip: SHA-1, base64url. */
export const keygripSigner: Signer = (text, secret) =>
  createHmac("sha1", secret).update(text).digest("base64url");

/** Tells whether a signature is one by any of the secrets, in constant time for each. */
export function isSigned(
  text: string,
  signature: string,
  secrets: readonly Secret[],
  signer: Signer,
): boolean {
  return secrets.some((secret) => equalInConstantTime(signature, signer(text, secret)));
}

/** The name of a session that is all in its cookie. */
export function hashOf(text: string): string {
  return sha256(text);
}
