import type { SessionRecord } from "../../src/core/record.ts";
import { Token } from "../../src/core/token.ts";

/** A call that nobody gives up. */
export const CALL: { readonly signal: AbortSignal } = { signal: new AbortController().signal };

const DAY_MS = 86_400_000;

/** A new record with these fields. */
export function recordWith(fields: Readonly<Record<string, string>>): SessionRecord {
  const token = Token.mint();
  const now = Date.now();
  return {
    id: token.id,
    epoch: 1,
    version: 1,
    secretHash: token.secretHash(),
    labels: [],
    createdAt: now,
    accessedAt: now,
    expiresAt: now + DAY_MS,
    endsAt: now + DAY_MS,
    fields,
  };
}

/** As a shop keeps it: who, a cart, and a few small things. */
export const SMALL: Readonly<Record<string, string>> = {
  name: JSON.stringify("Ann"),
  cart: JSON.stringify({ items: [{ goods: "lamp", count: 2 }], currency: "EUR" }),
  theme: JSON.stringify("dark"),
};

/** A hundred fields of a thousand characters. */
export const LARGE: Readonly<Record<string, string>> = Object.fromEntries(
  Array.from({ length: 100 }, (_, place) => [`field${place}`, JSON.stringify("x".repeat(998))]),
);
