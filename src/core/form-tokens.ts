import { SessionError } from "./errors.ts";
import { equalInConstantTime, randomText } from "./platform.ts";

/** How many forms of one session can be open at once. */
export const MAX_FORM_TOKENS = 32;

export function newFormToken(): string {
  return randomText(16);
}

export function addFormToken(outstanding: readonly string[], token: string): string[] {
  return [...outstanding, token].slice(-MAX_FORM_TOKENS);
}

export function isOutstanding(outstanding: readonly string[], token: unknown): boolean {
  // Every one is compared, so that time does not tell which was near.
  return (
    typeof token === "string" && outstanding.filter((known) => equalInConstantTime(known, token)).length > 0
  );
}

/** @throws `ERR_SESSION_CONFLICT` when another request used the token up first. */
export function spendFormToken(outstanding: readonly string[], token: string): string[] | undefined {
  if (!isOutstanding(outstanding, token)) {
    throw new SessionError("ERR_SESSION_CONFLICT", "Another request used this form token first.");
  }
  const left = outstanding.filter((known) => known !== token);
  return left.length > 0 ? left : undefined;
}
