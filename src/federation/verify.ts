import { type JWTPayload, jwtVerify } from "jose";
import type { SignalRules } from "./options.ts";
import { invalid, Refusal } from "./refusal.ts";

/** What any signed message has to be, whatever it says. */
export interface TokenRules {
  /** Its `typ`, without `application/`. */
  readonly type: string;
  readonly requiredClaims: readonly string[];
}

/**
 * Verifies a signed message: the signature by a key of the provider's, before anything that it says is looked at (ASVS 9.1.1); then type,
 * issuer, audience and times. Keys that the message itself brings or points to (`jwk`, `jku`, `x5c`, `x5u`) are never looked at.
 *
 * @throws {@link Refusal}
 */
export async function verified(token: string, rules: SignalRules, wanted: TokenRules): Promise<JWTPayload> {
  if (token.split(".").length === 5)
    throw new Refusal("invalid_key", "The token is encrypted, and this receiver has no key for that.");
  const { payload, protectedHeader } = await judged(token, rules, wanted);
  const { typ } = protectedHeader;
  if (!isOfType(typ, wanted.type) && !(rules.untyped && isUntyped(typ)))
    throw invalid(`The type of the token is not ${wanted.type}.`);
  return payload;
}

async function judged(token: string, rules: SignalRules, wanted: TokenRules) {
  try {
    return await jwtVerify(token, rules.keys, {
      algorithms: [...rules.algorithms],
      issuer: rules.issuer,
      audience: [...rules.audience],
      maxTokenAge: rules.maxAgeMs / 1000,
      clockTolerance: rules.skewMs / 1000,
      currentDate: new Date(rules.now()),
      requiredClaims: [...wanted.requiredClaims],
    });
  } catch (error) {
    throw refusalOf(error);
  }
}

/** What jose says by its codes and names of claims. Its messages and errors hold claims, which are personal, and stay here. */
function refusalOf(error: unknown): Refusal {
  const { code, claim } = error as { readonly code?: unknown; readonly claim?: unknown };
  switch (code) {
    case "ERR_JWT_CLAIM_VALIDATION_FAILED":
    case "ERR_JWT_EXPIRED":
      return ofClaim(String(claim));
    case "ERR_JWS_INVALID":
    case "ERR_JWT_INVALID":
      return invalid("The token is no signed JWT.");
    case "ERR_JOSE_ALG_NOT_ALLOWED":
    case "ERR_JOSE_NOT_SUPPORTED":
      return new Refusal("invalid_key", "The token is signed in a way that is not allowed here.");
    case "ERR_JWKS_NO_MATCHING_KEY":
    case "ERR_JWKS_MULTIPLE_MATCHING_KEYS":
      return new Refusal("invalid_key", "No one key of the issuer's fits the token.");
    case "ERR_JWS_SIGNATURE_VERIFICATION_FAILED":
      return new Refusal("invalid_key", "The signature is not by a key of the issuer's.");
    default:
      // Keys that could not be fetched or read say nothing of the token.
      return new Refusal("unavailable", "The issuer's keys are out of reach.", { cause: error });
  }
}

function ofClaim(claim: string): Refusal {
  if (claim === "iss") return new Refusal("invalid_issuer", "The issuer of the token is another.");
  if (claim === "aud") return new Refusal("invalid_audience", "The token is for somebody else.");
  if (claim === "exp") return invalid("The token has expired, or does not say when it does.");
  if (claim === "iat")
    return invalid("The token is too old, of the future, or does not say when it was made.");
  if (claim === "nbf") return invalid("The token is not valid yet.");
  return invalid("The token lacks a claim.");
}

function isOfType(typ: unknown, wanted: string): boolean {
  // RFC 7515, section 4.1.9: compared as media types are, and "application/" may be left out.
  return typeof typ === "string" && typ.toLowerCase().replace(/^application\//, "") === wanted;
}

function isUntyped(typ: unknown): boolean {
  return typ === undefined || isOfType(typ, "jwt");
}
