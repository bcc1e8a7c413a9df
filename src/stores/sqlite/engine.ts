import { SessionError } from "../../core/errors.ts";
import type { Connection } from "./driver.ts";
import { isBroken, isBusy, isMissingTable, Occupied } from "./failure.ts";
import { prepareStatements, type Statements } from "./operations.ts";
import { CommitFailed } from "./queue.ts";
import { checkTables, checkVersion, createTables, isComplete, type Names } from "./schema.ts";
import type { Source } from "./source.ts";

/**
 * One connection and its prepared statements, opened at first use and again after the file was unreadable. Everything
 * here is synchronous, waits for nobody and throws what SQLite throws.
 */
export class Engine {
  readonly #source: Source;
  readonly #names: Names;
  #connection: Connection | undefined;
  #statements: Statements | undefined;

  constructor(source: Source, names: Names) {
    this.#source = source;
    this.#names = names;
  }

  /** Runs reads outside of any transaction. */
  read<T>(work: (statements: Statements) => T): T {
    return this.#connected((connection) => work(this.#prepared(connection)));
  }

  /** Runs writes in one transaction: all of them are stored when this returns, none when it throws. */
  transact(work: (statements: Statements) => void): void {
    this.#connected((connection) => {
      const statements = this.#prepared(connection);
      statements.begin();
      this.#orRollback(connection, () => {
        checkVersion(this.#names, statements.version);
        work(statements);
      });
      this.#orRollback(connection, () => commit(statements));
    });
  }

  /** Creates whatever is missing. Once all is there this only reads, so that many processes may start at once. */
  setup(): void {
    this.#connected((connection) => {
      this.#source.prepare(connection);
      if (isComplete(connection, this.#names)) return checkTables(connection, this.#names);
      connection.exec("BEGIN IMMEDIATE");
      this.#orRollback(connection, () => {
        createTables(connection, this.#names);
        connection.exec("COMMIT");
      });
    });
  }

  /** Closes the connection if the store opened it. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#statements = undefined;
    connection?.close();
  }

  #connected<T>(work: (connection: Connection) => T): T {
    try {
      const connection = (this.#connection ??= this.#source.open());
      return connection.unblocked(() => {
        // A transaction of the application must neither swallow a session's write nor show its own to a reader.
        if (!this.#source.own && connection.inTransaction()) {
          throw new Occupied("The application has a transaction open on the database that it handed in.");
        }
        return work(connection);
      });
    } catch (error) {
      if (this.#source.own && isBroken(error)) this.#discard();
      throw error;
    }
  }

  #prepared(connection: Connection): Statements {
    if (this.#statements !== undefined) return this.#statements;
    try {
      checkTables(connection, this.#names);
      return (this.#statements = prepareStatements(connection, this.#names));
    } catch (error) {
      if (!isMissingTable(error)) throw error;
      throw new SessionError(
        "ERR_SESSION_STORE_UNAVAILABLE",
        `The tables ${this.#names.prefix}* are not there. Call setup() once before the first request.`,
        { cause: error },
      );
    }
  }

  #orRollback(connection: Connection, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#rollback(connection);
      throw error;
    }
  }

  #rollback(connection: Connection): void {
    try {
      // SQLite itself has rolled back after some failures, such as a full disk.
      if (connection.inTransaction()) connection.exec("ROLLBACK");
    } catch {
      // What caused this is on its way to the caller. An own connection in doubt is not used again.
      if (this.#source.own) this.#discard();
    }
  }

  #discard(): void {
    try {
      this.close();
    } catch {
      // It was of no use any more; the failure that led here is the one to report.
    }
  }
}

function commit(statements: Statements): void {
  try {
    statements.commit();
  } catch (cause) {
    if (isBusy(cause)) throw cause;
    throw new CommitFailed("The transaction could not be committed and was rolled back.", { cause });
  }
}
