import type { ServerResponse } from "node:http";

import { holdResponse } from "../adapters/support/node-hold.ts";
import { Cookie, type CookieOptions } from "./cookie.ts";
import { createSession } from "./creating.ts";
import { deskOf } from "./desk.ts";
import { loadSession, noteMade } from "./loading.ts";
import { type GivenOptions, type Settings, settingsOf } from "./options.ts";
import { holdPlainly } from "./plain-response.ts";
import { isSecure, pathOf, type PlainRequest, presentedId } from "./request.ts";
import { Session } from "./session.ts";
import { setTurn, stateOf } from "./session-state.ts";
import { keyOf, type Secret } from "./signature.ts";
import { Store } from "./store.ts";
import { isNotFound } from "./store-call.ts";
import type { SessionRequest, StoreLike } from "./store-like.ts";
import { type Next, Turn, type TurnRequest } from "./turn.ts";

type Middleware = (request: TurnRequest, response: ServerResponse, next: Next) => void;

/** Makes the middleware. @throws TypeError for options that cannot be meant. */
export function middlewareOf(options: GivenOptions): Middleware {
  const settings = settingsOf(options);
  const { store, name } = settings;
  const keys = new Keys();
  prepare(settings);
  const readiness = readinessOf(store);

  return function session(request, response, next) {
    if (request.session) return next();
    if (!readiness.isReady) return next();
    if (!pathOf(request).startsWith(cookieOptions(settings, request).path || "/")) return next();
    if (!settings.secrets && !request.secret) return next(new Error("secret option required for sessions"));
    const secrets = keys.of(settings.secrets ?? [request.secret as Secret]);
    request.sessionStore = store;
    const cookieId = presentedId(request, name, secrets);
    request.sessionID = cookieId as string;
    const turn = new Turn(settings, { request, response, next }, secrets[0] as Secret, cookieId);
    setTurn(request, turn);
    hold(response, turn);
    begin(settings, request as SessionRequest & TurnRequest, turn, cookieId, next);
  };
}

function begin(
  settings: Settings,
  request: SessionRequest & TurnRequest,
  turn: Turn,
  cookieId: string | undefined,
  next: Next,
): void {
  const { store } = settings;
  if (!cookieId) {
    store.generate(request);
    turn.begin(request.session, null);
    return next();
  }
  loadSession(store, request, cookieId, (error, session) => {
    if (error && !isNotFound(error)) return next(error);
    try {
      if (session === undefined) store.generate(request);
      turn.begin(request.session, session === undefined ? null : (stateOf(session)?.baseline ?? null));
    } catch (thrown) {
      return next(thrown);
    }
    next();
  });
}

/** Gives a store what the middleware gives every store: how a session of this application begins. */
function prepare(settings: Settings): void {
  const { store, genid, cookie, proxy, deadlineMs } = settings;
  deskOf(store).deadlineMs = deadlineMs;
  // The base class of express-session itself would make sessions of its own kind.
  if (!(store instanceof Store) && !makesSessions(store))
    store.createSession = (request, found) => createSession(store, request as SessionRequest, found);
  store.generate = (given) => {
    const request = given as SessionRequest & PlainRequest;
    request.sessionID = genid(request);
    const session = new Session(request);
    request.session = session;
    session.cookie = cookieFor(settings, request);
    const secure = isSecure(request, proxy);
    // Of what a function gives nothing is automatic: it has the request itself.
    if ((cookie as CookieOptions).secure === "auto") session.cookie.secure = secure;
    if ((cookie as CookieOptions).sameSite === "auto") session.cookie.sameSite = secure ? "none" : "lax";
    noteMade(store, session);
  };
}

/** The cookie of a new session. Where its options make none there is no session either, or the answer to the error would need one. */
function cookieFor(settings: Settings, request: SessionRequest & PlainRequest): Cookie {
  try {
    return new Cookie(cookieOptions(settings, request));
  } catch (error) {
    delete (request as Partial<SessionRequest>).session;
    throw error;
  }
}

/** Whether a store makes sessions in a way of its own, and not by the abstract base class that express-session has. */
function makesSessions(store: StoreLike): boolean {
  if (typeof store.createSession !== "function") return false;
  let owner: object | null = store;
  while (owner !== null && !Object.hasOwn(owner, "createSession"))
    owner = Object.getPrototypeOf(owner) as object | null;
  const isBase = owner !== null && Object.hasOwn(owner, "load") && !Object.hasOwn(owner, "get");
  return !isBase;
}

function cookieOptions({ cookie }: Settings, request: PlainRequest): CookieOptions {
  return typeof cookie === "function" ? cookie(request) : cookie;
}

/** A store that has lost its engine says so, and requests go on without sessions until it has it again. */
function readinessOf(store: StoreLike): { isReady: boolean } {
  const readiness = { isReady: true };
  const emitter = store as StoreLike & { on(event: string, listener: () => void): void };
  emitter.on("disconnect", () => (readiness.isReady = false));
  emitter.on("connect", () => (readiness.isReady = true));
  return readiness;
}

function hold(response: ServerResponse, turn: Turn): void {
  turn.headers = canBeHeld(response) ? holdResponse(response, turn) : holdPlainly(response, turn);
}

const HELD_METHODS = ["on", "writeHead", "write", "end", "flushHeaders", "getHeaderNames"] as const;

/** Whether it is a response of Node. Wrappers for sockets give middleware objects with less. */
function canBeHeld(response: ServerResponse): boolean {
  return HELD_METHODS.every((name) => typeof response[name] === "function");
}

/** The keys of a list, made again when the application has changed it. */
class Keys {
  #list: readonly Secret[] = [];
  #made: readonly Secret[] = [];

  of(given: readonly Secret[]): readonly Secret[] {
    const isKnown = given.length === this.#list.length && given.every((one, at) => one === this.#list[at]);
    if (isKnown) return this.#made;
    this.#made = given.map(keyOf);
    this.#list = [...given];
    return this.#made;
  }
}
