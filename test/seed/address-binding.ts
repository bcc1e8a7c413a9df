import type { AnySession } from "../../src/index.ts";

/** Tells whether a session is used from another address than the one it was created or logged in from. */
export function isFromElsewhere(session: AnySession, address: string): boolean {
  return session.remoteAddress !== null && session.remoteAddress !== address;
}
