import type { AnySession } from "../../src/index.ts";
import type { FetchHandler } from "../../src/adapters/fetch.ts";

/** Tells whether a session is used from another address than the one it was created or logged in from. */
export function isFromElsewhere(session: AnySession, address: string): boolean {
  return session.remoteAddress !== null && session.remoteAddress !== address;
}

/** Refuses requests from elsewhere. The session stays: ending it would let a thief log its owner out. */
export function boundToAddress<S extends AnySession>(
  handler: FetchHandler<S, []>,
  addressOf: (request: Request) => string,
): FetchHandler<S, []> {
  return (request, session) => {
    if (isFromElsewhere(session, addressOf(request))) return new Response("Sign in again.", { status: 403 });
    return handler(request, session);
  };
}
