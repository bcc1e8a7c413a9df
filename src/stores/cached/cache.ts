import { judgeRecord, type SessionId, type SessionRecord } from "../../core/record.ts";
import type { ChangeListener } from "../../core/store.ts";
import { Entries, type Limits } from "./entries.ts";
import { Reads } from "./reads.ts";

/** What a cache holds at the moment, and what it was good for. */
export interface CacheFigures {
  /** How many records are kept, and about how many bytes of memory they take. */
  readonly records: number;
  readonly bytes: number;
  /** Of how many sessions it is known that they are not there. */
  readonly ended: number;
  /** How many reads were answered by what is kept, and how many that might have been asked the store. */
  readonly hits: number;
  readonly misses: number;
  /** Whether the engine tells of changes at the moment: then they are seen at once, and not after the bound. */
  readonly told: boolean;
}

/** The records that one process keeps of one store: what of them may be answered, and what a change drops. */
export class Cache implements ChangeListener {
  readonly #entries: Entries;
  readonly #reads = new Reads();
  readonly #now: () => number;
  readonly #isTold: boolean;
  #hears = false;
  #hits = 0;
  #misses = 0;

  /**
   * @param isTold Whether an engine tells of changes: then nothing is kept but while it does.
   * @param now Milliseconds that never go back.
   */
  constructor(limits: Limits, isTold: boolean, now: () => number) {
    this.#entries = new Entries(limits);
    this.#isTold = isTold;
    this.#now = now;
  }

  get figures(): CacheFigures {
    const { records, bytes, ended } = this.#entries;
    return { records, bytes, ended, hits: this.#hits, misses: this.#misses, told: this.#hears };
  }

  /** What is kept: a record, `null` for one that is not there, `undefined` where the store has to be asked. */
  find(id: SessionId): SessionRecord | null | undefined {
    const found = this.#entries.find(id, this.#now());
    if (found === undefined) this.#misses += 1;
    else this.#hits += 1;
    return found;
  }

  /** Reads from the store, and keeps what it answers unless a change overtook it. What is not there is kept only if that is asked for. */
  async reading(
    id: SessionId,
    isKept: boolean,
    send: () => Promise<SessionRecord | null>,
  ): Promise<SessionRecord | null> {
    // From when it is sent: the store may answer with what was so at that very moment.
    const since = this.#now();
    const reading = this.#reads.begin(id);
    try {
      const found = await send();
      if (!reading.spoilt && (found === null ? isKept : isKeepable(id, found))) this.#keep(id, found, since);
      return found;
    } finally {
      this.#reads.end(id, reading);
    }
  }

  /** Drops what is kept of a record, and what a read under way may yet bring of it. */
  changed(id: SessionId): void {
    this.#entries.drop(id);
    this.#reads.spoil(id);
  }

  changedWhere(isMeant: (record: SessionRecord) => boolean): void {
    this.#entries.dropWhere(isMeant);
    this.#reads.spoilAll();
  }

  hears(): void {
    this.clear();
    this.#hears = true;
  }

  deaf(): void {
    this.#hears = false;
    this.clear();
  }

  clear(): void {
    this.#entries.clear();
    this.#reads.spoilAll();
  }

  #keep(id: SessionId, found: SessionRecord | null, since: number): void {
    if (this.#isTold && !this.#hears) return;
    this.#entries.keep(id, found === null ? null : frozen(found), since);
  }
}

/** Marks are what revocations and logins are decided by, and garbage is the core's to judge: neither is kept. */
function isKeepable(id: SessionId, found: SessionRecord): boolean {
  return judgeRecord(found) === "record" && found.secretHash !== "" && found.id === id;
}

/** A store hands out copies: this one is now everybody's, and nobody's to change. */
function frozen(record: SessionRecord): SessionRecord {
  Object.freeze(record.labels);
  Object.freeze(record.fields);
  return Object.freeze(record);
}
