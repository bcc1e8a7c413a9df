import type { Call } from "../../core/store.ts";
import type { PgPool, PgPoolClient } from "./clients.ts";
import { type Driver, type Ear, type Listening, USUAL_CONNECTIONS } from "./driver.ts";
import { isConnectionLost } from "./failure.ts";
import { ignore, isInTransaction, queryOf, rowsOf, standingAlone, survive } from "./pg-query.ts";
import { PoolListening } from "./pool-listening.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";
import { answered, inTime, type Journey, requireTime } from "./waiting.ts";

/** A pool of `pg`. A connection that does not answer is closed, so that the pool recovers from a dead network by itself. */
export class PgPoolDriver implements Driver {
  readonly #pool: PgPool;

  constructor(pool: PgPool) {
    this.#pool = pool;
    survive(pool);
  }

  get connections(): number {
    return this.#pool.options?.max ?? USUAL_CONNECTIONS;
  }

  run(
    statement: Statement,
    values: readonly Value[],
    named: boolean,
    journey: Journey,
  ): Promise<readonly Row[]> {
    return this.#checkedOut(journey, (client) => rowsOf(client.query(queryOf(statement, values, named))));
  }

  async script(text: string, call: Call): Promise<void> {
    await this.#checkedOut(call, (client) => client.query({ text }));
  }

  async listen(channel: string, ear: Ear, call: Call): Promise<Listening> {
    const listening = new PoolListening(this.#pool, channel, ear);
    await listening.start(call);
    return listening;
  }

  async #checkedOut<T>(call: Journey, work: (client: PgPoolClient) => Promise<T>): Promise<T> {
    const client = await this.#clean(call);
    const release = releasing(client);
    // Others had their turn since the connection was ready.
    if (call.signal.aborted) release(false);
    requireTime(call);
    try {
      const result = await answered(standingAlone(client, work(client)), call, () => release(true));
      release(false);
      return result;
    } catch (error) {
      release(isConnectionLost(error));
      throw error;
    }
  }

  /**
   * A connection that came back to the pool with a transaction open would take our statement into it, and lose it with it. Closing it
   * undoes what its last user left.
   */
  async #clean(call: Call): Promise<PgPoolClient> {
    for (;;) {
      requireTime(call);
      const client = await inTime(this.#pool.connect(), call, (late) => late.release());
      if (!isInTransaction(client)) return client;
      client.release(true);
    }
  }
}

/** Gives a client back once, closed or for others to use. While it is out the pool does not listen to its errors. */
function releasing(client: PgPoolClient): (close: boolean) => void {
  let released = false;
  client.on("error", ignore);
  return (close) => {
    if (released) return;
    released = true;
    client.removeListener("error", ignore);
    client.release(close);
  };
}
