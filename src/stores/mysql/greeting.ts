import { SessionError } from "../../core/errors.ts";
import type { Link, Result } from "./pool.ts";

/** Which server a connection leads to, and which of its threads serves it. */
export interface Place {
  readonly server: string;
  readonly thread: number;
}

const QUESTION = `SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'tx_isolation', 'transaction_isolation',
  'sql_mode', 'sql_select_limit', 'foreign_key_checks', 'completion_type', 'hostname', 'port', 'datadir', 'pseudo_thread_id')`;

const NO_LIMIT = "18446744073709551615";

/** Settings of a connection under which statements would do something else than they say, and the mend of each. */
const UNBEARABLE: readonly {
  readonly mend: string;
  holds(settings: ReadonlyMap<string, string>): boolean;
}[] = [
  { mend: "Leave autocommit on", holds: (settings) => settings.get("autocommit") !== "ON" },
  {
    mend: "Use an isolation level above READ UNCOMMITTED",
    holds: (settings) =>
      ["tx_isolation", "transaction_isolation"].some((name) => settings.get(name) === "READ-UNCOMMITTED"),
  },
  { mend: "Leave foreign_key_checks on", holds: (settings) => settings.get("foreign_key_checks") !== "ON" },
  {
    mend: "Leave sql_select_limit at its default",
    holds: (settings) => settings.get("sql_select_limit") !== NO_LIMIT,
  },
  // A COMMIT would begin another transaction, or end the connection.
  {
    mend: "Leave completion_type at NO_CHAIN",
    holds: (settings) => settings.get("completion_type") !== "NO_CHAIN",
  },
  {
    mend: "Take EMPTY_STRING_IS_NULL out of sql_mode",
    holds: (settings) => (settings.get("sql_mode") ?? "").split(",").includes("EMPTY_STRING_IS_NULL"),
  },
];

/** Learns once a connection where it leads, and refuses one whose settings would make the store wrong. */
export class Greeter {
  readonly #places = new WeakMap<object, Place>();

  /** What is known of the connection; nothing before it was greeted. */
  known(link: Link): Place | undefined {
    return this.#places.get(link.identity);
  }

  /** @throws `ERR_SESSION_CONFIG` for a setting that the store cannot work under. */
  async greet(link: Link, ask: (sql: string) => Promise<Result>): Promise<void> {
    if (this.known(link) !== undefined) return;
    const { rows } = await ask(QUESTION);
    const settings = new Map(rows.map(([name, value]) => [String(name), String(value)]));
    const wrong = UNBEARABLE.find(({ holds }) => holds(settings));
    if (wrong !== undefined) {
      throw new SessionError(
        "ERR_SESSION_CONFIG",
        `The pool's connections have a setting that the MySQL store cannot work under. ${wrong.mend}, or give the store a pool of its own.`,
      );
    }
    const server = ["hostname", "port", "datadir"].map((name) => settings.get(name)).join(":");
    this.#places.set(link.identity, { server, thread: Number(settings.get("pseudo_thread_id")) });
  }
}
