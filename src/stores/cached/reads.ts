import type { SessionId } from "../../core/record.ts";

/** Reads of one record that are under way. Once one is spoilt, what it answers may be from before a change, and is not kept. */
export interface Reading {
  spoilt: boolean;
}

interface Readers extends Reading {
  count: number;
}

/** The reads under way, by the record that they ask for. */
export class Reads {
  readonly #underWay: Map<SessionId, Readers> = new Map();

  begin(id: SessionId): Reading {
    const readers = this.#underWay.get(id);
    if (readers !== undefined) {
      readers.count += 1;
      return readers;
    }
    const first: Readers = { spoilt: false, count: 1 };
    this.#underWay.set(id, first);
    return first;
  }

  end(id: SessionId, reading: Reading): void {
    const readers = reading as Readers;
    readers.count -= 1;
    if (readers.count === 0 && this.#underWay.get(id) === readers) this.#underWay.delete(id);
  }

  /** Spoils the reads of a record; those that begin from here on are not. */
  spoil(id: SessionId): void {
    const readers = this.#underWay.get(id);
    if (readers === undefined) return;
    readers.spoilt = true;
    this.#underWay.delete(id);
  }

  spoilAll(): void {
    for (const readers of this.#underWay.values()) readers.spoilt = true;
    this.#underWay.clear();
  }
}
