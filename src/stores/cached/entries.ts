import type { SessionId, SessionRecord } from "../../core/record.ts";

/** How much is kept, and for how long. */
export interface Limits {
  /** How many records. */
  readonly records: number;
  /** How many bytes of them, as {@link sizeOf} counts. */
  readonly bytes: number;
  /** How many ids of sessions that are not there. */
  readonly ended: number;
  /** For how many milliseconds from when a read was sent. */
  readonly forMs: number;
}

interface Entry {
  readonly record: SessionRecord;
  readonly since: number;
  readonly size: number;
}

/** What each record takes besides its texts: objects, their properties and places in maps. */
const OVERHEAD = 600;
const OVERHEAD_OF_TEXT = 24;

/** What was read, and when. The least recently used goes first; what is too old is as if it were not there. */
export class Entries {
  readonly #limits: Limits;
  // In the order of their last use, the oldest first.
  readonly #records: Map<SessionId, Entry> = new Map();
  readonly #ended: Map<SessionId, number> = new Map();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get records(): number {
    return this.#records.size;
  }

  get ended(): number {
    return this.#ended.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The record, `null` when there was none, `undefined` when nothing is known. */
  find(id: SessionId, now: number): SessionRecord | null | undefined {
    const entry = this.#records.get(id);
    if (entry === undefined) return this.#isEnded(id, now) ? null : undefined;
    if (now - entry.since >= this.#limits.forMs) {
      this.drop(id);
      return undefined;
    }
    this.#records.delete(id);
    this.#records.set(id, entry);
    return entry.record;
  }

  /** Keeps what a read that was sent at `since` has found. */
  keep(id: SessionId, found: SessionRecord | null, since: number): void {
    const before = this.#records.get(id);
    // Of two reads at a time the one that was sent first may be answered last.
    if ((before?.since ?? this.#ended.get(id) ?? since) > since) return;
    this.drop(id);
    if (found === null) return this.#bury(id, since);
    // Sent later, and answered with less: the two overlap a change, and nobody knows which of them is to come.
    if (before !== undefined && isBehind(found, before.record)) return;
    const size = sizeOf(found);
    if (size > this.#limits.bytes) return;
    this.#records.set(id, { record: found, since, size });
    this.#bytes += size;
    this.#makeRoom();
  }

  drop(id: SessionId): void {
    const entry = this.#records.get(id);
    if (entry !== undefined) {
      this.#records.delete(id);
      this.#bytes -= entry.size;
    }
    this.#ended.delete(id);
  }

  /** Drops the records that are meant. Looks at all of them. */
  dropWhere(isMeant: (record: SessionRecord) => boolean): void {
    for (const [id, { record }] of this.#records) if (isMeant(record)) this.drop(id);
  }

  clear(): void {
    this.#records.clear();
    this.#ended.clear();
    this.#bytes = 0;
  }

  #isEnded(id: SessionId, now: number): boolean {
    const since = this.#ended.get(id);
    if (since === undefined) return false;
    this.#ended.delete(id);
    if (now - since >= this.#limits.forMs) return false;
    this.#ended.set(id, since);
    return true;
  }

  #bury(id: SessionId, since: number): void {
    if (this.#limits.ended === 0) return;
    this.#ended.set(id, since);
    if (this.#ended.size > this.#limits.ended) for (const [oldest] of this.#ended) return this.drop(oldest);
  }

  #makeRoom(): void {
    for (const [oldest] of this.#records) {
      if (this.#records.size <= this.#limits.records && this.#bytes <= this.#limits.bytes) return;
      this.drop(oldest);
    }
  }
}

function isBehind(found: SessionRecord, before: SessionRecord): boolean {
  return found.epoch < before.epoch || found.version < before.version;
}

/** About how many bytes of memory a record takes: two for each character, and what comes with it. */
function sizeOf(record: SessionRecord): number {
  let size = OVERHEAD;
  for (const label of record.labels) size += OVERHEAD_OF_TEXT + 2 * label.length;
  for (const name in record.fields) {
    size += 2 * OVERHEAD_OF_TEXT + 2 * (name.length + (record.fields[name]?.length ?? 0));
  }
  return size;
}
