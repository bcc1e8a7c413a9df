import type { Call } from "../../core/store.ts";
import { Acquisition } from "./acquisition.ts";
import { BoundedLink } from "./bounded-link.ts";
import { isLost, isPassing } from "./failures.ts";
import { Greeter } from "./greeting.ts";
import type { Acquire, Link, MysqlValue, Prepared, Result } from "./pool.ts";

/** Statements on one connection, each sent only before the deadline of the call. */
export interface Statements {
  execute(sql: string, values: readonly MysqlValue[]): Promise<Result>;
}

type Work<T> = (statements: Statements) => Promise<T>;

const LONGEST_PAUSE_MS = 50;

/** How often reading is tried on another connection when one is lost: a pool may hold some that died together. */
const MOST_LOST = 3;

/** How long ending a statement on the server may take. */
const CANCEL_MS = 2000;

/** Carries calls out on connections of the pool. */
export class Caller {
  readonly #acquisition: Acquisition;
  readonly #greeter = new Greeter();

  constructor(acquire: Acquire) {
    this.#acquisition = new Acquisition(acquire);
  }

  /** Runs what only reads, or may be done twice: also again when the connection is lost. */
  read<T>(work: Work<T>, call: Call): Promise<T> {
    return retrying((link) => link.settle().then(() => work(link)), this.#connected, call, MOST_LOST);
  }

  /**
   * Runs one statement that writes, by itself. It is sent again after a deadlock, a lock that was not free in time and their like, for
   * then it did not take place. A connection lost after it was sent rejects: whether it took place is not known.
   */
  write(sql: string, values: readonly MysqlValue[], call: Call): Promise<Result> {
    return retrying((link) => link.committed(sql, values), this.#connected, call, 0);
  }

  /**
   * The same with a statement that is made in the moment in which it is sent, and each time that it is sent again: only then is it known
   * whose deadline has passed. Nothing is sent where there is none.
   */
  writeMade(make: () => Prepared | undefined, call: Call): Promise<Result | undefined> {
    const work = async (link: BoundedLink): Promise<Result | undefined> => {
      const made = make();
      return made === undefined ? undefined : link.committed(made.sql, made.values);
    };
    return retrying(work, this.#connected, call, 0);
  }

  /** Runs statements that take place together, or not at all when `work` throws. They are run again as `write` does. */
  transact<T>(work: Work<T>, call: Call): Promise<T> {
    return retrying((link) => transaction(link, work), this.#connected, call, 0);
  }

  readonly #connected = async <T>(
    work: (link: BoundedLink) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> => {
    const link = await this.#acquisition.take(signal);
    const bounded = new BoundedLink(link, signal, this.#cancel);
    try {
      await this.#greeter.greet(link, (sql) => bounded.execute(sql, []));
      return await work(bounded);
    } finally {
      bounded.giveBack();
    }
  };

  /**
   * Ends the statement that runs on a connection, by another one. A statement that waits for a lock would otherwise go on waiting
   * after its client has gone, and take place long after the deadline. It ends nothing on any server but the connection's own.
   */
  readonly #cancel = (link: Link): void => {
    const place = this.#greeter.known(link);
    if (place === undefined) return;
    const kill = async (other: BoundedLink): Promise<void> => {
      if (this.#greeter.known(other.link)?.server !== place.server) return;
      await other.command(`KILL QUERY ${place.thread}`);
    };
    // What cannot be ended now ends when the server finds the connection closed, or its own lock wait timeout is over.
    this.#connected(kill, AbortSignal.timeout(CANCEL_MS)).catch(() => undefined);
  };
}

async function transaction<T>(link: BoundedLink, work: Work<T>): Promise<T> {
  await link.settle();
  await link.command("START TRANSACTION");
  try {
    const result = await work(link);
    await link.command("COMMIT");
    return result;
  } catch (error) {
    await link.undo();
    throw error;
  }
}

async function retrying<T>(
  work: (link: BoundedLink) => Promise<T>,
  connected: (work: (link: BoundedLink) => Promise<T>, signal: AbortSignal) => Promise<T>,
  { signal }: Call,
  mostLost: number,
): Promise<T> {
  let lost = 0;
  for (let attempt = 0; ; attempt++) {
    try {
      return await connected(work, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (isLost(error) && lost < mostLost) lost += 1;
      else if (!isPassing(error)) throw error;
    }
    await pause(1 + Math.random() * Math.min(2 ** attempt, LONGEST_PAUSE_MS));
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
