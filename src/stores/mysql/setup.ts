import { refuseConfig, SessionError } from "../../core/errors.ts";
import type { StoreTraits } from "../../core/store.ts";
import type { Statements } from "./calls.ts";
import { isMissingTable } from "./failures.ts";
import { CASCADES, COLUMNS_OF, type Names, NO_TRIGGERS, SCHEMA_VERSION, tableStatements } from "./schema.ts";

type Durability = StoreTraits["durability"];

const LEVELS: readonly Durability[] = ["none", "process", "power"];

/**
 * Checks the server and creates what is missing. Changes nothing that is there, and needs no right to create where nothing is
 * missing.
 *
 * @throws `ERR_SESSION_CONFIG` for a server that is too old or promises less than `durability`, and for tables that are somebody else's;
 *   `ERR_SESSION_FORMAT` for tables of another version of Holdfast.
 */
export async function prepareTables(
  statements: Statements,
  names: Names,
  durability: Durability,
): Promise<void> {
  await checkServer(statements, durability);
  const found = await readVersions(statements, names);
  if (found === undefined || found.length === 0) await createTables(statements, names);
  else checkVersion(names, found);
  await checkTables(statements, names);
}

async function createTables(statements: Statements, names: Names): Promise<void> {
  for (const statement of tableStatements(names)) await statements.execute(statement, []);
  // The first to come writes the version; everybody reads what the first wrote.
  await statements.execute(
    `INSERT INTO ${names.schema} (one, version) VALUES (1, ${SCHEMA_VERSION}) ON DUPLICATE KEY UPDATE one = 1`,
    [],
  );
  checkVersion(names, (await readVersions(statements, names)) ?? []);
}

async function checkServer(statements: Statements, wanted: Durability): Promise<void> {
  const { rows } = await statements.execute(
    "SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog, DATABASE()",
    [],
  );
  const [version, flush, binlog, sync] = (rows[0] ?? []).map(String);
  checkEngineVersion(version ?? "");
  const promised = promisedBy(Number(flush), Number(binlog) === 1, Number(sync));
  if (LEVELS.indexOf(promised) >= LEVELS.indexOf(wanted)) return;
  const mend =
    wanted === "power"
      ? "innodb_flush_log_at_trx_commit = 1, and sync_binlog = 1 where there is a binary log"
      : "innodb_flush_log_at_trx_commit to 1 or 2";
  refuseConfig(
    `durability "${wanted}" is more than the server is set to promise ("${promised}"). Set ${mend}, or ask for less.`,
  );
}

/**
 * What survives what. A log that is written at each commit but not synced is in the hands of the operating system, which outlives
 * the server. With a binary log a transaction that is not in it is rolled back by recovery, so that it has to be synced too.
 */
function promisedBy(flush: number, binlog: boolean, sync: number): Durability {
  if (flush === 1 && (!binlog || sync === 1)) return "power";
  return flush === 0 ? "none" : "process";
}

function checkEngineVersion(version: string): void {
  const mariadb = /mariadb/i.test(version);
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  const enough = mariadb ? major > 10 || (major === 10 && minor >= 6) : major >= 8;
  if (enough) return;
  refuseConfig(`The server is ${version}. mysqlStore needs MySQL 8.0 or MariaDB 10.6, or newer.`);
}

/** Undefined when there is no such table. */
async function readVersions(statements: Statements, names: Names): Promise<number[] | undefined> {
  try {
    const { rows } = await statements.execute(`SELECT version FROM ${names.schema}`, []);
    return rows.map(([version]) => Number(version));
  } catch (error) {
    if (isMissingTable(error)) return undefined;
    throw error;
  }
}

function checkVersion(names: Names, versions: readonly number[]): void {
  if (versions.length === 1 && versions[0] === SCHEMA_VERSION) return;
  throw new SessionError(
    "ERR_SESSION_FORMAT",
    `The tables ${names.tables.sessions}* have schema ${versions.join(", ") || "unknown"}; this version of Holdfast knows schema ${SCHEMA_VERSION}. Update it, or use another table.`,
  );
}

/** Throws `ERR_SESSION_CONFIG` unless the tables are what Holdfast makes: the columns, InnoDB, and rows that go with their session. */
async function checkTables(statements: Statements, names: Names): Promise<void> {
  const { database = null, tables } = names;
  for (const [role, table] of Object.entries(tables) as [keyof typeof tables, string][]) {
    const { rows } = await statements.execute(
      `SELECT c.COLUMN_NAME, t.ENGINE FROM information_schema.COLUMNS c
        JOIN information_schema.TABLES t ON t.TABLE_SCHEMA = c.TABLE_SCHEMA AND t.TABLE_NAME = c.TABLE_NAME
        WHERE c.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND c.TABLE_NAME = ?`,
      [database, table],
    );
    const columns = rows.map(([column]) => String(column).toLowerCase()).sort();
    if (columns.join() !== [...COLUMNS_OF[role]].sort().join()) foreign(table, "its columns are others");
    if (rows.some(([, engine]) => String(engine) !== "InnoDB")) foreign(table, "it is not of InnoDB");
  }
  await checkTriggers(statements, names);
  for (const role of CASCADES) {
    // Unlike the information schema of MariaDB, this shows its keys to a user who may only read and write rows.
    const { rows } = await statements.execute(`SHOW CREATE TABLE ${names[role]}`, []);
    if (!CASCADE.test(String(rows[0]?.[1])))
      foreign(tables[role], "its rows would not go with their session");
  }
}

/** Shows those that the user may see; under another one the first update says so. */
async function checkTriggers(statements: Statements, names: Names): Promise<void> {
  const { database = null, tables } = names;
  const { rows } = await statements.execute(
    `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = COALESCE(?, DATABASE())
      AND EVENT_OBJECT_TABLE IN (?, ?) AND EVENT_MANIPULATION = 'UPDATE'`,
    [database, tables.sessions, tables.fields],
  );
  const [first] = rows;
  if (first !== undefined) refuseConfig(`There is a trigger ${String(first[0])}. ${NO_TRIGGERS}`);
}

/** Names stand in whichever quotes the connection's sql_mode has. */
const CASCADE = /FOREIGN KEY \(["`]?session_id["`]?\) REFERENCES .* ON DELETE CASCADE/;

function foreign(table: string, why: string): never {
  refuseConfig(`The table ${table} was not made by this version of Holdfast: ${why}. Use another table.`);
}
