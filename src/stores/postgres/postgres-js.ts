import type { Call } from "../../core/store.ts";
import type { PostgresJsQuery, PostgresJsRows, PostgresJsSql } from "./clients.ts";
import { type Driver, type Ear, type Listening, USUAL_CONNECTIONS } from "./driver.ts";
import { notAsked, notSent } from "./failure.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import { Turn } from "./turn.ts";
import type { Value } from "./values.ts";
import { answered, inTime, type Journey, requireTime } from "./waiting.ts";

/** An instance of `postgres`, which hands out its connections by itself. */
export class PostgresJsDriver implements Driver {
  readonly #sql: PostgresJsSql;
  readonly #turn = new Turn();
  /** Whether its connections end at the server itself; not known before the first call. */
  #direct: boolean | undefined;
  #asking: Promise<boolean> | null = null;

  constructor(sql: PostgresJsSql) {
    this.#sql = sql;
  }

  get connections(): number {
    return this.#sql.options?.max ?? USUAL_CONNECTIONS;
  }

  async run(
    statement: Statement,
    values: readonly Value[],
    named: boolean,
    call: Journey,
  ): Promise<readonly Row[]> {
    requireTime(call);
    const sent = [...values];
    const prepare = named && (this.#direct ??= await this.#asked(call));
    await this.#turn.next();
    // Others had their turn since the call began.
    requireTime(call);
    const query = this.#sql.unsafe(statement.text, sent as never[], { prepare });
    const rows = ofServer(await droppable(query, sent, call));
    // After a connection that was cut in the middle of an answer, the client leaves as many holes before the rows of the next one.
    const whole = rows.filter(() => true);
    return whole.map((row) => row.map((column) => (column === null ? null : textOf(column))));
  }

  /** Asks once for all calls that wait. A failure is not remembered: the next call asks again. */
  #asked(call: Call): Promise<boolean> {
    this.#asking ??= this.#endsAtServer().finally(() => (this.#asking = null));
    return inTime(this.#asking, call, () => {});
  }

  /**
   * Where a pooler swaps connections under prepared statements the client's own repair, which sends a statement again, mixes up the
   * answers of the queries that follow it on the connection. A pooler gives itself away: what it tells of the backend at
   * the start is not what the backend tells of itself.
   */
  async #endsAtServer(): Promise<boolean> {
    await this.#turn.next();
    const rows = ofServer(await this.#sql.unsafe("SELECT pg_backend_pid()").raw());
    const own = rows[0]?.[0];
    return own instanceof Uint8Array && textOf(own) === String(rows.state?.pid);
  }

  async script(text: string, call: Call): Promise<void> {
    await this.#turn.next();
    requireTime(call);
    await answered(this.#sql.unsafe(text).simple(), call, () => {});
  }

  async listen(channel: string, ear: Ear, call: Call): Promise<Listening> {
    requireTime(call);
    let stopped = false;
    const hear = (payload: string): void => {
      if (!stopped) ear.heard(payload);
    };
    const begin = (): void => {
      if (!stopped) ear.begins();
    };
    const listening = this.#sql.listen(channel, hear, begin);
    const stop = async (): Promise<void> => {
      stopped = true;
      const { unlisten } = await listening;
      await unlisten();
    };
    try {
      await answered(listening, call, () => {});
    } catch (error) {
      // The client goes on trying by itself, for a listener that nobody knows of.
      stop().catch(() => undefined);
      throw error;
    }
    return { stop: () => stop().catch(() => undefined) };
  }
}

/**
 * A query that waits for a connection cannot be taken back: the client's own `cancel` leaves the connection that was being
 * made for it unusable, and once a query was sent may cancel another's. The parameters are read when it is sent, though, and
 * without its first one a statement touches nothing.
 */
function droppable(query: PostgresJsQuery, values: Value[], call: Journey): Promise<PostgresJsRows> {
  const { signal } = call;
  return new Promise((resolve, reject) => {
    const drop = (): void => {
      // Null until a connection takes the query.
      if (Reflect.get(query, "state") !== null) return;
      values[0] = null;
      reject(notSent(signal.reason));
    };
    signal.addEventListener("abort", drop, { once: true });
    answered(query.raw(), call, () => {})
      .then(resolve, reject)
      .finally(() => signal.removeEventListener("abort", drop));
  });
}

/**
 * Between a socket's error and its close the client takes queries for the connection that it has lost. Those it never sends, and
 * when it has connected again it answers one of them with no rows: a session would be gone, a revocation done. {@link Turn} keeps
 * ours out of there; if one comes there all the same, an answer of the server's names the command that was completed.
 */
function ofServer(rows: PostgresJsRows): PostgresJsRows {
  if (typeof rows.command === "string") return rows;
  throw notAsked();
}

function textOf(column: Uint8Array): string {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("utf8");
}
