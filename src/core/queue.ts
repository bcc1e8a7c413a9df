import type { SessionId, SessionRecord } from "./record.ts";

interface Line {
  tail: Promise<unknown>;
  waiting: number;
  latest: SessionRecord | null;
}

/**
 * Lines up the conditional commits of one session within the process, so that they do not beat each other to the
 * version. Each is told the record that the one before it wrote, and so needs no read of its own.
 */
export class CommitQueue {
  readonly #lines: Map<SessionId, Line> = new Map();

  async run(id: SessionId, work: () => Promise<void>): Promise<void> {
    const line = this.#lines.get(id) ?? { tail: Promise.resolve(), waiting: 0, latest: null };
    this.#lines.set(id, line);
    line.waiting += 1;
    const turn = line.tail.then(work);
    line.tail = turn.catch(() => undefined);
    try {
      await turn;
    } finally {
      line.waiting -= 1;
      if (line.waiting === 0) this.#lines.delete(id);
    }
  }

  /** The record as the last one in line left it, as far as this process knows. */
  latest(id: SessionId): SessionRecord | null {
    return this.#lines.get(id)?.latest ?? null;
  }

  note(record: SessionRecord): void {
    const line = this.#lines.get(record.id);
    if (line !== undefined) line.latest = record;
  }
}
