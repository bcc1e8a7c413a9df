import { type Clock, systemClock } from "../../core/clock.ts";
import { type Duration, milliseconds } from "../../core/duration.ts";
import { refuseConfig } from "../../core/errors.ts";
import { Events, type SessionEventName, type SessionListener } from "../../core/events.ts";
import { Gate } from "../../core/gate.ts";
import { backOff, equalInConstantTime } from "../../core/platform.ts";
import { CommitQueue, eachAlone } from "../../core/queue.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import { tooManyAttempts } from "../../core/refusals.ts";
import { reservedValue } from "../../core/reserved.ts";
import type { AnyStore, SessionChange } from "../../core/store.ts";
import { type Identity, identityOf } from "./identity.ts";
import { COOKIE_FIELD, difference, type ForeignSession, sessionOf, textsOf, textsWithin } from "./members.ts";

/** How foreign sessions are kept. */
export interface ForeignSessionsOptions {
  /** Keeps the sessions of two applications in one store apart; `""` by default. */
  readonly prefix?: string;
  /** How long a store call may take; default `"2s"`. */
  readonly deadline?: Duration;
  /**
   * How long the end of a session may lie behind what is asked for before a write moves it, when nothing else is to be written; by
   * default the smaller of a minute and a twentieth of what is left.
   */
  readonly accessTimeResolution?: Duration;
  /** Whether the store is set up on first use; default `true`. */
  readonly setup?: boolean;
  /** The source of time, for tests. */
  readonly clock?: Clock;
}

/** A stored session as it was read or written: what the next commit is compared with. */
export interface Base {
  readonly version: number;
  readonly epoch: number;
  readonly expiresAt: number;
  readonly texts: Readonly<Record<string, string>>;
}

export interface Found {
  /** A fresh object of the caller's own, its cookie part included. */
  readonly session: Record<string, unknown>;
  readonly base: Base;
}

/** What became of a commit: done, and what the next is to be compared with; or the session had ended, and nothing was written. */
export type CommitOutcome = { readonly kind: "done"; readonly base: Base } | { readonly kind: "gone" };

/** Beyond every date that a cookie may name: foreign sessions know no absolute limit. */
const NEVER = Date.UTC(9999, 11, 31);
const MAX_ATTEMPTS = 120;
const PREFIX_FIELD = "~prefix";
const EPOCH = 1;

/**
 * Sessions of a foreign library, known by a text of its own, in a store of Holdfast. Each member is a field: a commit writes those that
 * changed, and what others changed meanwhile stays. Nothing creates but a commit without a base, which is for ids that were made just now.
 *
 * All methods reject with `ERR_SESSION_STORE_UNAVAILABLE` when the store fails or misses its deadline, and with `ERR_SESSION_FORMAT` for
 * a record of a newer version.
 */
export class ForeignSessions {
  readonly clock: Clock;
  readonly #gate: Gate;
  readonly #events: Events = new Events();
  readonly #queue: CommitQueue;
  readonly #prefix: string;
  readonly #resolutionMs: number | null;
  readonly canList: boolean;

  /** @throws `ERR_SESSION_CONFIG` for what is no store. */
  constructor(store: AnyStore, options: ForeignSessionsOptions = {}) {
    if (typeof store?.read !== "function" || typeof store.create !== "function")
      refuseConfig("A bridge takes a store of Holdfast, such as sqliteStore(file).");
    const { prefix = "", deadline = "2s", setup = true, clock = systemClock, accessTimeResolution } = options;
    const deadlineMs = milliseconds(deadline, "deadline");
    this.clock = clock;
    this.#prefix = prefix;
    this.#resolutionMs =
      accessTimeResolution === undefined ? null : milliseconds(accessTimeResolution, "accessTimeResolution");
    this.#gate = new Gate(store, clock, deadlineMs, this.#events, { setup });
    this.#queue = new CommitQueue(clock, eachAlone(deadlineMs));
    this.canList = store.all !== undefined;
  }

  /** Calls the listener at each `conflict`, `gone`, `corrupt` and `storeFailure`. Returns how to stop. */
  on<Name extends SessionEventName>(name: Name, listener: SessionListener<Name>): () => void {
    return this.#events.on(name, listener);
  }

