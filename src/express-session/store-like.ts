import type { Cookie } from "./cookie.ts";
import type { Done } from "./store-call.ts";

/** A session as it is saved: its cookie and its fields. */
export interface SessionLike {
  readonly id: string;
  cookie: Cookie;
  readonly req: SessionRequest;
}

/** What a request has of its session, beside what a request has. */
export interface SessionRequest {
  sessionID: string;
  session: SessionLike;
  sessionStore: StoreLike;
}

/** What is used of a store, this module's or that of express-session itself. Sessions go in as they are and come out as JSON brings them back. */
export interface StoreLike {
  get(sid: string, done: Done<object | null>): unknown;
  set(sid: string, session: object, done: Done): unknown;
  destroy(sid: string, done: Done): unknown;
  touch?(sid: string, session: object, done: Done): unknown;
  regenerate(request: object, done: Done): unknown;
  createSession(request: object, session: object): SessionLike;
  generate(request: object): void;
}
