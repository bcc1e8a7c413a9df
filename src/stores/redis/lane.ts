import type { Call } from "../../core/store.ts";
import { tooLate } from "./late.ts";

/**
 * The most calls under way on one connection. It is more than a busy process needs, and so few that they all fit into
 * the socket: what is handed to a client stays its own and would be sent however late.
 */
const MOST = 512;

/** After how long without an answer a connection counts as silent: longer than a write may wait for replicas. */
const SILENT_MS = 2000;

/** How long a silent connection is left alone, for its client to notice; then it is tried again, lest an answer that never comes bar it. */
const LEFT_ALONE_MS = 10_000;

const NOBODY: readonly (() => void)[] = [];

/** Bounds what is under way on one connection. The others wait their turn here, where an abort can take them out. */
export class Lane {
  readonly #now: () => number;
  #underWay = 0;
  /** Since when a call waits while nothing was answered, to it or to another. */
  #asked: number | null = null;
  readonly #waiting = new Set<() => void>();

  /** @param now Milliseconds that never go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * Whether nothing is answered any more. More must not be sent then: the timeout of node-redis for a socket begins anew with
   * every write, so that it would never notice.
   */
  get isSilent(): boolean {
    return this.#asked !== null && isSilence(this.#now() - this.#asked);
  }

  /** Takes a place if there is one. */
  enterAtOnce(): boolean {
    if (this.#underWay >= MOST) return false;
    this.#underWay += 1;
    this.#begin();
    return true;
  }

  /** Takes a place if there is one and the connection is not silent. Looks at the clock once, where each look is a part of what a call costs. */
  enterUnlessSilent(): boolean {
    if (this.#underWay >= MOST) return false;
    const now = this.#now();
    const waited = this.#asked === null ? null : now - this.#asked;
    if (waited !== null && isSilence(waited)) return false;
    this.#underWay += 1;
    if (waited === null || waited > SILENT_MS) this.#asked = now;
    return true;
  }

  /** Resolves when there is a place, which is taken then. Rejects when the call aborts first. */
  enter(call: Call): Promise<void> {
    if (this.enterAtOnce()) return Promise.resolve();
    const { signal } = call;
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal.removeEventListener("abort", late);
        resolve();
      };
      const late = (): void => {
        this.#waiting.delete(turn);
        reject(tooLate(call));
      };
      this.#waiting.add(turn);
      signal.addEventListener("abort", late, { once: true });
    });
  }

  /** Gives the place back, or on to who waits longest. */
  leave(): void {
    this.#asked = null;
    // Mostly nobody waits, and a look at who is first makes an iterator.
    const [next] = this.#waiting.size === 0 ? NOBODY : this.#waiting;
    if (next === undefined) {
      this.#underWay -= 1;
      return;
    }
    this.#waiting.delete(next);
    this.#begin();
    next();
  }

  #begin(): void {
    if (this.#asked === null || this.#now() - this.#asked > SILENT_MS) this.#asked = this.#now();
  }
}

function isSilence(waited: number): boolean {
  return waited > SILENT_MS && waited < SILENT_MS + LEFT_ALONE_MS;
}
