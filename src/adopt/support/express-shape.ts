import type { OldSession } from "../source.ts";
import { type CallbackStore, destroyIn, readFrom } from "./callback-store.ts";

/** Reads a session of the shape that express-session gave to all its kin: the data, and `cookie` among it. */
export async function expressShaped(store: CallbackStore, sid: string): Promise<OldSession | null> {
  const found = await readFrom(store, sid);
  if (found === null) return null;
  // When a file was last used is session-file-store's own affair.
  const { cookie, __lastAccess: _, ...data } = found;
  const { expires, originalMaxAge } = (typeof cookie === "object" && cookie !== null ? cookie : {}) as Record<
    string,
    unknown
  >;
  return {
    data,
    expiresAt: timeOf(expires),
    ...lastingOf(originalMaxAge),
    remove: () => destroyIn(store, sid),
  };
}

/** How long a cookie is set for, as a session keeps it. */
export function lastingOf(maxAge: unknown): Pick<OldSession, "persistent" | "lastsMs"> {
  return typeof maxAge === "number" && maxAge > 0
    ? { persistent: true, lastsMs: maxAge }
    : { persistent: false };
}

function timeOf(expires: unknown): number | null {
  if (typeof expires !== "string" && !(expires instanceof Date)) return null;
  const time = new Date(expires).getTime();
  // A date that is none ends nothing, as in the other library it would.
  return Number.isNaN(time) ? null : time;
}
