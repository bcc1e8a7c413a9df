import { type Duration, milliseconds } from "../../core/duration.ts";
import { checkOptionNames } from "../../core/option-names.ts";
import type { SessionId } from "../../core/record.ts";
import type { AnyStore } from "../../core/store.ts";
import { expiryOf, maxAgeOf } from "./expiry.ts";
import {
  type Base,
  type CommitOutcome,
  ForeignSessions,
  type Found,
  type ForeignSessionsOptions,
} from "./foreign-sessions.ts";
import type { ForeignSession } from "./members.ts";
import { Recent } from "./recent.ts";

export interface BridgeOptions extends ForeignSessionsOptions {
  /** How long a session lives unused whose cookie ends with the browser; default `"24h"`. */
  readonly idle?: Duration;
}

const NAMES = ["prefix", "deadline", "setup", "clock", "accessTimeResolution", "idle"];

/** Of how many sessions a process remembers that it met or ended them. */
const MET = 50_000;
/** How much of their texts it remembers, in characters, for callers that hand in a copy of what they were handed. */
const REMEMBERED = 8_000_000;

/** Finds what a request read of a session from the object that it hands in to be saved. */
export interface Bases {
  get(session: object): Base | undefined;
  /** `base` is what the object is saved against from now on. */
  set(session: object, base: Base): void;
}

/** How a session is saved. */
export interface Saving {
  /** Milliseconds since the epoch; by default what its cookie part says. */
  readonly expiresAt?: number;
  /** What the request is known by, where that is not the session object. */
  readonly handle?: object;
}

/** A session that is listed. */
export interface ListedSession {
  /** The public handle of the session. Opens nothing, and is no session id of the foreign library. */
  readonly id: SessionId;
  readonly session: Record<string, unknown>;
}

/**
 * What a session library asks of its store, by promises: read, save, touch and end, by its own id. The library's save is "put this there"; here it
 * becomes "write what this request changed, if the session is still there".
 *
 * What a request has read is known by the session object that it saves. Where that is unknown, it is what this process last handed out or
 * stored of that session, or else what is stored now; a copy of a session which has ended meanwhile is not stored either.
 */
export class ServedStore {
  readonly sessions: ForeignSessions;
  readonly #bases: Bases;
  readonly #met: Recent<string, "met" | "ended"> = new Recent(MET);
  readonly #recent: Recent<string, Base> = new Recent(REMEMBERED, sizeOf);
  readonly #idleMs: number;

  /** @throws `ERR_SESSION_CONFIG` for options that cannot work, naming the mend. */
  constructor(
    store: AnyStore,
    options: BridgeOptions,
    of: string,
    bases: Bases = new WeakMap<object, Base>(),
  ) {
    checkOptionNames(options, NAMES, of);
    this.#idleMs = milliseconds(options.idle ?? "24h", "idle");
    this.sessions = new ForeignSessions(store, options);
    this.#bases = bases;
  }

  /**
   * Reads a session into an object of the caller's own, or gives `null`.
   *
   * @param handle what the request that reads is known by at its save, where that is not the object itself.
   */
  async get(sid: string, handle?: object): Promise<Found | null> {
    const found = await this.sessions.read(sid);
    if (found !== null) this.#note(sid, handle ?? found.session, found.base);
    return found;
  }

  /** Remembers that an object holds what another held, as the library's own session object does that was made of what was read. */
  carry(from: object, to: object): void {
    const base = this.#bases.get(from);
    if (base !== undefined) this.#bases.set(to, base);
  }

  /** Lets a session be created though one of the same id was met here: the library has just made it. */
  isNew(sid: string): void {
    this.#met.forget(sid);
    this.#recent.forget(sid);
  }

  /** Saves a session: creates one that was not handed out before, and changes one that was, if it is still there. */
  async set(sid: string, session: object, how: Saving = {}): Promise<void> {
    const { expiresAt = this.#expiryOf(session), handle = session } = how;
    const members = session as ForeignSession;
    const base = await this.#baseOf(sid, handle);
    if (base === null && this.#met.get(sid) !== undefined) return this.sessions.dropped(sid, members);
    this.#settle(sid, handle, await this.sessions.commit(sid, base, members, expiresAt));
  }

  /** Moves the end of a session and its cookie's time. One that is not there is no error. */
  async touch(sid: string, session: object): Promise<void> {
    const base = (await this.#baseOf(sid, session)) ?? (await this.sessions.read(sid))?.base;
    if (base === undefined) return;
    const outcome = await this.sessions.touch(sid, base, this.#expiryOf(session), session as ForeignSession);
    this.#settle(sid, session, outcome);
  }

  /** Ends a session. One that is not there is no error. */
  async destroy(sid: string): Promise<void> {
    // Before the store is asked: a save that comes meanwhile is one too late already.
    this.#met.note(sid, "ended");
    this.#recent.forget(sid);
    await this.sessions.end(sid);
  }

  async all(): Promise<ListedSession[]> {
    const found: ListedSession[] = [];
    for await (const { id, session } of this.sessions.all()) found.push({ id, session });
    return found;
  }

  async length(): Promise<number> {
    let count = 0;
    for await (const found of this.sessions.all()) count += Number(found !== null);
    return count;
  }

  /** What a save is compared with; `null` for a session that was not met, or that has ended. */
  async #baseOf(sid: string, handle: object): Promise<Base | null> {
    const known = this.#bases.get(handle);
    if (known !== undefined) return known;
    if (this.#met.get(sid) !== "met") return null;
    return this.#recent.get(sid) ?? (await this.sessions.read(sid))?.base ?? null;
  }

  #note(sid: string, handle: object, base: Base): void {
    this.#bases.set(handle, base);
    this.#recent.note(sid, base);
    this.#met.note(sid, "met");
  }

  #settle(sid: string, handle: object, outcome: CommitOutcome): void {
    // One that is gone keeps its base, and so is gone for ever.
    if (outcome.kind === "done") this.#note(sid, handle, outcome.base);
  }

  #expiryOf(session: object): number {
    const members = session as ForeignSession;
    return expiryOf(members, this.sessions.clock.now(), maxAgeOf(members, this.#idleMs));
  }
}

function sizeOf({ texts }: Base): number {
  // Something for the object itself.
  let size = 200;
  for (const name in texts) size += name.length + (texts[name]?.length ?? 0);
  return size;
}
