/**
 * What a reply is, or an error: a client that handed out the reply to another command must not be believed, for an
 * acknowledgement of what was never carried out, or an empty hash for one that is full, would lose changes or log users out.
 */

/** A reply that is judged by who asked. */
export function itself(reply: unknown): unknown {
  return reply;
}

/** A reply that is a list. */
export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as readonly unknown[]) : unexpected();
}

/** A reply that may be a map, as a flat list of keys and values. */
export function flatList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply as readonly unknown[];
  if (reply instanceof Map) return [...(reply as Map<unknown, unknown>)].flat();
  if (typeof reply === "object" && reply !== null) return Object.entries(reply).flat();
  return unexpected();
}

/** A reply that is 0 or 1. */
export function booleanOf(reply: unknown): boolean {
  return reply === 1 || reply === 0 ? reply === 1 : unexpected();
}

/** A reply that is the version of a record. */
export function versionOf(reply: unknown): number {
  const version = typeof reply === "string" && reply !== "" ? Number(reply) : Number.NaN;
  return Number.isSafeInteger(version) ? version : unexpected();
}

function unexpected(): never {
  throw new Error("Redis answered what this command never answers.");
}
