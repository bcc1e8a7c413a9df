import { Cookie, type CookieSettings } from "./cookie.ts";
import type { SessionState } from "./session-state.ts";
import { changesBetween, type Snapshot } from "./snapshot.ts";
import type { SessionLike } from "./store-like.ts";

type Fields = Record<string, unknown>;

/**
 * The session as it has to be stored: what the store holds by now, with the fields over it that this request changed, and no others. The
 * cookie is a field too, but that its time to expire is always this request's.
 */
export function laidOver(
  session: SessionLike,
  snapshot: Snapshot,
  state: SessionState,
  stored: object,
): SessionLike {
  const { set, removed } = changesBetween(state.baseline ?? new Map(), snapshot);
  const ours = session as unknown as Fields;
  const merged = Object.create(Object.getPrototypeOf(session) as object) as SessionLike & Fields;
  Object.defineProperties(merged, { req: { value: session.req }, id: { value: session.id } });
  merged.cookie = cookieOf(session.cookie, state.cookie, stored);
  for (const [name, value] of Object.entries(stored)) {
    if (name in merged || removed.has(name)) continue;
    merged[name] = set.has(name) ? ours[name] : value;
  }
  for (const name of set) merged[name] = ours[name];
  return merged;
}

/** Whoever changed the settings of a cookie decides them: a request that only moves its time does not undo it. */
function cookieOf(ours: Cookie, before: CookieSettings | undefined, stored: object): Cookie {
  const raw = (stored as { readonly cookie?: object }).cookie;
  // A cookie that a handler put there may be any object.
  if (raw === undefined || before === undefined || !ours.data || !haveSameSettings(ours.data, before))
    return ours;
  const { expires: _expires, ...settings } = JSON.parse(JSON.stringify(raw)) as Fields;
  // With its defaults, as it was made when it was loaded.
  const theirs = new Cookie(settings);
  if (haveSameSettings(theirs.data, before)) return ours;
  const { originalMaxAge } = theirs;
  theirs.maxAge = originalMaxAge;
  theirs.originalMaxAge = originalMaxAge;
  return theirs;
}

function haveSameSettings(one: CookieSettings, other: CookieSettings): boolean {
  return (Object.keys(one) as (keyof CookieSettings)[]).every(
    (name) => name === "expires" || (one[name] ?? null) === (other[name] ?? null),
  );
}
