import type { SessionRecord } from "../index.ts";
import { isAuthenticated, isLive, isMark, isSealedRecord, sizeOf, userOfRecord } from "./records.ts";

/** How many sessions there are of which kind. Sizes are bytes of all names and texts of fields. */
export interface Totals {
  readonly live: number;
  readonly authenticated: number;
  readonly anonymous: number;
  readonly users: number;
  /** Live ones without a request for `idleMs`. */
  readonly idle: number;
  readonly idleMs: number;
  readonly sealed: number;
  readonly expired: number;
  readonly marks: number;
  readonly sizes: {
    readonly total: number;
    readonly median: number;
    readonly p95: number;
    readonly largest: number;
  };
  readonly ages: readonly Part[];
  readonly lastUsed: readonly Part[];
}

/** The sessions whose age lies above the bound before and not above this one. */
export interface Part {
  readonly within: string;
  /** `null` for those beyond all bounds. */
  readonly withinMs: number | null;
  readonly sessions: number;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const BOUNDS: readonly (readonly [string, number])[] = [
  ["≤ 1 h", HOUR],
  ["≤ 1 d", DAY],
  ["≤ 7 d", 7 * DAY],
  ["≤ 30 d", 30 * DAY],
  ["≤ 90 d", 90 * DAY],
  ["older", Number.POSITIVE_INFINITY],
];

/** Counts records one by one, so that a store of any size is counted in little memory. */
export class Tally {
  readonly #now: number;
  readonly #idleMs: number;
  readonly #users = new Set<string>();
  readonly #sizes: number[] = [];
  readonly #ages = BOUNDS.map(() => 0);
  readonly #lastUsed = BOUNDS.map(() => 0);
  #authenticated = 0;
  #idle = 0;
  #sealed = 0;
  #expired = 0;
  #marks = 0;

  constructor(now: number, idleMs: number) {
    this.#now = now;
    this.#idleMs = idleMs;
  }

  add(record: SessionRecord): void {
    if (isMark(record)) this.#marks += 1;
    else if (!isLive(record, this.#now)) this.#expired += 1;
    else this.#addLive(record);
  }

  #addLive(record: SessionRecord): void {
    const user = userOfRecord(record);
    if (user !== null) this.#users.add(user);
    if (isAuthenticated(record)) this.#authenticated += 1;
    if (isSealedRecord(record)) this.#sealed += 1;
    if (this.#now - record.accessedAt >= this.#idleMs) this.#idle += 1;
    this.#sizes.push(sizeOf(record));
    count(this.#ages, this.#now - record.createdAt);
    count(this.#lastUsed, this.#now - record.accessedAt);
  }

  totals(): Totals {
    const sizes = this.#sizes.toSorted((one, other) => one - other);
    const live = sizes.length;
    const at = (part: number): number => sizes[Math.min(live - 1, Math.floor(live * part))] ?? 0;
    return {
      live,
      authenticated: this.#authenticated,
      anonymous: live - this.#authenticated,
      users: this.#users.size,
      idle: this.#idle,
      idleMs: this.#idleMs,
      sealed: this.#sealed,
      expired: this.#expired,
      marks: this.#marks,
      sizes: {
        total: sizes.reduce((sum, size) => sum + size, 0),
        median: at(0.5),
        p95: at(0.95),
        largest: sizes.at(-1) ?? 0,
      },
      ages: partsOf(this.#ages),
      lastUsed: partsOf(this.#lastUsed),
    };
  }
}

function count(parts: number[], age: number): void {
  const at = BOUNDS.findIndex(([, bound]) => age <= bound);
  parts[at] = (parts[at] ?? 0) + 1;
}

function partsOf(counts: readonly number[]): Part[] {
  return BOUNDS.map(([within, bound], at) => ({
    within,
    withinMs: Number.isFinite(bound) ? bound : null,
    sessions: counts[at] ?? 0,
  }));
}
