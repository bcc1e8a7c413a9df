import type { Cookie } from "./cookie.ts";
import { endSession, replaceSession, saveSession } from "./keeping.ts";
import { loadSession } from "./loading.ts";
import type { Done } from "./store-call.ts";
import type { SessionRequest } from "./store-like.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- what callbacks of express-session are declared to take
type Callback = (error: any) => void;

/**
 * The session of one request: its fields are its data. What the request changed is stored before its response starts, and by `save`.
 *
 * Methods that wait for the store take a callback, or give a promise where there is none.
 */
export class Session {
  /** The id of the session, which the cookie bears signed. A secret, as the cookie is. */
  declare id: string;
  declare cookie: Cookie;
  /** @internal */
  declare readonly req: SessionRequest;

  /** @internal */
  constructor(request: SessionRequest, data?: object | null) {
    beginSession(this, request, data);
  }

  /** Sets the time that the cookie expires by its `maxAge`. Done for each request. */
  touch(): this {
    return this.resetMaxAge();
  }

  /** Sets `cookie.maxAge` to what it was at first. */
  resetMaxAge(): this {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }

  /**
   * Stores the session now: fields that this request changed are laid over what is stored by then. Does nothing when the session has ended
   * meanwhile. Fails with what the store failed with, or `ERR_SESSION_STORE_UNAVAILABLE` when it did not answer in time.
   */
  save(callback: Callback): this;
  save(): Promise<void>;
  save(callback?: Callback): this | Promise<void> {
    return answered(this, callback, (done) => saveSession(this, done));
  }

  /** Reads the session again: `req.session` is a new object then. Fails when it is no longer there. */
  reload(callback: Callback): this;
  reload(): Promise<void>;
  reload(callback?: Callback): this | Promise<void> {
    return answered(this, callback, (done) => reload(this, done));
  }

  /** Ends the session: `req.session` is gone at once, and no request brings it back. Where the store fails it has not ended. */
  destroy(callback: Callback): this;
  destroy(): Promise<void>;
  destroy(callback?: Callback): this | Promise<void> {
    delete (this.req as Partial<SessionRequest>).session;
    return answered(this, callback, (done) => endSession(this.req.sessionStore, this.id, done));
  }

  /** Ends the session and begins an empty one under a new id, which is in `req.session` then. To be done at each login. */
  regenerate(callback: Callback): this;
  regenerate(): Promise<void>;
  regenerate(callback?: Callback): this | Promise<void> {
    return answered(this, callback, (done) => replaceSession(this.req, done));
  }
}

/** What the constructor does. */
export function beginSession(session: object, request: SessionRequest, data?: object | null): void {
  Object.defineProperties(session, { req: { value: request }, id: { value: request.sessionID } });
  if (typeof data !== "object" || data === null) return;
  // What bears the name of a method stays hidden, and is gone with the next save.
  for (const name in data)
    if (!(name in session))
      (session as Record<string, unknown>)[name] = (data as Record<string, unknown>)[name];
}

function reload({ req, id }: Session, done: Done): void {
  loadSession(req.sessionStore, req, id, (error, loaded) => {
    if (error) return done(error);
    if (!loaded) return done(new Error("failed to load session"));
    done();
  });
}

function answered<Self>(
  self: Self,
  callback: Callback | undefined,
  work: (done: Done) => void,
): Self | Promise<void> {
  if (typeof callback === "function") {
    work(callback as Done);
    return self;
  }
  const promise = new Promise<void>((resolve, reject) => {
    work((error) => (error ? reject(error) : resolve()));
  });
  // `save()` whose promise nobody waits for is how it was written before there was one, and no reason to stop the process.
  promise.catch(() => undefined);
  return promise;
}
