import { SessionError } from "./errors.ts";
import { equalInConstantTime as isSame, randomText } from "./platform.ts";
import { asTexts } from "./reserved.ts";

/** How many forms of one session can be open at once. */
export const MAX_FORM_TOKENS = 32;

/** The tokens of a stored value: no more than there can be, whatever a store holds. */
export function formTokensIn(value: unknown): string[] {
  return Array.isArray(value) ? asTexts(value.slice(-MAX_FORM_TOKENS)) : [];
}

export function newFormToken(): string {
  return randomText(16);
}

export function addFormToken(outstanding: readonly string[], token: string): string[] {
  return [...outstanding, token].slice(-MAX_FORM_TOKENS);
}

export function isOutstanding(outstanding: readonly string[], token: unknown): boolean {
  // Every one is compared, so that time does not tell which was near.
  return typeof token === "string" && outstanding.filter((known) => isSame(known, token)).length > 0;
}

/** @throws `ERR_SESSION_CONFLICT` when another request used the token up first. */
export function spendFormToken(outstanding: readonly string[], token: string): string[] | undefined {
  if (!isOutstanding(outstanding, token)) {
    throw new SessionError("ERR_SESSION_CONFLICT", "Another request used this form token first.");
  }
  const left = outstanding.filter((known) => !isSame(known, token));
  return left.length > 0 ? left : undefined;
}
