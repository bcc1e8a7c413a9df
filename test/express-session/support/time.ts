import { onTestFinished, vi } from "vitest";

/** Monday noon; a whole second, for that is as fine as a cookie tells the time. */
const START = Date.UTC(2026, 0, 5, 12, 0, 0);

export interface Time {
  now(): number;
  /** @param ms How far time goes on, in milliseconds. */
  pass(ms: number): void;
}

/**
 * Stops the time that `Date` tells until the case is over. Timers go on.
 *
 * @param at since the epoch: the present where an engine's own clock has a say too.
 */
export function stoppedTime(at: number = START): Time {
  vi.useFakeTimers({ toFake: ["Date"], now: at });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return {
    now: () => Date.now(),
    pass: (ms) => vi.setSystemTime(Date.now() + ms),
  };
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The moment so many milliseconds from now, as `Expires` has it. */
export function inFuture(ms: number): string {
  return new Date(Date.now() + ms).toUTCString();
}
