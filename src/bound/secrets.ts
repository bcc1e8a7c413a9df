import { type SessionId, Token } from "../index.ts";

/** A text that only who was given it knows, and what may be stored of it. */
export interface Secret {
  readonly text: string;
  readonly hash: string;
}

const SECRET = /^[A-Za-z0-9_-]{32}$/;
/** Tokens are how the core makes, hashes and compares secrets; here the part that names a session says nothing. */
const NO_ID = "A".repeat(24);

/** Makes a secret of 192 random bits, as 32 characters. */
export function newSecret(): Secret {
  const token = Token.mint();
  return { text: token.reveal().slice(NO_ID.length), hash: token.secretHash() };
}

/** The hash of a text that came from outside; `null` for what cannot be a secret of ours. */
export function hashOf(text: string): string | null {
  return SECRET.test(text) ? (Token.parse(NO_ID + text)?.secretHash() ?? null) : null;
}

/** Tells, in constant time, whether a text is the secret behind a hash. */
export function isSecret(text: string, hash: string): boolean {
  return SECRET.test(text) && Token.parse(NO_ID + text)?.matches(hash) === true;
}

/** Names one binding of a session: the session's own id leads to it, and the rest tells it from earlier ones. */
export function newBindingId(session: SessionId): string {
  return `${session}.${newSecret().text.slice(0, 8)}`;
}
