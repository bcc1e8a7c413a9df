import { createHmac, createSecretKey, type KeyObject } from "node:crypto";

import { equalInConstantTime } from "../core/platform.ts";

/** What `createHmac` takes for a key. */
export type Secret = string | NodeJS.ArrayBufferView | KeyObject;

const SIGNED = "s:";

/** Signs an id as the cookies of express-session are: `s:`, the id, a dot, HMAC-SHA256 in base64 without its padding. */
export function sign(id: string, secret: Secret): string {
  return `${SIGNED}${id}.${macOf(id, secret)}`;
}

/** The id in a signed value, by the first secret that it bears the mark of; `undefined` when there is none. */
export function unsign(value: string, secrets: readonly Secret[]): string | undefined {
  const dot = value.lastIndexOf(".");
  if (dot === -1 || !isSigned(value)) return undefined;
  const id = value.slice(SIGNED.length, dot);
  const mac = value.slice(dot + 1);
  return secrets.some((secret) => equalInConstantTime(mac, macOf(id, secret))) ? id : undefined;
}

export function isSigned(value: string): boolean {
  return value.startsWith(SIGNED);
}

/** A key that is made once: `createHmac` would make one of a text at each call. */
export function keyOf(secret: Secret): Secret {
  if (typeof secret === "string") return secret === "" ? secret : createSecretKey(secret, "utf8");
  return ArrayBuffer.isView(secret) && secret.byteLength > 0 ? createSecretKey(secret) : secret;
}

function macOf(id: string, secret: Secret): string {
  return createHmac("sha256", secret).update(id).digest("base64").replace("=", "");
}
