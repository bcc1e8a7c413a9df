import type { Answer } from "./answer.ts";
import type { SessionId, SessionRecord } from "./record.ts";

/**
 * Where records live. Each method is one atomic operation on the record and one round trip. There is no `set`,
 * `save` or upsert: `update` never creates, so nothing brings back a session that was deleted.
 *
 * A store never sees a token, a cookie, a request or the policy of when to save. It never looks inside a field.
 * What it hands out and what it is given are copies: changing one changes nothing stored. A method that cannot do
 * its work rejects or throws; the core turns that into `ERR_SESSION_STORE_UNAVAILABLE` and keeps the `cause`.
 *
 * Each of the four methods gives its outcome or a promise of it. One that has it at hand gives it as it is: a request for which
 * every call does never leaves its turn of the event loop.
 */
export interface RecordStore {
  /** What this store promises about its engine; an application can refuse to start on too little. */
  readonly traits: StoreTraits;

  /** Writes a new record. `false`, and writes nothing, when the id is taken, even by an expired record. */
  create(record: SessionRecord, call: Call): Answer<boolean>;

  /**
   * Reads whatever is stored, expired or not: the core alone judges expiry. `null` when there is nothing.
   * Fails with `ERR_SESSION_CORRUPT` when something is there that is not a record, and with `ERR_SESSION_FORMAT`
   * when a newer version wrote it.
   */
  read(id: SessionId, call: Call): Answer<SessionRecord | null>;

  /** Applies a change to a live record, whole or not at all. See {@link SessionChange} and {@link UpdateOutcome}. */
  update(id: SessionId, change: SessionChange, call: Call): Answer<UpdateOutcome>;

  /**
   * Deletes a record when it meets the condition: `done`; `conflict` when it does not meet it, and nothing is
   * deleted; `gone` when there is none, which is never an error. Deletes an expired or corrupt record too
   * (a corrupt one only without a condition, else `conflict`).
   */
  delete(id: SessionId, when: DeleteCondition, call: Call): Answer<DeleteOutcome>;
}

/** Where records live, and each method gives a promise of its outcome, as it does with an engine of its own. */
export interface SessionStore extends RecordStore {
  create(record: SessionRecord, call: Call): Promise<boolean>;
  read(id: SessionId, call: Call): Promise<SessionRecord | null>;
  update(id: SessionId, change: SessionChange, call: Call): Promise<UpdateOutcome>;
  delete(id: SessionId, when: DeleteCondition, call: Call): Promise<DeleteOutcome>;
}

/**
 * What became of an update, judged in this order: `gone` (no record, a corrupt one, or `expiresAt <= now`), `stale`
 * (another epoch), `conflict` (another version; `current` where the engine has it at hand at no cost), `done`.
 */
export type UpdateOutcome =
  | { readonly kind: "done"; readonly version: number }
  | { readonly kind: "conflict"; readonly current?: SessionRecord }
  | { readonly kind: "stale" }
  | { readonly kind: "gone" };

export type DeleteOutcome = "done" | "conflict" | "gone";

/** What one commit wants done to a record. Without `set`, `remove` and `renew` it is a touch, and the version stays. */
export interface SessionChange {
  /** The caller's clock: a record with `expiresAt <= now` is gone, whatever the engine's clock says. */
  readonly now: number;
  /** Must equal the record's, else `stale`. */
  readonly epoch: number;
  /** Must equal the record's, else `conflict`. */
  readonly ifVersion?: number;
  /** Fields to write. Wins over `remove` for a name in both. */
  readonly set?: Readonly<Record<string, string>>;
  /** Names of fields to remove; absent ones are no error. */
  readonly remove?: readonly string[];
  /** Without `renew` these two only grow, so that a late touch cannot shorten a session; with it they are taken as given. */
  readonly accessedAt?: number;
  readonly expiresAt?: number;
  /** A new secret, and whatever may change only together with one. */
  readonly renew?: {
    readonly secretHash: string;
    readonly nextEpoch: number;
    /** Replaces all labels. */
    readonly labels?: readonly string[];
    readonly endsAt?: number;
  };
}

/** All that are given must hold. Logout gives none; an emptied session its version; a device page the owner's label. */
export interface DeleteCondition {
  readonly ifVersion?: number;
  readonly label?: string;
}

/** How one store call is bounded. */
export interface Call {
  /**
   * Aborts at the deadline. A call that was not yet sent then rejects and writes nothing, so that no write happens
   * after the deadline; one that was sent may finish. Asked for lazily: look at it only when you wait.
   */
  readonly signal: AbortSignal;
  /** Why it aborted, `null` until then, where the call tells: a look at it costs nothing, and the first at `signal` makes one. */
  readonly reason?: unknown;
  /**
   * Of a read: a record that was read a while ago will do. Only who can ask again where it matters says so; without it a store that
   * keeps records answers with what is stored now. The others need not look at it.
   */
  readonly kept?: true;
}

