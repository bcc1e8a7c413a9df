import type { Clock } from "./clock.ts";
import type { SessionId, SessionRecord } from "./record.ts";

interface Line {
  tail: Promise<unknown>;
  waiting: number;
  latest: SessionRecord | null;
}

/**
 * Lines up the conditional commits of one session within the process, so that they do not beat each other to the
 * version. Each is told the record that the one before it wrote, and so needs no read of its own. The line saves work
 * and is no lock: whoever waited in it for long goes ahead, so that a slow store holds up no more than its own calls.
 */
export class CommitQueue {
  readonly #lines: Map<SessionId, Line> = new Map();
  readonly #clock: Clock;
  readonly #patienceMs: number;

  /** @param patienceMs how long one waits in line at most. */
  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  /** How many sessions have a line. */
  get size(): number {
    return this.#lines.size;
  }

  async run(id: SessionId, work: () => Promise<void>): Promise<void> {
    const line = this.#lines.get(id) ?? { tail: Promise.resolve(), waiting: 0, latest: null };
    this.#lines.set(id, line);
    const turn = (line.waiting === 0 ? line.tail : this.#turn(line.tail)).then(work);
    line.waiting += 1;
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

  /** Resolves when those before are done, or at the end of patience. */
  #turn(tail: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(this.#patienceMs, resolve);
      void tail.then(() => {
        cancel();
        resolve();
      });
    });
  }
}
