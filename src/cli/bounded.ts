import { Ending, EXIT } from "./exit.ts";

/** What bounds a call of a store. */
export interface Limits {
  readonly timeoutMs: number;
  /** Aborts when the program is told to stop. */
  readonly stopped: AbortSignal;
}

/** How much longer than the deadline a store may take to say why it could not answer. */
const GRACE_MS = 250;

/**
 * Does something within a time, whatever it does. At the deadline its signal aborts, and it has a moment to say by itself why it could
 * not; when the program is told to stop there is no such moment.
 */
export async function bounded<T>(
  { timeoutMs, stopped }: Limits,
  late: Ending,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // Of a controller of its own: others warn when many listen, as the calls of a page do.
  const controller = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let stop: () => void = () => undefined;
  const over = new Promise<never>((_resolve, reject) => {
    stop = () => {
      controller.abort(new Error("The program was told to stop."));
      reject(new Ending(EXIT.stopped, "Stopped."));
    };
    const expire = (): void => {
      controller.abort(new Error("It took too long."));
      timers.push(setTimeout(() => reject(late), GRACE_MS));
    };
    // What is longer than a timer can wait for is no bound.
    timers.push(setTimeout(expire, Math.min(timeoutMs, 2 ** 31 - 1)));
    stopped.addEventListener("abort", stop, { once: true });
    if (stopped.aborted) stop();
  });
  try {
    return await Promise.race([work(controller.signal), over]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
    stopped.removeEventListener("abort", stop);
  }
}
