import { type AnySession, Session, SessionError } from "../../index.ts";

/** How a session is shown on what a framework gives to handlers: to be read, and not to be replaced. */
export interface ShownSession<S extends AnySession> extends PropertyDescriptor {
  get(this: object): S | undefined;
  set(this: object, value: unknown): void;
}

/**
 * Shows the session of a request as a property of it, or of what bears it. Elsewhere `request.session = null` is the way to
 * log out: passed over in silence it would leave everybody logged in, so it throws `ERR_SESSION_USE`. The very same session may be put back.
 */
export function shownSession<S extends AnySession>(find: (bearer: object) => S | undefined): ShownSession<S> {
  return {
    configurable: true,
    enumerable: true,
    get() {
      return find(this);
    },
    set(value) {
      refuseAnother(find(this), value);
    },
  };
}

/** Shows the session as this property, unless another library has put one of its own there: that goes on to work, and `of` gives this one. */
export function showSession(bearer: object, name: string, shown: ShownSession<AnySession>): void {
  const present = (bearer as Record<string, unknown>)[name] ?? null;
  if (present === null || present instanceof Session) Object.defineProperty(bearer, name, shown);
}

/** @throws `ERR_SESSION_USE` for anything but the session itself. */
export function refuseAnother(session: AnySession | undefined, value: unknown): void {
  if (value === session) return;
  throw new SessionError(
    "ERR_SESSION_USE",
    "The session of a request cannot be replaced. Call session.logout() to end it, and change its fields in session.data.",
  );
}