  /** Reads a session. `null` when there is none, when it has expired, and when what is stored cannot be read. */
  async read(sid: string): Promise<Found | null> {
    const identity = identityOf(sid, this.#prefix);
    const record = await this.#gate.read(identity.id);
    return record !== null && this.#isLive(record, identity) ? foundIn(record) : null;
  }

  /**
   * Stores what a request made of a session. Fields that differ from the base are written, and no others. Where another request changed
   * one of those meanwhile, this commit wins, and `conflict` tells of it.
   *
   * @param base what was read or written last by this request; `null` for a new session, the only one that is created. Where a new id
   * is taken already, the members are laid over what is there.
   * @param expiresAt milliseconds since the epoch. In the past it ends the session.
   * @returns `gone` when the session was ended or has expired; nothing is written then, and `gone` tells of it.
   * @throws `ERR_SESSION_CONFLICT` when others are first every time.
   */
  async commit(
    sid: string,
    base: Base | null,
    session: ForeignSession,
    expiresAt: number,
  ): Promise<CommitOutcome> {
    const identity = identityOf(sid, this.#prefix);
    const texts = textsOf(session);
    if (expiresAt <= this.clock.now()) return await this.#expired(identity);
    if (base === null) return await this.#create(identity, texts, expiresAt);
    const write: Write = { identity, base, texts, ...difference(base.texts, texts), expiresAt };
    if (isTouch(write) && !this.#isWorthWriting(base, expiresAt)) return { kind: "done", base };
    return isConditional(write)
      ? await this.#inLine(identity.id, () => this.#conditional(write))
      : await this.#send(write);
  }

  /** Tells by `gone` that a session which had ended was to be saved, and was not. */
  dropped(sid: string, session: ForeignSession): void {
    this.#gone(identityOf(sid, this.#prefix).id, Object.keys(textsOf(session)));
  }

  /**
   * Moves the end of a session, and leaves its members as they are stored. The end moves forward, as touches of several requests may arrive
   * in any order, and not by less than the resolution; and it moves back when the request itself made it earlier than it was read.
   *
   * @param session what else the request has of it: a cookie part that differs is stored.
   * @returns `gone` when the session was ended or has expired.
   */
  async touch(
    sid: string,
    base: Base,
    expiresAt: number,
    session: ForeignSession = {},
  ): Promise<CommitOutcome> {
    const identity = identityOf(sid, this.#prefix);
    if (expiresAt <= this.clock.now()) return await this.#expired(identity);
    const texts = { ...base.texts, ...textsOf({ cookie: session["cookie"] }) };
    const write: Write = { identity, base, texts, ...difference(base.texts, texts), expiresAt };
    if (isTouch(write) && !this.#isWorthWriting(base, expiresAt)) return { kind: "done", base };
    return await this.#send(write);
  }

  /** Ends a session. One that is not there is no error. From then on no commit with a base brings it back, in whatever process. */
  async end(sid: string): Promise<void> {
    await this.#gate.delete(identityOf(sid, this.#prefix).id, {});
  }

  /** Walks over the live sessions of this prefix. Their ids cannot be told: the store does not have them. */
  async *all(): AsyncGenerator<Found & { readonly id: SessionId }> {
    for await (const record of this.#records()) {
      if (record.expiresAt > this.clock.now()) yield { id: record.id, ...foundIn(record) };
    }
  }

  /** Ends every session of this prefix. */
  async clear(): Promise<void> {
    for await (const record of this.#records()) await this.#gate.delete(record.id, {});
  }

  /** Closes the store. */
  async close(): Promise<void> {
    await this.#gate.close();
  }

  async *#records(): AsyncGenerator<SessionRecord> {
    let after: string | undefined;
    do {
      const page = await this.#gate.all(after);
      yield* page.records.filter((record) => prefixOf(record) === this.#prefix);
      after = page.next;
    } while (after !== undefined);
  }

  async #create(
    identity: Identity,
    texts: Readonly<Record<string, string>>,
    expiresAt: number,
  ): Promise<CommitOutcome> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const record = this.#newRecord(identity, texts, expiresAt);
      if (await this.#gate.create(record)) return { kind: "done", base: baseOf(record) };
      const outcome = await this.#taken(identity, texts, expiresAt);
      if (outcome !== null) return outcome;
      await backOff(attempt);
    }
    throw tooManyAttempts();
  }

  /** What is there of a new session's id: the same session, stored by a parallel request or at a first attempt; or what is left of one. */
  async #taken(
    identity: Identity,
    texts: Readonly<Record<string, string>>,
    expiresAt: number,
  ): Promise<CommitOutcome | null> {
    const record = await this.#gate.read(identity.id);
    if (record === null) {
      // Ended since, or nothing that can be read.
      await this.#gate.delete(identity.id, {});
      return null;
    }
    if (!this.#isLive(record, identity)) {
      await this.#gate.delete(identity.id, { ifVersion: record.version });
      return null;
    }
    const { base } = foundIn(record);
    const { set } = difference(base.texts, texts);
    return await this.#send({
      identity,
      base,
      texts: { ...base.texts, ...texts },
      set,
      remove: [],
      expiresAt,
    });
  }

  #newRecord(
    { id, secretHash }: Identity,
    texts: Readonly<Record<string, string>>,
    expiresAt: number,
  ): SessionRecord {
    const now = this.clock.now();
    const times = { createdAt: now, accessedAt: now, expiresAt, endsAt: NEVER };
    const fields = { ...texts, [PREFIX_FIELD]: JSON.stringify(this.#prefix) };
    return { id, secretHash, epoch: EPOCH, version: 1, labels: [], ...times, fields };
  }

  async #inLine(id: SessionId, work: () => Promise<CommitOutcome>): Promise<CommitOutcome> {
    let outcome: CommitOutcome = { kind: "gone" };
    await this.#queue.run(id, async () => {
      outcome = await work();
    });
    return outcome;
  }

  /** Writes on the condition that nobody else wrote; when somebody did, looks whether it was what this commit depends on. */
  async #conditional(write: Write): Promise<CommitOutcome> {
    let ifVersion = write.base.version;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { id } = write.identity;
      const outcome = await this.#gate.update(id, this.#changeOf(write, ifVersion));
      if (outcome.kind === "done") return done(write, outcome.version);
      if (outcome.kind !== "conflict") return this.#gone(id, namesOf(write));
      const current = outcome.current ?? (await this.#gate.read(id));
      if (current === null || !this.#isLive(current, write.identity)) return this.#gone(id, namesOf(write));
      const lost = contested(write, textsWithin(current.fields));
      if (lost.length > 0) {
        for (const field of lost) this.#events.emit("conflict", { id, field });
        return await this.#send(write);
      }
      ifVersion = current.version;
      await backOff(attempt);
    }
    throw tooManyAttempts();
  }

  async #send(write: Write): Promise<CommitOutcome> {
    const outcome = await this.#gate.update(write.identity.id, this.#changeOf(write));
    if (outcome.kind === "done") return done(write, outcome.version);
    // A touch of what has ended loses nothing.
    return isTouch(write) ? { kind: "gone" } : this.#gone(write.identity.id, namesOf(write));
  }

  #changeOf({ identity, base, set, remove, expiresAt }: Write, ifVersion?: number): SessionChange {
    const now = this.clock.now();
    return {
      now,
      epoch: base.epoch,
      accessedAt: now,
      expiresAt,
      ...(ifVersion !== undefined && { ifVersion }),
      ...(Object.keys(set).length > 0 && { set }),
      ...(remove.length > 0 && { remove }),
      // Only with a secret, be it the same, does an end come nearer.
      ...(expiresAt < base.expiresAt && {
        renew: { secretHash: identity.secretHash, nextEpoch: base.epoch },
      }),
    };
  }

  async #expired({ id }: Identity): Promise<CommitOutcome> {
    await this.#gate.delete(id, {});
    return { kind: "gone" };
  }

  #isWorthWriting(base: Base, expiresAt: number): boolean {
    const leftMs = base.expiresAt - this.clock.now();
    const resolutionMs = this.#resolutionMs ?? Math.min(60_000, leftMs / 20);
    return expiresAt < base.expiresAt || expiresAt - base.expiresAt > resolutionMs;
  }

  #gone(id: SessionId, fields: readonly string[]): CommitOutcome {
    this.#events.emit("gone", { id, reason: "gone", fields });
    return { kind: "gone" };
  }

  #isLive(record: SessionRecord, { secretHash }: Identity): boolean {
    return record.expiresAt > this.clock.now() && equalInConstantTime(record.secretHash, secretHash);
  }
}

