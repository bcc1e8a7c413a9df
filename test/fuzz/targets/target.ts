import assert from "node:assert/strict";
import { SessionError, Token } from "../../../src/index.ts";

/** Takes any text, one byte a character. What it throws is a finding. */
export type Target = (text: string) => void | Promise<void>;

export const NOW = 4_000_000_000_000;
export const TOKEN: Token = Token.parse("A".repeat(56)) as Token;

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What comes of work that may refuse what it is given, with one of these codes alone; `undefined` where it did. */
export function unlessRefused<T>(work: () => T, ...codes: readonly string[]): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!SessionError.is(error)) throw error;
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return undefined;
  }
}

/** The text before the first line break, and what follows it. */
export function firstLine(text: string): [string, string] {
  const at = text.indexOf("\n");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** The parts of a signed token that its signature is over. */
export function signedPart(token: string): string {
  return token.split(".").slice(0, 2).join(".");
}
