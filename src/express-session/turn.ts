import type { ServerResponse } from "node:http";

import type { Failure, Hold, HoldHooks } from "../adapters/support/node-hold.ts";
import { writeCookie } from "./cookie-header.ts";
import { endSession, isKnownEnded, keepSession, touchSession } from "./keeping.ts";
import type { Settings } from "./options.ts";
import { isSecure, type PlainRequest } from "./request.ts";
import { Session } from "./session.ts";
import { stateOf, type TurnView } from "./session-state.ts";
import { sign, type Secret } from "./signature.ts";
import { isSame, type Snapshot, snapshotOf } from "./snapshot.ts";
import type { Done } from "./store-call.ts";
import type { SessionLike, SessionRequest } from "./store-like.ts";

export type Next = (error?: unknown) => void;

/** A request as the middleware has it. Its session is whatever the application made of it. */
export type TurnRequest = PlainRequest & Omit<SessionRequest, "session"> & { session?: SessionLike | null };

/** Where the headers of a response go. */
export type HeaderSink = Pick<Hold, "appendHeader">;

/** What the middleware is called with. */
export interface Exchange {
  readonly request: TurnRequest;
  readonly response: ServerResponse;
  readonly next: Next;
}

/** As it was before any application could replace it. */
const saveOfSessions: unknown = Session.prototype.save;

const EMPTY: Snapshot = new Map();

/** One request: what its session was at first, and what has to be stored and sent when it is answered. */
export class Turn implements HoldHooks, TurnView {
  readonly endsOnce = true;
  headers: HeaderSink | undefined;
  readonly #settings: Settings;
  readonly #request: TurnRequest;
  readonly #response: ServerResponse;
  readonly #next: Next;
  readonly #secret: Secret;
  /** The id in the cookie that came. */
  readonly #cookieId: string | undefined;
  #originalId: string | undefined;
  #original: Snapshot = EMPTY;
  #saved: Snapshot | null = null;
  #storedId: string | undefined;
  /** What the commit has stored itself. */
  #kept: { readonly id: string; readonly snapshot: Snapshot } | undefined;
  #endedId: string | undefined;
  #isTouched = false;
  #isTouchStored = false;
  #hasFailed = false;
  /** The commit that waits for the first byte. */
  #begun: (() => void) | undefined;

  constructor(
    settings: Settings,
    { request, response, next }: Exchange,
    secret: Secret,
    cookieId: string | undefined,
  ) {
    this.#settings = settings;
    this.#request = request;
    this.#response = response;
    this.#next = next;
    this.#secret = secret;
    this.#cookieId = cookieId;
  }

