import type { KeyRing } from "./key-ring.ts";
import { equalInConstantTime } from "./platform.ts";
import type { Token } from "./token.ts";

/** How the hashes of secrets are keyed. */
export interface PepperPolicy {
  /** The first makes, all open. `null` without a pepper. */
  readonly ring: KeyRing | null;
  readonly acceptUnpeppered: boolean;
  readonly openOnly: boolean;
}

/**
 * How a secret compares with a stored hash: it is the one behind it; another; not to be told without a key that this process lacks;
 * or the hash is made without a pepper, which is not accepted.
 */
export type Verdict = "match" | "other" | "unknown-key" | "unpeppered";

/** Between the id of a pepper's key and the hash; no plain hash has it. */
const DOT = ".";

/**
 * The hashes of secrets: SHA-256, or HMAC-SHA256 with a key that the store does not have, over the session's id too. A peppered hash
 * opens nothing for who can write to the store but has no key, neither made up nor copied from another session.
 */
export class Pepper {
  readonly #policy: PepperPolicy;

  constructor(policy: PepperPolicy) {
    this.#policy = policy;
  }

  /** What a store may know of a token's secret. */
  hash(token: Token): string {
    const first = this.#first();
    return first === null ? token.secretHash() : `${first.id}${DOT}${token.pepperedHash(first.key)}`;
  }

  /** Compares a token's secret with a stored hash, in constant time. Takes any text and never throws. */
  judge(token: Token, stored: string): Verdict {
    const { ring, acceptUnpeppered, openOnly } = this.#policy;
    const dot = stored.indexOf(DOT);
    if (dot < 0) {
      if (ring !== null && !acceptUnpeppered && !openOnly) return stored === "" ? "other" : "unpeppered";
      return token.matches(stored) ? "match" : "other";
    }
    const key = ring?.get(stored.slice(0, dot));
    if (key === undefined) return "unknown-key";
    return equalInConstantTime(token.pepperedHash(key), stored.slice(dot + 1)) ? "match" : "other";
  }

  /** Tells whether a stored hash would be made in another way now. */
  isStale(stored: string): boolean {
    const first = this.#first();
    return first !== null && stored !== "" && !stored.startsWith(first.id + DOT);
  }

  #first(): KeyRing["first"] | null {
    return this.#policy.openOnly ? null : (this.#policy.ring?.first ?? null);
  }
}
