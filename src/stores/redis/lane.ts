import { tooLate } from "./late.ts";

/**
 * The most calls under way on one connection. It is more than a busy process needs, and so few that they all fit into
 * the socket: what is handed to a client stays its own and would be sent however late.
 */
const MOST = 512;

/** Bounds what is under way on one connection. The others wait their turn here, where an abort can take them out. */
export class Lane {
  #underWay = 0;
  readonly #waiting = new Set<() => void>();

  /** Takes a place if there is one. */
  enterAtOnce(): boolean {
    if (this.#underWay >= MOST) return false;
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

  /** Gives the place back, or on to who waits longest. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWay -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
