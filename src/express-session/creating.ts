import { Cookie, type CookieOptions } from "./cookie.ts";
import { noteLoaded } from "./loading.ts";
import { Session } from "./session.ts";
import type { SessionRequest, StoreLike } from "./store-like.ts";

/** Makes what a store gave the session of a request. @throws TypeError for what has no cookie: it is no session. */
export function createSession(store: StoreLike, request: SessionRequest, found: object): Session {
  const stored = found as { cookie: CookieOptions & { originalMaxAge: number | null } };
  // Not taken apart in one: applications know this error by the words of a property that cannot be read.
  const expires = stored.cookie.expires;
  const originalMaxAge = stored.cookie.originalMaxAge;
  const cookie = new Cookie(stored.cookie);
  if (typeof expires === "string") cookie.expires = new Date(expires);
  cookie.originalMaxAge = originalMaxAge;
  stored.cookie = cookie;
  const session = new Session(request, found);
  request.session = session;
  noteLoaded(store, session, found);
  return session;
}
