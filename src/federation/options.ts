import { createLocalJWKSet, EmbeddedJWK, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { type Clock, type Duration, milliseconds, SessionError, type SessionScope } from "../index.ts";

/** What is used of a manager. */
export interface SignalTarget {
  revokeWhere(scope: SessionScope): Promise<number>;
  once(key: string, ttl: Duration, work?: () => unknown): Promise<boolean>;
}

/** What was not accepted, for logs. Nothing of the message is in it. */
export interface SignalRefusal {
  readonly status: number;
  /** A code of RFC 8935, section 2.4, or `"unavailable"`. */
  readonly error: string;
  readonly description: string;
  /** What failed, where it was this side: a key set that could not be fetched, the store, a function of yours. For operators. */
  readonly cause?: unknown;
}

/** What signed messages of a provider have to be like. */
export interface SignalOptions {
  /** The `iss` of the messages, compared as it is. */
  readonly issuer: string;
  /** Who the messages are for: the client id, or several of them. One of a message's `aud` has to be among them. */
  readonly audience: string | readonly string[];
  /** The provider's public keys: what `createRemoteJWKSet` or `createLocalJWKSet` of jose gives, or a JSON Web Key Set. */
  readonly keys: JWTVerifyGetKey | JSONWebKeySet;
  /** Allowed algorithms; default RS256 to RS512, PS256 to PS512, ES256 to ES512, EdDSA and Ed25519. Never `none` and never one with a shared secret. */
  readonly algorithms?: readonly string[];
  /** How old a message may be, by its `iat`; each is remembered for as long as it could be sent again. From 1 s to 30 days. */
  readonly maxAge?: Duration;
  /** How far the clocks of the two sides may differ, 0 to 10 minutes; default 30 s. */
  readonly skew?: Duration;
  /** Takes messages without a type of their own too, for providers older than explicit typing: no `typ`, or `JWT`. Default: refused. */
  readonly untyped?: boolean;
  /** Is told of each message that was not accepted. What it throws is dropped. */
  readonly onRefused?: (refusal: SignalRefusal) => void;
  /** The source of time; default the system's. The manager's own, where that has one. */
  readonly clock?: Pick<Clock, "now">;
}

/** Options with every default filled in. */
export interface SignalRules {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly keys: JWTVerifyGetKey;
  readonly algorithms: readonly string[];
  readonly maxAgeMs: number;
  readonly skewMs: number;
  readonly untyped: boolean;
  readonly onRefused: (refusal: SignalRefusal) => void;
  readonly now: () => number;
}

export const SIGNAL_OPTIONS: readonly string[] = [
  "issuer",
  "audience",
  "keys",
  "algorithms",
  "maxAge",
  "skew",
  "untyped",
  "onRefused",
  "clock",
];

/** Signatures by a key of which the receiver has the public half alone (ASVS 9.1.2, RFC 8725 section 3.1). */
const ASYMMETRIC: readonly string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** @throws `ERR_SESSION_CONFIG` for options that are unknown or cannot work, naming the mend. */
export function resolveRules(
  manager: SignalTarget,
  options: SignalOptions,
  of: { readonly name: string; readonly known: readonly string[]; readonly maxAge: Duration },
): SignalRules {
  if (typeof manager?.revokeWhere !== "function" || typeof manager.once !== "function")
    refuse(`${of.name} needs a SessionManager first.`);
  if (typeof options !== "object" || options === null)
    refuse(`${of.name} needs an object of options with issuer, audience and keys.`);
  for (const name of Object.keys(options)) {
    if (!of.known.includes(name))
      refuse(`${of.name} has no option "${name}". The options are ${of.known.join(", ")}.`);
  }
  if (!isText(options.issuer)) refuse('issuer must be the "iss" of the provider\'s tokens.');
  const { onRefused = ignore, untyped = false, clock = Date } = options;
  if (typeof onRefused !== "function") refuse("onRefused must be a function.");
  if (typeof untyped !== "boolean") refuse("untyped must be true or false.");
  if (typeof clock?.now !== "function") refuse("clock needs the method now.");
  return {
    issuer: options.issuer,
    audience: checkedAudience(options.audience),
    keys: checkedKeys(options.keys),
    algorithms: checkedAlgorithms(options.algorithms),
    maxAgeMs: between("maxAge", options.maxAge ?? of.maxAge, 1000, 30 * 86_400_000),
    skewMs: options.skew === 0 ? 0 : between("skew", options.skew ?? "30s", 1, 600_000),
    untyped,
    onRefused,
    now: () => clock.now(),
  };
}

function checkedAudience(audience: string | readonly string[]): readonly string[] {
  const list: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  if (list.length > 0 && list.every(isText)) return list;
  return refuse("audience must be the client id, or a list of them, that messages are for.");
}

function checkedAlgorithms(algorithms: readonly string[] = ASYMMETRIC): readonly string[] {
  const isList = Array.isArray(algorithms) && algorithms.length > 0;
  if (isList && algorithms.every((one) => ASYMMETRIC.includes(one))) return [...algorithms];
  return refuse(
    `algorithms must be a list of ${ASYMMETRIC.join(", ")}. What is signed by a shared secret, or not at all, proves nothing.`,
  );
}

function checkedKeys(keys: JWTVerifyGetKey | JSONWebKeySet): JWTVerifyGetKey {
  if (keys === (EmbeddedJWK as unknown))
    refuse(
      "keys is EmbeddedJWK, by which everybody signs with a key of their own. Give the provider's keys.",
    );
  if (typeof keys === "function") return keys;
  if (!Array.isArray(keys?.keys) || keys.keys.length === 0)
    refuse("keys must be what createRemoteJWKSet or createLocalJWKSet of jose gives, or { keys: [ … ] }.");
  for (const key of keys.keys) {
    if (key?.kty === "oct" || key?.d !== undefined)
      refuse("keys holds a shared secret or a private key. Give the public keys alone.");
  }
  try {
    return createLocalJWKSet(keys);
  } catch {
    return refuse("keys is no JSON Web Key Set (RFC 7517, section 5).");
  }
}

function between(option: string, duration: Duration, least: number, most: number): number {
  const found = milliseconds(duration, option);
  return found >= least && found <= most
    ? found
    : refuse(`${option} must be from ${least} to ${most} milliseconds.`);
}

export function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

export function refuse(message: string): never {
  throw new SessionError("ERR_SESSION_CONFIG", message);
}

function ignore(): void {}
