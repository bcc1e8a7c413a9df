import { tooLate } from "./late.ts";

/**
 * The most calls under way on one connection. It is more than a busy process needs, and so few that they all fit into
 * the socket: what is handed to a client stays its own and would be sent however late.
 */
const MOST = 512;

/**
 * How long a connection may be silent with calls under way before it is given no more, in ms. A client that looks for
 * silence of its socket takes its own writing for a sign of life, and finds a dead connection only when nobody writes.
 */
const SILENT_MS = 1000;

/** Bounds what is under way on one connection. The others wait their turn here, where an abort can take them out. */
export class Lane {
  readonly #now: () => number;
  #underWay = 0;
  #heardAt = 0;
  readonly #waiting = new Set<() => void>();

  /** @param now Milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes a place if there is one. */
  enterAtOnce(): boolean {
    if (this.#underWay >= MOST || this.#isSilent()) return false;
    if (this.#underWay === 0) this.#heardAt = this.#now();
    this.#underWay += 1;
    return true;
  }

  /** Resolves when there is a place, which is taken then. Rejects when the signal aborts first. */
  enter(signal: AbortSignal): Promise<void> {
    if (this.enterAtOnce()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener("abort", late);
        resolve();
      };
      const late = (): void => {
        this.#waiting.delete(turn);
        reject(tooLate(signal));
      };
      this.#waiting.add(turn);
      signal.addEventListener("abort", late, { once: true });
    });
  }

  /** Gives the place back, for its call was answered or its connection ended; lets in those who wait. */
  leave(): void {
    this.#underWay -= 1;
    this.#heardAt = this.#now();
    for (const turn of this.#waiting) {
      if (this.#underWay >= MOST) return;
      this.#waiting.delete(turn);
      this.#underWay += 1;
      turn();
    }
  }

  #isSilent(): boolean {
    return this.#underWay > 0 && this.#now() - this.#heardAt > SILENT_MS;
  }
}
