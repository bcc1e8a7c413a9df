import { tooLate } from "./failures.ts";
import type { Acquire, Link } from "./pool.ts";

/** A connection that the pool was asked for, and whether somebody still waits for it. */
interface Request {
  readonly link: Promise<Link>;
  wanted: boolean;
}

/**
 * From so many requests on that were given up, calls wait on those instead of making new ones. Below it a new one is better: an
 * old one may be stuck in a connection attempt that goes nowhere.
 */
const MOST_LEFT = 100;

/**
 * Connections of the pool, each waited for until the deadline of a call. A pool cannot be told that nobody waits any more, so
 * during an outage the requests of calls that gave up would pile up in it without end; here they are used again.
 */
export class Acquisition {
  readonly #acquire: Acquire;
  readonly #left: Request[] = [];

  constructor(acquire: Acquire) {
    this.#acquire = acquire;
  }

  /** Resolves a connection, or rejects at the deadline. A connection that nobody took goes back by itself. */
  take(signal: AbortSignal): Promise<Link> {
    if (signal.aborted) return Promise.reject(tooLate(signal.reason));
    const request = (this.#left.length < MOST_LEFT ? undefined : this.#left.shift()) ?? this.#ask();
    request.wanted = true;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        request.wanted = false;
        this.#left.push(request);
        reject(tooLate(signal.reason));
      };
      signal.addEventListener("abort", abort, { once: true });
      // Directly on the request: between its own reaction to the answer and this one nobody else gets a turn.
      request.link.then(
        (link) => {
          signal.removeEventListener("abort", abort);
          resolve(link);
        },
        (error: unknown) => {
          signal.removeEventListener("abort", abort);
          reject(error);
        },
      );
    });
  }

  #ask(): Request {
    const request: Request = { link: this.#acquire(), wanted: true };
    const forget = (): void => {
      const index = this.#left.indexOf(request);
      if (index >= 0) this.#left.splice(index, 1);
    };
    request.link.then(
      (link) => {
        if (!request.wanted) link.release();
        forget();
      },
      () => forget(),
    );
    return request;
  }
}
