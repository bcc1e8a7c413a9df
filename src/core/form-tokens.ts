import { SessionError } from "./errors.ts";
import { equalInConstantTime, randomText, sha256 } from "./platform.ts";

/** How many forms of one session can be open at once. */
export const MAX_FORM_TOKENS = 32;

export function newFormToken(): string {
  return randomText(16);
}

/** What is kept of a form token: who reads the store finds none that a form could send. */
function hashOf(token: string): string {
  return sha256(`holdfast form ${token}`).slice(0, 22);
}

export function addFormToken(outstanding: readonly string[], token: string): string[] {
  return [...outstanding, hashOf(token)].slice(-MAX_FORM_TOKENS);
}

export function isOutstanding(outstanding: readonly string[], token: unknown): boolean {
  // Every one is compared, so that time does not tell which was near.
  if (typeof token !== "string") return false;
  const hash = hashOf(token);
  return outstanding.filter((known) => equalInConstantTime(known, hash)).length > 0;
}

/** @throws `ERR_SESSION_CONFLICT` when another request used the token up first. */
export function spendFormToken(outstanding: readonly string[], token: string): string[] | undefined {
  if (!isOutstanding(outstanding, token)) {
    throw new SessionError("ERR_SESSION_CONFLICT", "Another request used this form token first.");
  }
  const hash = hashOf(token);
  const left = outstanding.filter((known) => known !== hash);
  return left.length > 0 ? left : undefined;
}
