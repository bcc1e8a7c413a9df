/** How the tests sign, as browsers do and as attackers would. */

export type Algorithm = "ES256" | "RS256";

export interface DeviceKey {
  readonly algorithm: Algorithm;
  readonly jwk: JsonWebKey;
  readonly pair: CryptoKeyPair;
}

const GENERATE = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS256: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
  },
} as const;

export async function newKey(algorithm: Algorithm = "ES256", modulusLength = 2048): Promise<DeviceKey> {
  const wanted = algorithm === "RS256" ? { ...GENERATE.RS256, modulusLength } : GENERATE.ES256;
  const pair = await crypto.subtle.generateKey(wanted, true, ["sign", "verify"]);
  return { algorithm, pair, jwk: await publicPart(pair) };
}

async function publicPart(pair: CryptoKeyPair): Promise<JsonWebKey> {
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return (kty === "EC" ? { kty, crv, x, y } : { kty, n, e }) as JsonWebKey;
}

export function encoded(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
}

/** A JWS of any header and payload, signed with the key. */
export async function signed(key: DeviceKey, header: object, payload: unknown): Promise<string> {
  const text = `${encoded(header)}.${encoded(payload)}`;
  const algorithm = key.algorithm === "ES256" ? { name: "ECDSA", hash: "SHA-256" } : "RSASSA-PKCS1-v1_5";
  const bytes = await crypto.subtle.sign(algorithm, key.pair.privateKey, new TextEncoder().encode(text));
  return `${text}.${Buffer.from(bytes).toString("base64url")}`;
}

/** The proof of a registration. */
export async function registrationProof(
  key: DeviceKey,
  payload: object,
  header: object = {},
): Promise<string> {
  return await signed(key, { typ: "dbsc+jwt", alg: key.algorithm, jwk: key.jwk, ...header }, payload);
}

/** The proof of a refresh: it brings no key. */
export async function refreshProof(key: DeviceKey, payload: object, header: object = {}): Promise<string> {
  return await signed(key, { typ: "dbsc+jwt", alg: key.algorithm, ...header }, payload);
}
