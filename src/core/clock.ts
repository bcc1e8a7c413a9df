/** The library's only source of time, so that tests pass time without waiting. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `action` once, `ms` milliseconds from now, and returns how to cancel that. Does not keep the process alive. */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms);
    // A runtime whose timers are numbers keeps no process alive for them, or has other means.
    if (typeof timer === "object") timer.unref();
    return () => clearTimeout(timer);
  },
};
