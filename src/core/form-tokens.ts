import type { Draft } from "./draft.ts";
import { SessionError } from "./errors.ts";
import { equalInConstantTime, randomText, sha256 } from "./platform.ts";
import { asTexts, CSRF, FORM_TOKENS } from "./reserved.ts";

const TOKEN_BYTES = 16;

/** How many forms of one session can be open at once. */
export const MAX_FORM_TOKENS = 32;

/** What is kept of a form token: who reads the store finds none that a form could send. */
function hashOf(token: string): string {
  return sha256(`holdfast form ${token}`).slice(0, 22);
}

/** The tokens of a stored value: no more than there can be, whatever a store holds. */
export function formTokensIn(value: unknown): string[] {
  return Array.isArray(value) ? asTexts(value.slice(-MAX_FORM_TOKENS)) : [];
}

/** Makes a token for one form. */
export function makeFormToken(draft: Draft): string {
  const token = randomText(TOKEN_BYTES);
  draft.update(
    FORM_TOKENS,
    (value) => [...formTokensIn(value), hashOf(token)].slice(-MAX_FORM_TOKENS),
    "plain",
  );
  return token;
}

/** The token of the session, made at first use. */
export function makeCsrfToken(draft: Draft): string {
  const fresh = randomText(TOKEN_BYTES);
  return draft.update(CSRF, (value) => (typeof value === "string" ? value : fresh), "plain") as string;
}

const TOKENS = [CSRF, FORM_TOKENS];

/**
 * Voids all of them: forms that were made under another privilege are void with it (OWASP CSRF Cheat Sheet).
 *
 * @param mayHold whether the session may have the field.
 */
export function voidTokens(draft: Draft, mayHold: (name: string) => boolean): void {
  // Not by assignment: of two requests that used up the same token, one still has to fail.
  for (const name of TOKENS) if (mayHold(name)) draft.update(name, nothing, "plain");
}

function nothing(): undefined {}

export function isOutstanding(outstanding: readonly string[], token: unknown): boolean {
  // Every one is compared, so that time does not tell which was near.
  if (typeof token !== "string") return false;
  const hash = hashOf(token);
  return outstanding.filter((known) => equalInConstantTime(known, hash)).length > 0;
}

/** What a request without the session's token is refused with. */
export function wrongToken(): SessionError {
  return new SessionError(
    "ERR_SESSION_FORGED",
    "The request does not bear the token of this session. Send what session.csrfToken() gave.",
  );
}

/** @throws `ERR_SESSION_CONFLICT` when another request used the token up first. */
export function spendFormToken(outstanding: readonly string[], token: string): string[] | undefined {
  if (!isOutstanding(outstanding, token)) {
    throw new SessionError("ERR_SESSION_CONFLICT", "Another request used this form token first.");
  }
  const hash = hashOf(token);
  const left = outstanding.filter((known) => !equalInConstantTime(known, hash));
  return left.length > 0 ? left : undefined;
}
