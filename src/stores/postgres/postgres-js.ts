import type { Call } from "../../core/store.ts";
import type { PostgresJsQuery, PostgresJsSql } from "./clients.ts";
import type { Driver, Listening } from "./driver.ts";
import { notSent } from "./failure.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";
import { answered, requireTime } from "./waiting.ts";

/** An instance of `postgres`, which hands out its connections by itself. */
export class PostgresJsDriver implements Driver {
  readonly #sql: PostgresJsSql;

  constructor(sql: PostgresJsSql) {
    this.#sql = sql;
  }

  async run(
    statement: Statement,
    values: readonly Value[],
    named: boolean,
    call: Call,
  ): Promise<readonly Row[]> {
    requireTime(call);
    const sent = [...values];
    const query = this.#sql.unsafe(statement.text, sent as never[], { prepare: named });
    const rows = await droppable(query, sent, call);
    return rows.map((row) => row.map((column) => (column === null ? null : textOf(column))));
  }

  async script(text: string, call: Call): Promise<void> {
    requireTime(call);
    await answered(this.#sql.unsafe(text).simple(), call, () => {});
  }

  async listen(channel: string, heard: (payload: string) => void, call: Call): Promise<Listening> {
    requireTime(call);
    let stopped = false;
    const hear = (payload: string): void => {
      if (!stopped) heard(payload);
    };
    const { unlisten } = await answered(this.#sql.listen(channel, hear), call, () => {});
    return {
      async stop() {
        stopped = true;
        await unlisten().catch(() => undefined);
      },
    };
  }
}

/**
 * A query that waits for a connection cannot be taken back: the client's own `cancel` leaves the connection that was being
 * made for it unusable, and once a query was sent may cancel another's. The parameters are read when it is sent, though, and
 * without its first one a statement touches nothing.
 */
function droppable(
  query: PostgresJsQuery,
  values: Value[],
  call: Call,
): Promise<readonly (readonly (Uint8Array | null)[])[]> {
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

function textOf(column: Uint8Array): string {
  return Buffer.from(column.buffer, column.byteOffset, column.byteLength).toString("utf8");
}
