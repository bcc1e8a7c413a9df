import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

export const ISSUER = "https://id.example/";
export const CLIENT = "the-shop";
export const LOGOUT = "http://schemas.openid.net/event/backchannel-logout";
export const REVOKED = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
export const FORM = "application/x-www-form-urlencoded";
export const SET = "application/secevent+jwt";

/** A key of a provider's, both halves of it. */
export interface ProviderKey {
  readonly alg: string;
  readonly kid: string;
  readonly public: JWK;
  readonly private: CryptoKey;
}

export async function providerKey(alg: string, kid: string): Promise<ProviderKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, public: { ...(await exportJWK(pair.publicKey)), alg, kid }, private: pair.privateKey };
}

/** Signs claims as they are. A header's member that is `undefined` is left out. */
export async function signed(key: ProviderKey, claims: object, header: object = {}): Promise<string> {
  const whole = { alg: key.alg, kid: key.kid, ...header };
  const said = Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
  return await new SignJWT(claims as JWTPayload)
    .setProtectedHeader(said as { alg: string })
    .sign(key.private);
}
