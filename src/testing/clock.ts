import type { Clock } from "../core/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /**
   * Lets `ms` milliseconds pass. Timers that fall due run in the order of their times, each at its own time, those
   * of one time in the order they were made; so do timers made meanwhile. What a timer throws is thrown here, at once.
   */
  advance(ms: number): void;
  /**
   * Puts the clock to another time, forward or back, as a correction of the system's clock does: no time passes, no
   * timer runs, and each still waits as long as before.
   */
  set(at: number): void;
  /** How many timers wait. */
  readonly pending: number;
}

interface Timer {
  /** On a scale of its own that `set` does not move. */
  readonly due: number;
  readonly action: () => void;
}

const DEFAULT_START = Date.UTC(2100, 0, 1);

/**
 * Makes a clock that a test moves by hand.
 *
 * @param start milliseconds since the epoch; the first of January 2100 unless said otherwise.
 */
export function manualClock(start: number = DEFAULT_START): ManualClock {
  return new StandingClock(start);
}

class StandingClock implements ManualClock {
  #passed = 0;
  #offset: number;
  readonly #timers = new Set<Timer>();

  constructor(start: number) {
    this.#offset = start;
  }

  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#offset + this.#passed;
  }

  after(ms: number, action: () => void): () => void {
    const timer: Timer = { due: this.#passed + Math.max(0, ms), action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  advance(ms: number): void {
    if (!(ms >= 0))
      throw new RangeError(`Time passes forward only, got ${ms} ms. Use set to put the clock back.`);
    const end = this.#passed + ms;
    for (;;) {
      const timer = this.#next(end);
      if (timer === undefined) break;
      this.#timers.delete(timer);
      this.#passed = timer.due;
      timer.action();
    }
    this.#passed = end;
  }

  set(at: number): void {
    this.#offset = at - this.#passed;
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}
