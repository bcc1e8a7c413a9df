import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import type { PgClient } from "./clients.ts";
import type { Driver, Ear, Listening } from "./driver.ts";
import { quoted } from "./names.ts";
import { isInTransaction, payloadFor, queryOf, rowsOf, standingAlone, survive } from "./pg-query.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";
import { answered, inTime, type Journey, requireTime } from "./waiting.ts";

/**
 * One connected client of `pg`, one statement at a time. It belongs to the application and cannot connect again: once its
 * connection is lost, every call rejects.
 */
export class PgClientDriver implements Driver {
  readonly connections = 1;
  readonly #client: PgClient;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: PgClient) {
    this.#client = client;
    survive(client);
  }

  run(
    statement: Statement,
    values: readonly Value[],
    named: boolean,
    journey: Journey,
  ): Promise<readonly Row[]> {
    return this.#inTurn(journey, () => rowsOf(this.#client.query(queryOf(statement, values, named))));
  }

  async script(text: string, call: Call): Promise<void> {
    await this.#inTurn(call, () => this.#client.query({ text }));
  }

  async listen(channel: string, ear: Ear, call: Call): Promise<Listening> {
    const notified = (message: unknown): void =>
      payloadFor(channel, message, (payload) => ear.heard(payload));
    const lost = (): void => ear.lost();
    this.#client.on("notification", notified);
    this.#client.on("end", lost);
    const deafen = (): void => {
      this.#client.removeListener("notification", notified);
      this.#client.removeListener("end", lost);
    };
    const stop = async (): Promise<void> => {
      deafen();
      // Where the connection is gone, so is what listened on it.
      await this.#client.query({ text: `UNLISTEN ${quoted(channel)}` }).catch(() => undefined);
    };
    try {
      await this.script(`LISTEN ${quoted(channel)}`, call);
    } catch (error) {
      deafen();
      throw error;
    }
    ear.begins();
    return { stop };
  }

  /** Queues here and not in the client, whose own queue lets nobody leave. */
  async #inTurn<T>(call: Journey, work: () => Promise<T>): Promise<T> {
    requireTime(call);
    const before = this.#last;
    let done = (): void => {};
    this.#last = new Promise<void>((resolve) => (done = resolve));
    const pass = (): void => void before.then(done);
    try {
      await inTime(before, call, () => {});
    } catch (error) {
      pass();
      throw error;
    }
    try {
      requireTime(call);
      this.#requireNoTransaction();
    } catch (error) {
      done();
      throw error;
    }
    const answer = standingAlone(this.#client, work());
    answer.then(done, done);
    return await answered(answer, call, () => {});
  }

  /** The application's transaction must not swallow a session's write, nor show its own to a reader. */
  #requireNoTransaction(): void {
    if (!isInTransaction(this.#client)) return;
    throw new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      "The application has a transaction open on the client that it handed in. Give the store a pool, or a client of its own.",
    );
  }
}
