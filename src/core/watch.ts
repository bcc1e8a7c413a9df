import type { Clock } from "./clock.ts";
import { SessionError } from "./errors.ts";
import type { Events } from "./events.ts";
import type { Gate } from "./gate.ts";
import type { LiveEnd } from "./live-end.ts";
import type { Lifetime } from "./lifetime.ts";
import { activeUntil } from "./lock.ts";
import type { SessionId, SessionRecord } from "./record.ts";

/** What is kept of a record as it was last seen: not its fields, which may be large. */
interface Seen extends Omit<SessionRecord, "fields" | "secretHash" | "createdAt"> {
  /** When it ends, or is locked, without another request. */
  readonly activeUntil: number;
}

/** One connection's share in a watched session. */
export interface Watch {
  /** When the session was last used, as far as is known. */
  readonly accessedAt: number;
  /** Tells what a read made for another purpose found. */
  note(found: SessionRecord | null): void;
  stop(): void;
}

export interface WatchRules {
  readonly checkEveryMs: number;
  readonly giveUpAfterMs: number;
}

interface Seat {
  readonly epoch: number;
  readonly onEnd: (reason: LiveEnd) => void;
}

/** One session that connections wait for the end of. */
interface Watched {
  readonly id: SessionId;
  readonly seats: Set<Seat>;
  seen: Seen;
  /** Since when the store does not answer for it. From the first failure, and not from the last answer: a process may have slept. */
  failingSince: number | null;
  turn: number;
  cancelExpiry: () => void;
}

const TURNS = 20;
const MOST_READS = 32;
/** The longest that a timer of the runtime can wait. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Finds out when sessions end, wherever that happens: by this manager's own events, by what the store tells, and by reading
 * each of them at an interval whatever was heard. Connections of one session share one entry.
 */
export class Watcher {
  readonly #gate: Gate;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #rules: WatchRules;
  readonly #lifetime: Lifetime;
  readonly #watched: Map<SessionId, Watched> = new Map();
  /** Connections without a session: nothing ends them but the manager. */
  readonly #anonymous: Set<Seat> = new Set();
  /** Dealt into turns, so that an interval does not begin with a heap. */
  readonly #turns: readonly Set<Watched>[] = Array.from({ length: TURNS }, () => new Set());
  /** Those that began to be watched since the last turn: what happened since they were loaded nobody told. */
  readonly #fresh: Set<Watched> = new Set();
  /** Those to be read, in order. */
  readonly #due: Set<Watched> = new Set();
  #reading = 0;
  #turn = 0;
  #cancelTurn: (() => void) | null = null;
  #deaf: (() => void)[] | null = null;
  #stopped = false;

  constructor(gate: Gate, clock: Clock, events: Events, rules: WatchRules, lifetime: Lifetime) {
    this.#gate = gate;
    this.#clock = clock;
    this.#events = events;
    this.#rules = rules;
    this.#lifetime = lifetime;
  }