/** What a store promises about its engine. */
export interface StoreTraits {
  /** What acknowledged writes survive: nothing, a killed process, or a power cut. */
  readonly durability: "none" | "process" | "power";
  /** Whether other processes see the same records. */
  readonly shared: boolean;
  /** Whether the engine removes expired records by itself, so that nobody has to sweep. */
  readonly expires: boolean;
  /** Whether a client may send one write twice by itself after a lost connection. */
  readonly resends: boolean;
  /**
   * Where the conditions of a change are judged: by the engine, together with the change (absent means this); or by this process alone, since
   * the engine has none. Then two processes that write one session at one moment may lose an update, or bring back what was just ended.
   */
  readonly conditions?: "engine" | "process";
  /**
   * Of a store that keeps records beside the engine: how long ago, in milliseconds, what it answers a read that allows it
   * ({@link Call.kept}) may have been read. Absent where nothing is kept.
   */
  readonly keptForMs?: number;
}

/** One page of a listing. `next`, where there is more, goes into the next request as `after`. */
export interface Page {
  readonly records: readonly SessionRecord[];
  readonly next?: string;
}

export interface PageRequest {
  /** The largest number of records wanted, 1 or more. */
  readonly limit: number;
  /** An opaque `next` of an earlier page of the same listing. */
  readonly after?: string;
}

/**
 * The ability to find records by label. The index is as strong as the record: a label set by an acknowledged write
 * is found by the next call, and a record that is gone is never listed. Expired records may be listed; the core drops them.
 */
export interface LabelIndex {
  /** Lists records that bear the label. Fields that are not reserved are left out. Records that cannot be read are skipped. */
  listByLabel(label: string, page: PageRequest, call: Call): Promise<Page>;
  /** Deletes every record that bears the label but those named, in one go. Resolves how many. */
  deleteByLabel(label: string, except: readonly SessionId[], call: Call): Promise<number>;
}

/** The ability to walk over everything. A walk sees each record that stays throughout exactly once; others once or not at all. */
export interface IterableStore {
  /** Lists all records with all their fields, marks and expired ones included. Records that cannot be read are skipped. */
  all(page: PageRequest, call: Call): Promise<Page>;
}

/** The ability to delete expired records where the engine does not. */
export interface Sweepable {
  /**
   * Deletes up to `limit` records with `expiresAt <= now`. Expiry is checked again in the delete itself, so a record
   * touched meanwhile stays. Never decodes a field. `more` tells that the limit was reached, or that the signal aborted
   * before: what was deleted by then is told, not lost in a rejection.
   */
  sweep(now: number, limit: number, call: Call): Promise<SweepOutcome>;
}

export interface SweepOutcome {
  readonly deleted: number;
  readonly more: boolean;
}

/** The ability to prepare the engine: folder, table, index. Idempotent, safe when many call it at once, never destructive. */
export interface Setup {
  setup(call: Call): Promise<void>;
}

/** The ability to tell that a session ended elsewhere. */
export interface Subscribable {
  /**
   * Calls the listener with the id of each session deleted by any process. Returns how to stop. A store that must connect
   * for it hears of nothing that happened before it did, nor while the connection is cut.
   */
  subscribe(listener: (id: SessionId) => void): () => void;
}

/**
 * The ability to tell of every change, so that what was read before it is not taken for what is stored. Records that are
 * created need not be told, nor touches.
 */
export interface Trackable {
  /**
   * Tells the listener of each record that any process changes or ends, once the store has connected for it, which this begins.
   * Returns how to stop.
   */
  track(listener: ChangeListener): () => void;
}

/** Who wants to know of changes. What it throws is its own affair. */
export interface ChangeListener {
  /** From here on changes are told, until {@link deaf}. What happened before was not, and some of it may be told late. Also called while it hears already: then some were missed. */
  hears(): void;
  /** The record changed or ended. */
  changed(id: SessionId): void;
  /** The connection was lost, or anything else keeps changes from being told; the store goes on trying. */
  deaf(): void;
}

/** The ability to finish what is coalesced and let go of what the store opened by itself. */
export interface DisposableStore {
  close(): Promise<void>;
}

/** A store with whichever abilities it has: an ability is there when its methods are. */
export type AnyStore = RecordStore &
  Partial<LabelIndex & IterableStore & Sweepable & Setup & Subscribable & Trackable & DisposableStore>;
