import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import type { Driver } from "./driver.ts";
import { isMissingTable, isOvertaken, isStatementMissing } from "./failure.ts";
import type { Row } from "./rows.ts";
import type { Statement } from "./statements.ts";
import type { Value } from "./values.ts";
import { type Journey, pause } from "./waiting.ts";

/**
 * Sends statements, and sends one again, within its deadline, where PostgreSQL said that it did not carry it out. Nothing that
 * may have been carried out is ever sent twice.
 */
export class Sender {
  readonly #driver: Driver;
  /** Off for good once a pooler was met that swaps connections under prepared statements. */
  #named = true;
  #underWay = 0;
  #idle: (() => void)[] = [];

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  /** How many connections statements can have at the same time. */
  get connections(): number {
    return this.#driver.connections;
  }

  send(statement: Statement, values: readonly Value[], call: Call): Promise<readonly Row[]> {
    return this.#repeated(call, (named) => this.#driver.run(statement, values, named, call));
  }

  /** Sends a conditional statement until its outcome is that of one state of the row, and not of two. */
  async judged(statement: Statement, values: readonly Value[], call: Call): Promise<Row> {
    for (;;) {
      const [row = []] = await this.send(statement, values, call);
      if (row[0] !== "done") return row;
    }
  }

  /** Sends what carries several calls. Where it lost against another statement it rejects, so that each is sent by itself. */
  sendTogether(statement: Statement, values: readonly Value[], journey: Journey): Promise<readonly Row[]> {
    return this.#counted(async () => {
      const named = this.#named;
      try {
        return await this.#driver.run(statement, values, named, journey);
      } catch (error) {
        if (!named || !isStatementMissing(error)) throw error;
        this.#named = false;
        return await this.#driver.run(statement, values, false, journey);
      }
    });
  }

  async script(text: string, call: Call): Promise<void> {
    await this.#repeated(call, () => this.#driver.script(text, call));
  }

  /** Resolves when nothing is under way any more. */
  drained(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #repeated<T>(call: Call, work: (named: boolean) => Promise<T>): Promise<T> {
    return this.#counted(() => this.#attempts(call, work));
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #attempts<T>(call: Call, work: (named: boolean) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const named = this.#named;
      try {
        return await work(named);
      } catch (error) {
        if (named && isStatementMissing(error)) this.#named = false;
        else if (isOvertaken(error) && !call.signal.aborted) await pause(attempt, call);
        else throw explained(error);
      }
    }
  }
}

function explained(error: unknown): unknown {
  if (!isMissingTable(error)) return error;
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "The tables of the store are not there. Call setup() once before the first request.",
    { cause: error },
  );
}
