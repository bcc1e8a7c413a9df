import { SessionError } from "../../index.ts";
import type { CookieReader } from "../source.ts";
import { plainValues } from "./cookie-values.ts";
import { isSigned, keygripSigner, type Secret, secretsOf } from "./signatures.ts";

/** Keys as the package `cookies` takes them: a list of which all are taken, or a `Keygrip`. */
export type Keys = readonly Secret[] | Keygrip;

/** What is called of a `Keygrip`. */
export interface Keygrip {
  sign(data: string): string;
  verify(data: string, digest: string): boolean;
}

/** @throws `ERR_SESSION_CONFIG` for what are no keys. */
export function keygripOf(keys: Keys, of: string): Keygrip {
  if (isKeygrip(keys)) return keys;
  if (!Array.isArray(keys))
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      `${of} needs keys: the list that the old cookies are signed with.`,
    );
  const secrets = secretsOf(keys as readonly Secret[], of);
  return {
    sign: (data) => keygripSigner(data, secrets[0]),
    verify: (data, digest) => isSigned(data, digest, secrets, keygripSigner),
  };
}

/** The value of a cookie whose signature is in the cookie of the same name and `.sig`, and the proof of it. `null` without both. */
export function signedValue(
  cookies: CookieReader,
  name: string,
  keygrip: Keygrip,
): { readonly value: string; readonly proof: string } | null {
  const signatures = plainValues(cookies(`${name}.sig`));
  for (const value of plainValues(cookies(name))) {
    const data = `${name}=${value}`;
    if (signatures.some((signature) => isVerified(keygrip, data, signature)))
      return { value, proof: `${data}.${keygrip.sign(data)}` };
  }
  return null;
}

function isVerified(keygrip: Keygrip, data: string, signature: string): boolean {
  try {
    return keygrip.verify(data, signature);
  } catch {
    return false;
  }
}

function isKeygrip(keys: Keys): keys is Keygrip {
  return typeof keys === "object" && "verify" in keys && typeof keys.verify === "function";
}

/** What base64 of JSON holds. `null` for anything that is no object. */
export function decodedObject(text: string): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    return typeof found === "object" && found !== null && !Array.isArray(found)
      ? (found as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
