/**
 * Resolves at the beginning of a turn of the event loop, before it tells of what happened to connections. All who wait share
 * one timer.
 *
 * postgres.js 3.4 takes queries for a connection that has failed and is not closed yet, which is in the same turn: it sends none of
 * them and leaves the connection waiting for the answers, for good. And it writes at the end of a turn: where a connection is
 * closed between a query and that, it keeps the bytes, schedules no write for it ever again, and would greet the server over
 * the next connection with them. What is handed to it at the beginning of a turn is either written or rejected by its end.
 */
export class Turn {
  #next: Promise<void> | null = null;

  next(): Promise<void> {
    this.#next ??= new Promise((resolve) => {
      setTimeout(() => {
        this.#next = null;
        resolve();
      }, 0);
    });
    return this.#next;
  }
}