/** A commit of a session that was there. */
interface Write {
  readonly identity: Identity;
  readonly base: Base;
  readonly texts: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly expiresAt: number;
}

function namesOf({ set, remove }: Write): string[] {
  return [...Object.keys(set), ...remove];
}

function isTouch({ set, remove }: Write): boolean {
  return remove.length === 0 && Object.keys(set).length === 0;
}

/** Whether it changes what it had read. The cookie part is settings, which the last one decides. */
function isConditional({ base, set, remove }: Write): boolean {
  return remove.length > 0 || Object.keys(set).some((name) => isContestable(base, name));
}

function isContestable({ texts }: Base, name: string): boolean {
  return name !== COOKIE_FIELD && Object.hasOwn(texts, name);
}

/** The fields that this commit read and changes, and that somebody else changed to something else. */
function contested(write: Write, current: Readonly<Record<string, string>>): string[] {
  return namesOf(write).filter((name) => {
    const now = Object.hasOwn(current, name) ? current[name] : undefined;
    return isContestable(write.base, name) && now !== write.base.texts[name] && now !== write.set[name];
  });
}

function done({ base, texts, expiresAt }: Write, version: number): CommitOutcome {
  return { kind: "done", base: { ...base, texts, expiresAt, version } };
}

function foundIn(record: SessionRecord): Found {
  return { session: sessionOf(record.fields, record.expiresAt), base: baseOf(record) };
}

function baseOf({ version, epoch, expiresAt, fields }: SessionRecord): Base {
  return { version, epoch, expiresAt, texts: textsWithin(fields) };
}

function prefixOf({ fields }: SessionRecord): string | null {
  const prefix = reservedValue(fields, PREFIX_FIELD);
  return typeof prefix === "string" ? prefix : null;
}