  /** Calls `onEnd` once, when the session ends or its epoch is left behind; never after `stop`. */
  watch(record: SessionRecord, onEnd: (reason: LiveEnd) => void): Watch {
    const seat: Seat = { epoch: record.epoch, onEnd };
    const entry = this.#watched.get(record.id) ?? this.#begin(record);
    entry.seats.add(seat);
    if (this.#stopped) this.#dismiss(entry, [seat], "closed");
    else this.#note(entry, record);
    return {
      get accessedAt() {
        return entry.seen.accessedAt;
      },
      note: (found) => this.#judge(entry, found),
      stop: () => this.#leave(entry, seat),
    };
  }

  /** Has a connection without a session told when the manager is closed. Returns how to stop. */
  watchNothing(onEnd: (reason: LiveEnd) => void): () => void {
    const seat: Seat = { epoch: 0, onEnd };
    this.#anonymous.add(seat);
    if (this.#stopped) this.#dismissAnonymous();
    return () => void this.#anonymous.delete(seat);
  }

  /** Ends every connection as `closed`, and hears of nothing any more. */
  stop(): void {
    this.#stopped = true;
    for (const entry of Array.from(this.#watched.values())) this.#end(entry, "closed");
    this.#dismissAnonymous();
    for (const stop of this.#deaf ?? []) stop();
    this.#deaf = null;
  }

  #begin(record: SessionRecord): Watched {
    const turn = Math.floor(Math.random() * TURNS);
    const entry: Watched = {
      id: record.id,
      seats: new Set(),
      seen: this.#seenOf(record),
      failingSince: null,
      turn,
      cancelExpiry: ignore,
    };
    if (this.#stopped) return entry;
    this.#watched.set(record.id, entry);
    this.#turns[turn]?.add(entry);
    this.#fresh.add(entry);
    this.#awaitExpiry(entry);
    this.#listen();
    this.#awaitTurn();
    return entry;
  }

  /** Listens from the first connection on: who never has any pays nothing. */
  #listen(): void {
    if (this.#deaf !== null) return;
    const look = (id: SessionId | null | undefined): void => {
      const entry = id === null || id === undefined ? undefined : this.#watched.get(id);
      if (entry !== undefined) this.#check(entry);
    };
    this.#deaf = [
      this.#events.on("ended", ({ id }) => this.#heard(id)),
      this.#events.on("revoked", ({ id, labels }) =>
        id === undefined ? this.#revoked(labels ?? []) : this.#heard(id),
      ),
      this.#events.on("rotated", ({ id, reason }) => (reason === "privilege" ? look(id) : undefined)),
      // A request met what a connection is about to meet.
      this.#events.on("gone", ({ id }) => look(id)),
      this.#gate.subscribe((id) => this.#heard(id)),
    ];
  }

  #heard(id: SessionId): void {
    const entry = this.#watched.get(id);
    if (entry !== undefined) this.#end(entry, this.#isOver(entry.seen) ? "expired" : "ended");
  }

  /** Sessions that bear some labels were revoked, or all; which, and which were spared, the store knows. */
  #revoked(labels: readonly string[]): void {
    for (const entry of this.#watched.values()) {
      if (labels.every((label) => entry.seen.labels.includes(label))) this.#check(entry);
    }
  }

  #awaitTurn(): void {
    if (this.#cancelTurn !== null || this.#watched.size === 0) return;
    this.#cancelTurn = this.#clock.after(this.#rules.checkEveryMs / TURNS, () => {
      this.#cancelTurn = null;
      this.#turn = (this.#turn + 1) % TURNS;
      for (const entry of this.#fresh) this.#due.add(entry);
      this.#fresh.clear();
      for (const entry of this.#turns[this.#turn] ?? []) this.#due.add(entry);
      this.#read();
      this.#awaitTurn();
    });
  }

  #awaitExpiry(entry: Watched): void {
    entry.cancelExpiry();
    const left = entry.seen.activeUntil - this.#clock.now();
    entry.cancelExpiry = this.#clock.after(Math.min(Math.max(left, 0), LONGEST_TIMER_MS), () => {
      const now = this.#clock.now();
      // Only a privilege change moves the absolute limit, and that ends the connection as well.
      if (entry.seen.endsAt <= now) this.#end(entry, "expired");
      else if (entry.seen.activeUntil > now) this.#awaitExpiry(entry);
      // A touch from anywhere may have moved it.
      else this.#check(entry);
    });
  }

  #check(entry: Watched): void {
    this.#due.add(entry);
    this.#read();
  }

  /** Reads what is due, a bounded number at a time. */
  #read(): void {
    while (this.#reading < MOST_READS && this.#due.size > 0) {
      const [entry] = this.#due;
      if (entry === undefined) return;
      this.#due.delete(entry);
      this.#fresh.delete(entry);
      this.#reading += 1;
      void this.#readOne(entry).finally(() => {
        this.#reading -= 1;
        this.#read();
      });
    }
  }

  async #readOne(entry: Watched): Promise<void> {
    try {
      this.#judge(entry, await this.#gate.read(entry.id));
    } catch (error) {
      this.#unanswered(entry);
      // A record of a newer format is the trouble of that record alone.
      if (SessionError.is(error) && error.code === "ERR_SESSION_FORMAT") return;
      // The store is not to be asked for all the others too: their turn comes again.
      const others = [...this.#due];
      this.#due.clear();
      for (const other of others) this.#unanswered(other);
    }
  }

  /** The store could not say. That ends nothing, but not for ever. */
  #unanswered(entry: Watched): void {
    const now = this.#clock.now();
    entry.failingSince ??= now;
    if (now - entry.failingSince >= this.#rules.giveUpAfterMs) this.#end(entry, "unchecked");
  }

  #judge(entry: Watched, found: SessionRecord | null): void {
    // The last connection left while it was read.
    if (entry.seats.size === 0) return;
    if (found === null) return this.#end(entry, this.#isOver(entry.seen) ? "expired" : "ended");
    if (this.#isOver(this.#seenOf(found))) return this.#end(entry, "expired");
    entry.failingSince = null;
    this.#note(entry, found);
  }

  #note(entry: Watched, record: SessionRecord): void {
    const { seen } = entry;
    const found = this.#seenOf(record);
    // Of two reads at the same time the older may be answered last.
    if (isNewer(found, seen)) {
      entry.seen = found;
      if (found.activeUntil !== seen.activeUntil || found.endsAt !== seen.endsAt) this.#awaitExpiry(entry);
    }
    const left = [...entry.seats].filter(({ epoch }) => epoch < entry.seen.epoch);
    if (left.length > 0) this.#dismiss(entry, left, "stale");
  }

  #isOver(seen: Seen): boolean {
    return seen.activeUntil <= this.#clock.now();
  }

  #seenOf(record: SessionRecord): Seen {
    const { id, epoch, version, labels, accessedAt, expiresAt, endsAt } = record;
    const until = activeUntil(record, this.#lifetime);
    return { id, epoch, version, labels, accessedAt, expiresAt, endsAt, activeUntil: until };
  }

  #end(entry: Watched, reason: LiveEnd): void {
    this.#dismiss(entry, [...entry.seats], reason);
  }

  #dismiss(entry: Watched, seats: readonly Seat[], reason: LiveEnd): void {
    for (const seat of seats) this.#leave(entry, seat);
    for (const seat of seats) {
      this.#events.emit("liveEnded", { id: entry.id, reason });
      seat.onEnd(reason);
    }
  }

  #dismissAnonymous(): void {
    const seats = [...this.#anonymous];
    this.#anonymous.clear();
    for (const seat of seats) {
      this.#events.emit("liveEnded", { id: null, reason: "closed" });
      seat.onEnd("closed");
    }
  }

  #leave(entry: Watched, seat: Seat): void {
    entry.seats.delete(seat);
    if (entry.seats.size > 0) return;
    entry.cancelExpiry();
    this.#turns[entry.turn]?.delete(entry);
    this.#fresh.delete(entry);
    this.#due.delete(entry);
    if (this.#watched.get(entry.id) === entry) this.#watched.delete(entry.id);
    if (this.#watched.size > 0) return;
    this.#cancelTurn?.();
    this.#cancelTurn = null;
  }
}

function isNewer(found: Seen, seen: Seen): boolean {
  if (found.epoch !== seen.epoch) return found.epoch > seen.epoch;
  if (found.version !== seen.version) return found.version > seen.version;
  return found.accessedAt >= seen.accessedAt;
}

function ignore(): void {}