  /** The request goes on with this session. `baseline` is what the store held of it, `null` for a new one. */
  begin(session: SessionLike, baseline: Snapshot | null): void {
    this.#originalId = this.#request.sessionID;
    this.#original = baseline ?? snapshotOf(session);
    if (baseline !== null && !this.#settings.resave) this.#saved = baseline;
  }

  saving(snapshot: Snapshot): void {
    this.#saved = snapshot;
  }

  stored(sid: string): void {
    this.#storedId = sid;
  }

  /** A `writeHead` sends nothing by itself on HTTP/1: what the handler does between it and the first byte is in time. */
  start(status = 200, how: "explicit" | "implicit" = "implicit"): void | Promise<void> {
    if (how === "implicit" || "stream" in this.#response) return this.#answer(status);
    return new Promise((resolve, reject) => {
      this.#begun = () => {
        this.#begun = undefined;
        attempt(() => this.#answer(status)).then(resolve, reject);
      };
    });
  }

  kept(): void {
    this.#begun?.();
  }

  /** An answer that says itself that something failed stands, whatever becomes of the session. */
  #answer(status: number): void | Promise<void> {
    if (this.#hasFailed) return this.#sendStored();
    const work = this.#commit();
    if (status < 500) return work;
    return work?.catch((error: unknown) => {
      this.#hasFailed = true;
      this.#tellLater(error);
      this.#sendStored();
    });
  }

  #commit(): void | Promise<void> {
    const { session } = this.#request;
    if (this.#isUnset()) return this.#end();
    if (!session) return;
    const snapshot = this.#look(session);
    const line =
      snapshot !== null && this.#sendsCookie(session, snapshot) ? this.#cookieLine(session) : undefined;
    const work = snapshot === null ? undefined : this.#store(session, snapshot);
    const finish = (): void => {
      const state = stateOf(session);
      if (state !== undefined) state.isPrivate = false;
      // A cookie of what has ended could arrive after that of a newer login, and take its place.
      if (line !== undefined && !isKnownEnded(session)) this.headers?.appendHeader("Set-Cookie", line);
    };
    if (work === undefined) return finish();
    return work.then(finish);
  }

  /** What changed after the first byte is stored before the last. */
  late(): void | Promise<void> {
    if (this.#hasFailed) return;
    const { session } = this.#request;
    const work = this.#isUnset() ? this.#end() : this.#lateStore(session);
    return work?.catch((error: unknown) => this.#tellLater(error));
  }

  /** A client that left before it was answered has changed nothing, as with express-session. */
  abandoned(): void {}

  /** The answer is dropped, and the application's error handler makes another. Where nobody would hear of the error the hold answers. */
  reopen(error: unknown): (() => void) | undefined {
    if (!this.#canTell()) return undefined;
    this.#hasFailed = true;
    return () => void setImmediate(this.#next, error);
  }

  /** The application is in the midst of its answer: the hold breaks it off by a plain one. */
  renderFailure(error: unknown): Failure | undefined {
    this.#hasFailed = true;
    this.#tellLater(error);
    return undefined;
  }

  /** A `next` that takes no error would take the call for "go on", and answer once more. */
  #canTell(): boolean {
    return this.#next.length > 0;
  }

  /** When the answer is out: whoever hears of an error in the midst of one breaks the connection off. */
  #tellLater(error: unknown): void {
    if (!this.#canTell()) return;
    const { closed, once } = this.#response;
    if (closed || typeof once !== "function") setImmediate(this.#next, error);
    else once.call(this.#response, "close", () => this.#next(error));
  }

  /** Whether the application took the session away. One that could not be read was never there to be taken. */
  #isUnset(): boolean {
    const { sessionID, session } = this.#request;
    if (!sessionID || !this.#settings.destroysUnset || this.#originalId === undefined) return false;
    return session === null || session === undefined;
  }

  #end(): void | Promise<void> {
    const { sessionID, sessionStore } = this.#request;
    if (this.#endedId === sessionID) return;
    this.#endedId = sessionID;
    const work = promised((done) => endSession(sessionStore, sessionID, done));
    // A session that the client never had needs no ending that it must know of.
    return sessionID === this.#cookieId ? work : work?.catch((error: unknown) => this.#tellLater(error));
  }

  #lateStore(session: SessionLike | null | undefined): void | Promise<void> {
    if (!session) return;
    try {
      const snapshot = this.#look(session);
      return snapshot === null ? undefined : this.#store(session, snapshot);
    } catch (error) {
      this.#tellLater(error);
    }
  }

  /** What the session is by now; `null` when its id is no id, so that it cannot be kept. */
  #look(session: SessionLike): Snapshot | null {
    if (!this.#isTouched) {
      (session as SessionLike & { touch(): void }).touch();
      this.#isTouched = true;
    }
    return typeof this.#request.sessionID === "string" ? snapshotOf(session) : null;
  }

  #store(session: SessionLike, snapshot: Snapshot): void | Promise<void> {
    if (this.#kept?.id === session.id && isSame(this.#kept.snapshot, snapshot)) return;
    if (this.#isToBeSaved(session, snapshot)) {
      this.#kept = { id: session.id, snapshot };
      this.#isTouchStored = true;
      return this.#save(session, snapshot);
    }
    if (this.#cookieId !== this.#request.sessionID || this.#isTouchStored) return;
    if (typeof this.#request.sessionStore.touch !== "function") return;
    this.#isTouchStored = true;
    // Nothing is lost by it but time: the answer is what it is.
    return promised((done) => touchSession(session, done))?.catch((error: unknown) => this.#tellLater(error));
  }

  /** By the session's own method, where an application has put another in its place. */
  #save(session: SessionLike, snapshot: Snapshot): void | Promise<void> {
    const { save } = session as SessionLike & { save?: unknown };
    if (typeof save === "function" && save !== saveOfSessions)
      return promised((done) => void save.call(session, done));
    this.#saved = snapshot;
    return promised((done) => keepSession(session, snapshot, done));
  }

  #isToBeSaved(session: SessionLike, snapshot: Snapshot): boolean {
    const isUninitialized =
      !this.#settings.saveUninitialized && this.#saved === null && this.#cookieId !== this.#request.sessionID;
    return isUninitialized ? this.#isModified(session, snapshot) : !this.#isSaved(session, snapshot);
  }

  #isModified(session: SessionLike, snapshot: Snapshot): boolean {
    return this.#originalId !== session.id || !isSame(this.#original, snapshot);
  }

  #isSaved(session: SessionLike, snapshot: Snapshot): boolean {
    return this.#originalId === session.id && this.#saved !== null && isSame(this.#saved, snapshot);
  }

  #sendsCookie(session: SessionLike, snapshot: Snapshot): boolean {
    const { saveUninitialized, rolling, proxy } = this.#settings;
    const { cookie } = session;
    const isNew = this.#cookieId !== this.#request.sessionID;
    const isDue = isNew
      ? saveUninitialized || this.#isModified(session, snapshot)
      : rolling ||
        (cookie.expires !== null && cookie.expires !== undefined && this.#isModified(session, snapshot));
    return isDue && (!cookie.secure || isSecure(this.#request, proxy));
  }

  /** Settings that make no cookie leave the session without one, and are told. */
  #cookieLine(session: SessionLike): string | undefined {
    try {
      const value = sign(this.#request.sessionID, this.#secret);
      // Not by its own method: a handler may have put a plain object there.
      return writeCookie(this.#settings.name, value, session.cookie.data ?? {});
    } catch (error) {
      this.#tellLater(error);
      return undefined;
    }
  }

  /** The answer to a failure: what was stored before it, by the handler's own `save`, stays, and so its cookie must arrive. */
  #sendStored(): void {
    const { session, sessionID } = this.#request;
    if (!session || sessionID !== this.#storedId || sessionID === this.#cookieId) return;
    const line = this.#cookieLine(session);
    if (line !== undefined) this.headers?.appendHeader("Set-Cookie", line);
  }
}

async function attempt(work: () => void | Promise<void>): Promise<void> {
  await work();
}

/** Waits for a callback, where it has not been called when the work returns. */
function promised(work: (done: Done) => void): void | Promise<void> {
  let outcome: { readonly error: unknown } | undefined;
  let settle: ((error: unknown) => void) | undefined;
  work((error) => {
    if (settle) settle(error);
    else outcome = { error };
  });
  if (outcome?.error) return Promise.reject(outcome.error);
  if (outcome) return undefined;
  return new Promise((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
}
