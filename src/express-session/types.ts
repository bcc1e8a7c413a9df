import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

import type { RequestSession } from "../adapters/support/request-session.ts";
import type { Duration } from "../core/duration.ts";
import type { AnyStore } from "../core/store.ts";
import type { Cookie, CookieOptions } from "./cookie.ts";
import type { SessionOf, StoreOf } from "./foreign-types.ts";
import type { Session } from "./session.ts";
import type { Secret } from "./signature.ts";

export type { Cookie, CookieOptions, Session };

/* oxlint-disable typescript/no-explicit-any -- declared as those of express-session are, so that code against them compiles */

/**
 * The fields of a session. Declare yours:
 *
 * ```ts
 * declare module "holdfast/express-session" {
 *   interface SessionData { cart: string[] }
 * }
 * ```
 */
export interface SessionData {
  cookie: Cookie;
}

declare global {
  interface HoldfastRequestSessions {
    readonly dropIn: SessionOf<Session, SessionData>;
  }
  // oxlint-disable-next-line typescript/no-namespace -- the name under which @types/express takes additions
  namespace Express {
    interface Request {
      /** The session. It is not there before the middleware, nor after `destroy`. */
      session: RequestSession;
      /** The session's id. */
      sessionID: string;
      /** The store in use. */
      sessionStore: StoreOf<Store>;
    }
  }
}

/** Declared by a method, for those take functions whose request is declared to have more. */
export type CookieMaker = { make(request: SessionsRequest): CookieOptions }["make"];

/** A request of Express, or of `node:http`. */
export type SessionsRequest = IncomingMessage & Express.Request;

/** The middleware. */
export type SessionsHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: any) => void,
) => void;

export interface SessionOptions {
  /** Signs the cookie. The first of a list signs, all verify: put a new one first, and take the old one out when its cookies have expired. */
  secret: Secret | Secret[];
  /** Makes the id of a new session. Default: 24 random bytes. */
  genid?(request: SessionsRequest): string;
  /** The name of the cookie. Default `"connect.sid"`. */
  name?: string | undefined;
  /** Where sessions are kept: a store made for express-session, or one of Holdfast's. Default: a `MemoryStore`, which forgets them all. */
  store?: Store | StoreOfOthers | AnyStore | undefined;
  /** The cookie's settings, or what makes them of a request. */
  cookie?: CookieOptions | CookieMaker | undefined;
  /** Sends the cookie with each response, so that its time begins anew. Default `false`. */
  rolling?: boolean | undefined;
  /** Stores a session again that did not change. Default `true`, which is deprecated; `false` is right for stores that have `touch`. */
  resave?: boolean | undefined;
  /** Whether `X-Forwarded-Proto` says that a request came by HTTPS. Default: as Express's `trust proxy` has it. */
  proxy?: boolean | undefined;
  /** Stores a new session that nothing was put into. Default `true`, which is deprecated. */
  saveUninitialized?: boolean | undefined;
  /** What taking `request.session` away does to the stored one. Default `"keep"`. */
  unset?: "destroy" | "keep" | undefined;
  /** How long a store call may take before the request fails, 1 ms to a day. Default `"5s"`. Of Holdfast alone. */
  deadline?: Duration | undefined;
}

/** A store whose types are made for express-session itself, and so know its sessions and not these. */
export interface StoreOfOthers extends EventEmitter {
  get(sid: string, callback: (error: any, session?: any) => void): void;
  set(sid: string, session: any, callback?: (error?: any) => void): void;
  destroy(sid: string, callback?: (error?: any) => void): void;
}

/** The base class of stores. */
export declare abstract class Store extends EventEmitter {
  /** Ends the session of a request and begins an empty one. */
  regenerate(request: SessionsRequest, callback: (error?: any) => any): void;
  /** Reads a session that belongs to no request. */
  load(sid: string, callback: (error: any, session?: SessionData) => any): void;
  /** Makes what was stored the session of a request. */
  createSession(request: SessionsRequest, session: SessionData): Session & SessionData;
  /** Reads a session; `null` or `undefined` when there is none, as is an error whose `code` is `ENOENT`. */
  abstract get(sid: string, callback: (error: any, session?: SessionData | null) => void): void;
  /** Stores a session, whether it is there or not. */
  abstract set(sid: string, session: SessionData, callback?: (error?: any) => void): void;
  /** Ends a session; one that is not there is no error. */
  abstract destroy(sid: string, callback?: (error?: any) => void): void;
  all?(
    callback: (error: any, sessions?: SessionData[] | { [sid: string]: SessionData } | null) => void,
  ): void;
  length?(callback: (error: any, length?: number) => void): void;
  clear?(callback?: (error?: any) => void): void;
  /** Moves the time that a session expires. */
  touch?(sid: string, session: SessionData, callback?: () => void): void;
}

/** Keeps sessions in the memory of the process: for tests, and while developing. */
export declare class MemoryStore extends Store {
  get(sid: string, callback: (error: any, session?: SessionData | null) => void): void;
  set(sid: string, session: SessionData, callback?: (error?: any) => void): void;
  destroy(sid: string, callback?: (error?: any) => void): void;
  override all(callback: (error: any, sessions?: { [sid: string]: SessionData } | null) => void): void;
  override length(callback: (error: any, length?: number) => void): void;
  override clear(callback?: (error?: any) => void): void;
  override touch(sid: string, session: SessionData, callback?: () => void): void;
}
