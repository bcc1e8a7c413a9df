import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

/** What express-session calls back: an error, or nothing. */
export type Done = (error?: unknown) => void;

/** The cookie of one session, as `req.session.cookie` is. */
export interface SessionCookie {
  path: string;
  maxAge: number | null | undefined;
  expires: Date | false | null | undefined;
  originalMaxAge: number | null | undefined;
  httpOnly: boolean;
  secure?: boolean | undefined;
  domain?: string | undefined;
  sameSite?: boolean | string | undefined;
  priority?: string | undefined;
  partitioned?: boolean | undefined;
  readonly data: Record<string, unknown>;
  serialize(name: string, value: string): string;
  toJSON(): Record<string, unknown>;
  [option: string]: unknown;
}

/** `req.session`: the fields of the cases have types, whatever else is unknown. */
export interface Session {
  readonly id: string;
  cookie: SessionCookie;
  save(done?: Done): unknown;
  reload(done: Done): unknown;
  regenerate(done: Done): unknown;
  destroy(done?: Done): unknown;
  touch(): Session;
  resetMaxAge(): Session;
  count?: number;
  user?: string;
  items?: string[];
  [field: string]: unknown;
}

/** What a store holds, and what it is given to hold. */
export type Stored = Record<string, unknown> & { cookie: Record<string, unknown> };

type Get = (error?: unknown, session?: Stored | null) => void;

export interface Store extends EventEmitter {
  get(id: string, done: Get): void;
  set(id: string, session: unknown, done?: Done): void;
  destroy(id: string, done?: Done): void;
  touch?: ((id: string, session: unknown, done?: Done) => void) | undefined;
  generate?(req: unknown): void;
  regenerate(req: unknown, done: Done): void;
  load(id: string, done: (error?: unknown, session?: Session) => void): void;
  createSession(req: unknown, session: unknown): Session;
}

export interface MemoryStore extends Store {
  /** The texts of the sessions, as many a test looks at them. */
  readonly sessions: Record<string, string>;
  touch(id: string, session: unknown, done?: Done): void;
  all(done: (error?: unknown, sessions?: Record<string, Stored>) => void): void;
  length(done: (error?: unknown, length?: number) => void): void;
  clear(done?: Done): void;
  generate(req: unknown): void;
}

export interface Request extends IncomingMessage {
  /** Handlers that the middleware passed by or whose session ended find none, whatever this says. */
  session: Session;
  sessionID: string;
  sessionStore: MemoryStore;
  originalUrl?: string;
  secret?: string;
  secure?: boolean;
  cookies?: Record<string, string>;
  signedCookies?: Record<string, string | false>;
}

export type Response = ServerResponse<Request>;
export type Middleware = (req: Request, res: Response, next: Done) => void;

type CookieOptions = Record<string, unknown>;

export interface Options {
  secret?: unknown;
  name?: string;
  key?: string;
  store?: Store;
  cookie?: CookieOptions | ((req: Request) => CookieOptions);
  resave?: boolean;
  saveUninitialized?: boolean;
  rolling?: boolean;
  proxy?: boolean | undefined;
  unset?: string;
  genid?: unknown;
}

/** What `require("express-session")` gives. */
export interface SessionModule {
  (options?: Options): Middleware;
  readonly Store: new () => Store;
  readonly MemoryStore: new () => MemoryStore;
  readonly Cookie: new (options?: unknown) => SessionCookie;
  readonly Session: new (req: unknown, data?: unknown) => Session;
}
