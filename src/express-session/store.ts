import { EventEmitter } from "node:events";

import { createSession } from "./creating.ts";
import type { Session } from "./session.ts";
import { stateOf } from "./session-state.ts";
import type { Done } from "./store-call.ts";
import type { SessionRequest, StoreLike } from "./store-like.ts";

/** A function that is called upon an object, or by `new`. */
export interface StoreFunction {
  (this: object): void;
  new (): object;
  readonly prototype: object;
}

/** What every store has of its base class. */
const METHODS = {
  /** Ends the session of a request and makes it an empty one under a new id. */
  regenerate(this: StoreLike, request: SessionRequest, done: Done): void {
    this.destroy(request.sessionID, (error) => {
      try {
        this.generate(request);
      } catch (thrown) {
        return done(error ?? thrown);
      }
      done(error);
    });
  },

  /** Reads a session that belongs to no request. `undefined` when there is none. */
  load(this: StoreLike, sid: string, done: Done<Session>): void {
    this.get(sid, (error, found) => {
      if (error) return done(error);
      if (!found) return done();
      const request = { sessionID: sid, sessionStore: this } as SessionRequest;
      const session = this.createSession(request, found) as Session;
      const state = stateOf(session);
      if (state !== undefined) state.isLoaded = true;
      done(null, session);
    });
  },

  createSession(this: StoreLike, request: SessionRequest, found: object): Session {
    return createSession(this, request, found);
  },
};

/** A function and no class: stores of before there were classes call it upon themselves. */
export const Store = function Store(this: object): void {
  EventEmitter.call(this as never);
} as StoreFunction;

Object.setPrototypeOf(Store.prototype, EventEmitter.prototype);
for (const [name, value] of Object.entries(METHODS))
  Object.defineProperty(Store.prototype, name, { value, writable: true, configurable: true });
