/** What browsers may sign with. `none` is no algorithm here. */
export type BoundAlgorithm = "ES256" | "RS256";

export const ALGORITHMS: readonly BoundAlgorithm[] = ["ES256", "RS256"];

/** The public half of a device's key, and nothing else of what the browser sent about it. */
export type PublicKey =
  | { readonly kty: "EC"; readonly crv: "P-256"; readonly x: string; readonly y: string }
  | { readonly kty: "RSA"; readonly n: string; readonly e: string };

const COORDINATE = /^[A-Za-z0-9_-]{43}$/;
/** Longer moduli would let a client have the server calculate for long. */
const MODULUS_BITS = { least: 2048, most: 4096 };
const MODULUS = /^[A-Za-z0-9_-]{342,683}$/;
const EXPONENT = /^[A-Za-z0-9_-]{1,6}$/;
/** Members that only a private or a symmetric key has (RFC 7518, section 6). */
const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** The parameters that WebCrypto takes for an algorithm (RFC 7518, section 3). */
const IMPORT = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
} as const;
const VERIFY = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
} as const;

/** Reads a JSON Web Key as one for the algorithm: P-256, or RSA of 2048 to 4096 bits. `null` for whatever is none. */
export function publicKeyOf(algorithm: BoundAlgorithm, jwk: unknown): PublicKey | null {
  if (typeof jwk !== "object" || jwk === null) return null;
  const key = jwk as Readonly<Record<string, unknown>>;
  if (PRIVATE.some((member) => Object.hasOwn(key, member))) return null;
  return algorithm === "ES256" ? curveKeyOf(key) : rsaKeyOf(key);
}

function curveKeyOf({ kty, crv, x, y }: Readonly<Record<string, unknown>>): PublicKey | null {
  if (kty !== "EC" || crv !== "P-256") return null;
  return matches(x, COORDINATE) && matches(y, COORDINATE) ? { kty, crv, x, y } : null;
}

function rsaKeyOf({ kty, n, e }: Readonly<Record<string, unknown>>): PublicKey | null {
  if (kty !== "RSA" || !matches(n, MODULUS) || !matches(e, EXPONENT)) return null;
  const bits = bitsOf(n);
  return bits >= MODULUS_BITS.least && bits <= MODULUS_BITS.most && isExponent(e) ? { kty, n, e } : null;
}

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function bitsOf(text: string): number {
  const bytes = bytesOf(text);
  const first = bytes?.findIndex((byte) => byte !== 0) ?? -1;
  if (bytes === null || first < 0) return 0;
  return (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}

/** Odd, and more than 1: everything else makes signatures that anybody can write. */
function isExponent(text: string): boolean {
  const value = (bytesOf(text) ?? new Uint8Array()).reduce((sum, byte) => sum * 256 + byte, 0);
  return value > 1 && value % 2 === 1;
}

/** The JWK thumbprint of a key: SHA-256 over the members that it must have, in the order of their names (RFC 7638, section 3). */
export async function thumbprintOf(key: PublicKey): Promise<string> {
  const { kty } = key;
  const members = kty === "EC" ? { crv: key.crv, kty, x: key.x, y: key.y } : { e: key.e, kty, n: key.n };
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(members)));
  const binary = String.fromCharCode(...new Uint8Array(hash));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Tells whether a signature over a text is of this key. `false` also for a key or a signature that is none. */
export async function isSignedBy(
  key: PublicKey,
  algorithm: BoundAlgorithm,
  signature: Uint8Array<ArrayBuffer>,
  text: string,
): Promise<boolean> {
  try {
    const imported = await crypto.subtle.importKey("jwk", key, IMPORT[algorithm], false, ["verify"]);
    return await crypto.subtle.verify(VERIFY[algorithm], imported, signature, new TextEncoder().encode(text));
  } catch {
    // A point that is not on the curve, and the like.
    return false;
  }
}

/** Decodes base64url without padding; `null` for anything else, a last character with bits to spare among it (RFC 4648, section 3.5). */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return null;
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  const binary = atob(standard);
  if (btoa(binary).replaceAll("=", "") !== standard) return null;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
