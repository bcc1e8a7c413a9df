import { refuseConfig, SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import { isInTransaction, type LmdbDatabase, type LmdbTable } from "./driver.ts";
import { commitError, overlook } from "./failure.ts";
import { EVERYTHING, LAYOUT_KEY } from "./keys.ts";
import type { Source } from "./source.ts";
import { Occupied, retrying } from "./waiting.ts";

/** The version of the layout that `keys.ts` and `head.ts` describe. */
const LAYOUT = JSON.stringify({ holdfast: 1 });

/**
 * The named database of the store, opened at first use and again after that failed. Opening waits for the lock of the file,
 * which others have as long as a commit takes; nothing else here waits for anybody.
 */
export class Engine {
  readonly #source: Source;
  readonly #name: string;
  #database: LmdbDatabase | undefined;
  #table: LmdbTable | undefined;
  #checked = false;

  constructor(source: Source, name: string) {
    this.#source = source;
    this.#name = name;
  }

  /**
   * The database, set up and of this layout. Throws {@link Occupied} while the application is in a transaction of its own,
   * `ERR_SESSION_STORE_UNAVAILABLE` before `setup`, `ERR_SESSION_FORMAT` for another layout, and what the driver throws.
   */
  readonly table = (): LmdbTable => {
    const table = this.#opened();
    if (!this.#checked) {
      table.resetReadTxn();
      checkLayout(table, this.#name);
      this.#checked = true;
    }
    return table;
  };

  /** Writes the version of the layout into what is empty; whoever comes second finds it there. */
  async setup(call: Call): Promise<void> {
    const table = await retrying(() => this.#opened(), call);
    table.resetReadTxn();
    if (table.get(LAYOUT_KEY) === undefined) {
      if ([...table.getKeys({ ...EVERYTHING, limit: 1 })].length > 0) {
        refuseConfig(`The database "${this.#name}" was not made by Holdfast. Use another databaseName.`);
      }
      await found(table);
      table.resetReadTxn();
    }
    checkLayout(table, this.#name);
  }

  /** Closes the file if the store opened it. */
  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    this.#table = undefined;
    if (database !== undefined) await this.#source.close(database);
  }

  #opened(): LmdbTable {
    this.#database ??= this.#source.open();
    this.#table ??= this.#database.openDB({
      name: this.#name,
      encoding: "string",
      keyEncoding: "ordered-binary",
      useVersions: true,
      cache: false,
      compression: false,
    }) as LmdbTable;
    if (isInTransaction(this.#table)) {
      throw new Occupied("The application has a transaction open on the database that it handed in.");
    }
    return this.#table;
  }
}

async function found(table: LmdbTable): Promise<void> {
  const written = table.ifNoExists(LAYOUT_KEY, () => void table.put(LAYOUT_KEY, LAYOUT, 1));
  overlook(table);
  try {
    await written;
  } catch (error) {
    throw await commitError(error);
  }
}

function checkLayout(table: LmdbTable, name: string): void {
  const layout = table.get(LAYOUT_KEY);
  if (layout === LAYOUT) return;
  if (layout === undefined) {
    throw new SessionError(
      "ERR_SESSION_STORE_UNAVAILABLE",
      `The database "${name}" is not there. Call setup() once before the first request.`,
    );
  }
  throw new SessionError(
    "ERR_SESSION_FORMAT",
    `The database "${name}" has another layout than this version of Holdfast knows. Update it, or use another databaseName.`,
  );
}
