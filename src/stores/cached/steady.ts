/**
 * Makes a clock whose milliseconds never go back, and go on while the machine sleeps: the runtime's own stands still meanwhile on some
 * systems, and what was read before the sleep would pass for fresh. So the system's time is asked too, and whichever went further
 * counts; where that is put back, it is followed from there.
 */
export function steadyClock(
  running: () => number = () => performance.now(),
  system: () => number = () => Date.now(),
): () => number {
  let now = 0;
  let lastRunning = running();
  let lastSystem = system();
  /** The system's time at which `now` was zero. */
  let origin = lastSystem;
  return () => {
    const ran = running();
    const at = system();
    now += Math.max(ran - lastRunning, 0);
    if (at < lastSystem) origin = at - now;
    now = Math.max(now, at - origin);
    lastRunning = ran;
    lastSystem = at;
    return now;
  };
}
