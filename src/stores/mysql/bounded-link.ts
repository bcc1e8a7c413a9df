import { LeftInTransaction, tooLate, wasNeverSent } from "./failures.ts";
import type { Link, MysqlValue, Result } from "./pool.ts";

/** How long past the deadline an answer is waited for before its connection is given up. */
const GRACE_MS = 1000;

/** What ends a statement on the server whose answer nobody waits for any more. */
export type Cancel = (link: Link) => void;

/** One connection for one call: it sends nothing after the deadline, and never goes back to the pool in a state that nobody knows. */
export class BoundedLink {
  readonly #link: Link;
  readonly #signal: AbortSignal;
  readonly #cancel: Cancel;
  /** A statement was given up on, so the connection is closed and not given back. */
  #spoilt = false;
  #destroyed = false;

  constructor(link: Link, signal: AbortSignal, cancel: Cancel) {
    this.#link = link;
    this.#signal = signal;
    this.#cancel = cancel;
  }

  get link(): Link {
    return this.#link;
  }

  execute(sql: string, values: readonly MysqlValue[]): Promise<Result> {
    return this.#sent(() => this.#link.execute(sql, values));
  }

  command(sql: string): Promise<void> {
    return this.#sent(() => this.#link.command(sql));
  }

  /** Executes a statement that must have taken place for good when it is answered. */
  async committed(sql: string, values: readonly MysqlValue[]): Promise<Result> {
    const result = await this.execute(sql, values);
    this.#requireSettled();
    return result;
  }

  /**
   * Makes sure that nobody left a transaction open here: a read would see its snapshot, however old that is, and to begin a
   * transaction of our own or to make a table would commit what somebody else did in theirs. The server is asked only where the
   * driver does not know.
   */
  async settle(): Promise<void> {
    if (this.#link.settled) return;
    await this.command("DO 0");
    this.#requireSettled();
  }

  #requireSettled(): void {
    if (this.#link.settled) return;
    // What was sent on this connection became part of what somebody left open. Closing rolls it back.
    this.#destroy();
    throw new LeftInTransaction();
  }

  /** Rolls back. A connection that cannot do even that is closed, which rolls back too. */
  async undo(): Promise<void> {
    if (this.#signal.aborted || this.#spoilt) return this.#destroy();
    await this.command("ROLLBACK").catch(() => this.#destroy());
  }

  giveBack(): void {
    if (this.#spoilt) this.#destroy();
    else this.#link.release();
  }

  async #sent<T>(send: () => Promise<T>): Promise<T> {
    if (this.#signal.aborted) throw tooLate(this.#signal.reason);
    try {
      return await this.#answered(send());
    } catch (error) {
      if (wasNeverSent(error)) this.#spoilt = true;
      throw error;
    }
  }

  /** The answer. At the deadline the server is told to stop; when it says nothing to that either, the connection is closed. */
  #answered<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const abort = (): void => {
        this.#spoilt = true;
        this.#cancel(this.#link);
        timer = setTimeout(() => {
          this.#destroy();
          reject(this.#signal.reason as Error);
        }, GRACE_MS);
      };
      const settle = (): void => {
        clearTimeout(timer);
        this.#signal.removeEventListener("abort", abort);
      };
      this.#signal.addEventListener("abort", abort, { once: true });
      answer.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(error);
        },
      );
    });
  }

  #destroy(): void {
    this.#spoilt = true;
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#link.destroy();
  }
}
