import { type BoundAlgorithm, bytesOf, isSignedBy, type PublicKey, publicKeyOf } from "./keys.ts";

/** What a browser says in a proof, after its signature was found good. */
export interface Proof {
  readonly challenge: string;
  readonly authorization: string | null;
}

/** A proof that brings its key. */
export interface Registration extends Proof {
  readonly algorithm: BoundAlgorithm;
  readonly key: PublicKey;
}

/** Why a proof is none. Fit for an event. */
export type ProofFault = "form" | "type" | "algorithm" | "key" | "signature" | "claims";

export type Judged<T> = { readonly fault: ProofFault } | { readonly fault: null; readonly proof: T };

/** A header, a payload, a signature: with RSA of 4096 bits and all, a browser's proof has a third of this. */
const MAX_PROOF_LENGTH = 6144;
const MAX_TEXT_LENGTH = 512;

/**
 * Judges the proof of a registration by the key in its own header. That trusts a key because it signs for itself, which is right here
 * alone: what makes it the browser's is the challenge (ASVS 9.1.2).
 */
export async function judgeRegistration(
  text: string,
  allowed: readonly BoundAlgorithm[],
): Promise<Judged<Registration>> {
  const parts = partsOf(text, allowed);
  if ("fault" in parts) return parts;
  const { algorithm, header } = parts;
  const key = publicKeyOf(algorithm, header["jwk"]);
  if (key === null) return { fault: "key" };
  const judged = await judgedBy(key, parts);
  return judged.fault === null ? { fault: null, proof: { ...judged.proof, algorithm, key } } : judged;
}

/** Judges the proof of a refresh by the key that was registered; whatever key it brings itself is not looked at. */
export async function judgeRefresh(
  text: string,
  bound: { readonly algorithm: BoundAlgorithm; readonly key: PublicKey },
): Promise<Judged<Proof>> {
  const parts = partsOf(text, [bound.algorithm]);
  return "fault" in parts ? parts : await judgedBy(bound.key, parts);
}

interface Parts {
  readonly algorithm: BoundAlgorithm;
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: string;
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly signed: string;
}

/** Takes a JWS in its compact form apart (RFC 7515, section 7.1), and believes nothing of it yet. */
function partsOf(text: string, allowed: readonly BoundAlgorithm[]): Parts | { readonly fault: ProofFault } {
  const pieces = text.length > MAX_PROOF_LENGTH ? [] : text.split(".");
  const [head = "", payload = "", tail = ""] = pieces;
  const header = objectOf(head);
  const signature = bytesOf(tail);
  if (pieces.length !== 3 || header === null || signature === null) return { fault: "form" };
  if (header["typ"] !== "dbsc+jwt") return { fault: "type" };
  const algorithm = allowed.find((one) => one === header["alg"]);
  // An extension that must be understood is not (RFC 7515, section 4.1.11).
  if (algorithm === undefined || Object.hasOwn(header, "crit")) return { fault: "algorithm" };
  return { algorithm, header, payload, signature, signed: `${head}.${payload}` };
}

/** The signature first, the content afterwards (ASVS 9.1.1). */
async function judgedBy(
  key: PublicKey,
  { algorithm, payload, signature, signed }: Parts,
): Promise<Judged<Proof>> {
  if (!(await isSignedBy(key, algorithm, signature, signed))) return { fault: "signature" };
  const claims = objectOf(payload);
  const challenge = claims?.["jti"];
  const authorization = claims?.["authorization"] ?? null;
  if (!isShort(challenge) || !(authorization === null || isShort(authorization))) return { fault: "claims" };
  return { fault: null, proof: { challenge, authorization } };
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT_LENGTH;
}

function objectOf(part: string): Readonly<Record<string, unknown>> | null {
  const bytes = bytesOf(part);
  if (bytes === null) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
