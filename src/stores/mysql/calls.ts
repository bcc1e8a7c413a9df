import type { Call } from "../../core/store.ts";
import { isPassing, tooLate, wasNeverSent } from "./failures.ts";
import type { Acquire, Link, MysqlValue, Result } from "./pool.ts";

/** Statements on one connection, each sent only before the deadline of the call. */
export interface Statements {
  execute(sql: string, values: readonly MysqlValue[]): Promise<Result>;
}

/** How long the answer to a statement is waited for past the deadline, before its connection is given up. */
const GRACE_MS = 1000;
const LONGEST_PAUSE_MS = 50;

/** Carries calls out on connections of the pool. */
export class Caller {
  readonly #acquire: Acquire;

  constructor(acquire: Acquire) {
    this.#acquire = acquire;
  }

  /**
   * Runs statements that each commit by themselves. After a deadlock and its like, and on a connection that was closed before
   * anything was sent, `work` is run again until the deadline.
   */
  write<T>(work: (statements: Statements) => Promise<T>, call: Call): Promise<T> {
    return retrying(() => this.#once(work, call), call);
  }

  /** Runs statements that may be repeated whatever became of the first time. */
  read<T>(work: (statements: Statements) => Promise<T>, call: Call): Promise<T> {
    return retrying(() => this.#once(work, call), call);
  }

  /** Runs statements that take place together or not at all: when `work` throws, nothing took place. Runs it again as `write` does. */
  transact<T>(work: (statements: Statements) => Promise<T>, call: Call): Promise<T> {
    return retrying(
      () =>
        this.#connected(call, async (guarded) => {
          const bounded = new BoundedLink(guarded, call);
          await bounded.command("START TRANSACTION");
          try {
            const result = await work(bounded);
            await bounded.command("COMMIT");
            return result;
          } catch (error) {
            await bounded.undo();
            throw error;
          }
        }),
      call,
    );
  }

  #once<T>(work: (statements: Statements) => Promise<T>, call: Call): Promise<T> {
    return this.#connected(call, (guarded) => work(new BoundedLink(guarded, call)));
  }

  async #connected<T>(call: Call, work: (guarded: GuardedLink) => Promise<T>): Promise<T> {
    const guarded = new GuardedLink(await this.#free(call));
    try {
      return await work(guarded);
    } finally {
      guarded.giveBack();
    }
  }

  /** A connection, or a rejection at the deadline; one that comes later goes straight back. */
  #free(call: Call): Promise<Link> {
    if (call.signal.aborted) return Promise.reject(tooLate(call.signal.reason));
    const acquired = this.#acquire();
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        reject(tooLate(call.signal.reason));
        acquired.then(
          (link) => link.release(),
          () => undefined,
        );
      };
      call.signal.addEventListener("abort", abort, { once: true });
      acquired.then(
        (link) => {
          call.signal.removeEventListener("abort", abort);
          resolve(link);
        },
        (error: unknown) => {
          call.signal.removeEventListener("abort", abort);
          reject(error);
        },
      );
    });
  }
}

/** A connection that goes back to its pool once, or is destroyed when nobody knows its state. */
class GuardedLink {
  readonly link: Link;
  #broken = false;

  constructor(link: Link) {
    this.link = link;
  }

  breakOff(): void {
    if (this.#broken) return;
    this.#broken = true;
    this.link.destroy();
  }

  giveBack(): void {
    if (!this.#broken) this.link.release();
  }
}

class BoundedLink implements Statements {
  readonly #guarded: GuardedLink;
  readonly #call: Call;

  constructor(guarded: GuardedLink, call: Call) {
    this.#guarded = guarded;
    this.#call = call;
  }

  execute(sql: string, values: readonly MysqlValue[]): Promise<Result> {
    return this.#sent(() => this.#guarded.link.execute(sql, values));
  }

  command(sql: string): Promise<void> {
    return this.#sent(() => this.#guarded.link.command(sql));
  }

  /** Rolls back. A connection that cannot do even that is destroyed, which rolls back too. */
  async undo(): Promise<void> {
    if (this.#call.signal.aborted) return this.#guarded.breakOff();
    await this.command("ROLLBACK").catch(() => this.#guarded.breakOff());
  }

  #sent<T>(send: () => Promise<T>): Promise<T> {
    if (this.#call.signal.aborted) return Promise.reject(tooLate(this.#call.signal.reason));
    return bounded(send(), this.#call.signal, () => this.#guarded.breakOff()).catch((error: unknown) => {
      if (wasNeverSent(error)) this.#guarded.breakOff();
      throw error;
    });
  }
}

/** The answer, or a rejection some time after the deadline, when the connection is broken off. */
function bounded<T>(answer: Promise<T>, signal: AbortSignal, breakOff: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const abort = (): void => {
      timer = setTimeout(() => {
        breakOff();
        reject(signal.reason as Error);
      }, GRACE_MS);
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });
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

async function retrying<T>(work: () => Promise<T>, call: Call): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || call.signal.aborted) throw error;
    }
    await pause(1 + Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE_MS));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
