import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { HttpExchange } from "./exchange.ts";
import type { LiveEnd } from "./live-end.ts";
import type { Lifetime } from "./lifetime.ts";
import { LiveExchange } from "./live-exchange.ts";
import { activeUntil } from "./lock.ts";
import type { SessionId, SessionRecord } from "./record.ts";
import { asAuthentication, AUTH, reservedValue } from "./reserved.ts";
import type { AnySession } from "./session.ts";
import type { Watcher, Watch } from "./watch.ts";

/**
 * The hold that a connection has on a session: a WebSocket, a stream of events. It lasts until the session ends, wherever that
 * happens, or gets a new secret by a privilege change; a connection that has no session lasts until the manager is closed.
 */
export interface LiveSession<S extends AnySession> {
  /** The session's id, or `null` for a connection that has no session. */
  readonly id: SessionId | null;
  /** The user who was logged in when the connection was opened. Another login ends it, so this stays true while it lasts. */
  readonly user: string | null;
  /** Why it is over, or `null` while it lasts. */
  readonly end: LiveEnd | null;
  /** Aborts when it is over, with the {@link LiveEnd} as the reason, and when the connection is closed. */
  readonly signal: AbortSignal;
  /** Calls the listener once, when it is over; at once when it is already. Returns how to stop. */
  onEnd(listener: (reason: LiveEnd) => void): () => void;
  /**
   * Handles one message: reads the session anew, gives it to `work`, and stores what that changed. It resolves, to what `work`
   * returned, when all of it is stored: answer the client then. When `work` throws, nothing that it staged is stored, but for
   * a logout, and the error is passed on. Messages may overlap, as requests may: what `increment` returns is then not the last word, but what
   * the session holds after an `await session.commit()` within `work` is.
   *
   * @throws `ERR_SESSION_GONE` when the session is over, or ends while `work` runs and has changed something;
   * `ERR_SESSION_STORE_UNAVAILABLE` when the store cannot say; `ERR_SESSION_SENT` for what needs a cookie: a login, a new secret,
   * the first information of a visitor who has no session; else as `session.commit()`.
   */
  run<T>(work: (session: S) => T | Promise<T>): Promise<T>;
  /** Counts as activity: puts the session's expiry off, no more often than the access time resolution. Never throws, and is not waited for. */
  touch(): void;
  /** The connection is closed: nothing is watched any more. Messages that came before may still be handled. */
  close(): void;
}

/** What a live session needs of its manager. */
export interface LiveShared<S extends AnySession> {
  readonly clock: Clock;
  readonly watcher: Watcher;
  readonly lifetime: Lifetime;
  read(id: SessionId): Promise<SessionRecord | null>;
  /** Makes the session of one message. */
  begin(exchange: HttpExchange, record: SessionRecord | null): S;
  within<T>(session: S, work: () => T): T;
  succeed(exchange: HttpExchange): void | Promise<void>;
  fail(exchange: HttpExchange): void | Promise<void>;
  /** A listener threw: its own trouble, and nobody else's. */
  listenerFailed(error: unknown): void;
}

export class Live<S extends AnySession> implements LiveSession<S> {
  readonly id: SessionId | null;
  readonly user: string | null;
  readonly #shared: LiveShared<S>;
  /** The request that opened the connection. */
  readonly #opening: HttpExchange;
  readonly #epoch: number;
  readonly #watch: Watch | null;
  readonly #controller: AbortController = new AbortController();
  readonly #listeners: Set<(reason: LiveEnd) => void> = new Set();
  readonly #stop: () => void;
  #end: LiveEnd | null = null;
  #touchedAt: number;

  constructor(shared: LiveShared<S>, opening: HttpExchange, record: SessionRecord | null) {
    this.id = record?.id ?? null;
    this.user = record === null ? null : (asAuthentication(reservedValue(record.fields, AUTH))?.user ?? null);
    this.#shared = shared;
    this.#opening = opening;
    this.#epoch = record?.epoch ?? 0;
    this.#touchedAt = record?.accessedAt ?? 0;
    const onEnd = (reason: LiveEnd): void => this.#over(reason);
    this.#watch = record === null ? null : shared.watcher.watch(record, onEnd);
    const { watcher } = shared;
    this.#stop = this.#watch === null ? watcher.watchNothing(onEnd) : this.#watch.stop;
  }

  get end(): LiveEnd | null {
    return this.#end;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onEnd(listener: (reason: LiveEnd) => void): () => void {
    if (this.#end !== null) {
      this.#tell(listener, this.#end);
      return () => undefined;
    }
    // A wrapper of its own, so that one function given twice is stopped once at a time.
    const own = (reason: LiveEnd): void => listener(reason);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  async run<T>(work: (session: S) => T | Promise<T>): Promise<T> {
    return await this.#run(work, true);
  }

  touch(): void {
    const now = this.#shared.clock.now();
    const accessedAt = Math.max(this.#touchedAt, this.#watch?.accessedAt ?? 0);
    if (this.id === null || this.#end !== null) return;
    if (now - accessedAt <= this.#shared.lifetime.accessTimeResolutionMs) return;
    this.#touchedAt = now;
    // A failed one is told by the store's event; the next message after the resolution tries again.
    this.#run(ignore, false).catch(ignore);
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
    this.#controller.abort();
  }

  async #run<T>(work: (session: S) => T | Promise<T>, isMessage: boolean): Promise<T> {
    const { begin, within, succeed, fail } = this.#shared;
    const record = this.id === null ? null : await this.#read(this.id);
    if (this.#end !== null) throw over();
    const exchange = new LiveExchange(this.#opening);
    const session = begin(exchange, record);
    let result: T;
    try {
      if (isMessage) session.startRequest();
      result = await within(session, () => work(session));
    } catch (error) {
      // What the handler threw says more than that its logout failed too, which the store's event tells.
      await settled(() => fail(exchange));
      throw error;
    }
    await succeed(exchange);
    return result;
  }

  /** Reads the session, as this connection may still have it. */
  async #read(id: SessionId): Promise<SessionRecord> {
    if (this.#end !== null) throw over();
    const record = await this.#shared.read(id);
    this.#watch?.note(record);
    // The watch may have been stopped, so this is not left to it.
    const now = this.#shared.clock.now();
    const live = record !== null && activeUntil(record, this.#shared.lifetime) > now;
    if (!live || record.epoch !== this.#epoch) throw over();
    return record;
  }

  #over(reason: LiveEnd): void {
    this.#end = reason;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    this.#controller.abort(reason);
    for (const listener of listeners) this.#tell(listener, reason);
  }

  #tell(listener: (reason: LiveEnd) => void, reason: LiveEnd): void {
    try {
      listener(reason);
    } catch (error) {
      this.#shared.listenerFailed(error);
    }
  }
}

function over(): SessionError {
  return new SessionError(
    "ERR_SESSION_GONE",
    "The session of this connection is over: it ended, or got a new secret. Nothing was saved.",
  );
}

async function settled(work: () => void | Promise<void>): Promise<void> {
  try {
    await work();
  } catch {
    // Told elsewhere.
  }
}

function ignore(): void {}
