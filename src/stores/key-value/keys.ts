import type { SessionId } from "../../core/record.ts";

const BYTES = 24;

/** An id as an engine's key: hexadecimal, for some engines conflate letters of either case. */
export function keyOf(id: SessionId): string {
  return Buffer.from(id, "latin1").toString("hex");
}

/** The id of a key; `null` for whatever is none. */
export function idOfKey(key: string): SessionId | null {
  const id = Buffer.from(key, "hex").toString("latin1");
  return key.length === 2 * BYTES && /^[\w-]+$/.test(id) ? (id as SessionId) : null;
}
