import { callable } from "./express-session/callable.ts";
import { beginCookie, Cookie as CookieClass, type CookieOptions } from "./express-session/cookie.ts";
import { MemoryStore as BuiltMemoryStore } from "./express-session/memory-store.ts";
import { middlewareOf } from "./express-session/middleware.ts";
import type { GivenOptions } from "./express-session/options.ts";
import { beginSession, Session as SessionClass } from "./express-session/session.ts";
import { Store as BuiltStore } from "./express-session/store.ts";
import type * as types from "./express-session/types.ts";

export type { CookieOptions };
export type { SessionData, SessionOptions } from "./express-session/types.ts";

/** The cookie of one session: its settings, and the time when it expires. */
export const Cookie: typeof CookieClass = callable(CookieClass, beginCookie);
export type Cookie = CookieClass;

/** The session of one request. */
export const Session: typeof SessionClass = callable(SessionClass, beginSession);
export type Session = SessionClass;

/** The base class of stores. */
export const Store: typeof types.Store = BuiltStore as never;
export type Store = types.Store;

/** Keeps sessions in the memory of the process: for tests, and while developing. In production it warns. */
export const MemoryStore: typeof types.MemoryStore = BuiltMemoryStore as never;
export type MemoryStore = types.MemoryStore;

/** What `require("holdfast/express-session")` gives, and the default import. */
interface ExpressSession {
  (options?: types.SessionOptions): types.SessionsHandler;
  readonly Store: typeof Store;
  readonly MemoryStore: typeof MemoryStore;
  readonly Session: typeof Session;
  readonly Cookie: typeof Cookie;
}

/**
 * Sessions for Express, Connect and `node:http`, in the place of express-session 1.19: the same options, cookies, stores and objects. What
 * it adds: no overlapping request undoes a logout or another's changes, nothing of a response leaves before its session is stored, a save
 * that fails is a response that failed, and each store call has a deadline.
 *
 * A store of Holdfast can be given too, under which that holds between processes.
 *
 * @throws TypeError for options that cannot be meant, as express-session does. `ERR_SESSION_CONFIG` for a `deadline` that is none.
 */
function session(options?: types.SessionOptions): types.SessionsHandler {
  return middlewareOf((options ?? {}) as GivenOptions) as unknown as types.SessionsHandler;
}

// oxlint-disable-next-line typescript/no-namespace -- so that types are found under the name of the import, as those of express-session are
declare namespace expressSession {
  export type Cookie = types.Cookie;
  export type CookieOptions = types.CookieOptions;
  export type MemoryStore = types.MemoryStore;
  export type Session = types.Session;
  export type SessionData = types.SessionData;
  export type SessionOptions = types.SessionOptions;
  export type Store = types.Store;
}

const expressSession: ExpressSession = Object.assign(session, { Store, Cookie, Session, MemoryStore });
// For what compilers of modules make of a default import. Not counted among its properties, as they are no more than express-session's.
Object.defineProperty(expressSession, "default", { value: expressSession });

// oxlint-disable-next-line import/no-default-export -- as express-session is imported
export default expressSession;
export { expressSession as "module.exports" };
