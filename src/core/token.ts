import {
  equalInConstantTime,
  hmacText,
  printsAs,
  randomText,
  randomTexts,
  type SecretKey,
  sha256,
  xorText,
} from "./platform.ts";
import type { SessionId } from "./record.ts";

const ID_BYTES = 18;
const ID_LENGTH = 24;
const SECRET_BYTES = 24;
const SECRET_LENGTH = 32;
const GRAMMAR = /^[A-Za-z0-9_-]{56}$/;
const ID_GRAMMAR = /^[A-Za-z0-9_-]{24}$/;

/**
 * The secret that a client holds, in its cookie: 18 random bytes of id, then 24 random bytes of secret (192 bits),
 * base64url. Prints, inspects and serialises as its id alone; only {@link Token.reveal} gives the cookie value.
 */
export class Token {
  readonly id: SessionId;
  readonly #secret: string;

  private constructor(id: SessionId, secret: string) {
    this.id = id;
    this.#secret = secret;
  }

  /** Reads a cookie value. `null` for whatever is not a token; takes any text and never throws. */
  static parse(text: string): Token | null {
    if (!GRAMMAR.test(text)) return null;
    return new Token(text.slice(0, ID_LENGTH) as SessionId, text.slice(ID_LENGTH));
  }

  /** Makes a token for a new session. */
  static mint(): Token {
    const [id, secret] = randomTexts(ID_BYTES, SECRET_BYTES);
    return new Token(id as SessionId, secret);
  }

  /** Makes a token with another secret for the same session. */
  withNewSecret(): Token {
    return new Token(this.id, randomText(SECRET_BYTES));
  }

  /** The cookie value. Warning: whoever holds it holds the session. */
  reveal(): string {
    return this.id + this.#secret;
  }

  /** What a store may know of the secret. */
  secretHash(): string {
    return sha256(this.#secret);
  }

  /** The same with a key that the store does not have, and for this session alone: in another's record it opens nothing. */
  pepperedHash(key: SecretKey): string {
    return hmacText(key, `holdfast secret 1 ${this.id} ${this.#secret}`);
  }

  /** Tells whether the secret is the one behind a stored hash. */
  matches(secretHash: string): boolean {
    return equalInConstantTime(this.secretHash(), secretHash);
  }

  /**
   * Hides the successor's secret so that only the holder of this token finds it: exclusive or with a pad derived
   * from this secret. The pad is used for one successor alone, and the stored hash of this secret does not give it.
   */
  maskSuccessor(successor: Token): string {
    return xorText(successor.#secret, this.#pad());
  }

  /** Finds the successor behind a mask. A mask that was made for another token gives a token that opens nothing. */
  unmaskSuccessor(mask: string): Token {
    return new Token(this.id, xorText(this.#pad(), mask));
  }

  #pad(): string {
    return sha256(`holdfast successor ${this.#secret}`).slice(0, SECRET_LENGTH);
  }

  toString(): string {
    return `Token(${this.id})`;
  }

  toJSON(): string {
    return this.toString();
  }

  static {
    printsAs(Token.prototype, String);
  }
}

/** Reads a session id that came from outside, such as a form of a device page. `null` for whatever is none. */
export function parseSessionId(text: string): SessionId | null {
  return typeof text === "string" && ID_GRAMMAR.test(text) ? (text as SessionId) : null;
}

/** The id of the record that holds a mark: the first 18 bytes of the SHA-256 of its name. */
export function markId(name: string): SessionId {
  return sha256(name).slice(0, ID_LENGTH) as SessionId;
}
