const BUSY = 5;
const LOCKED = 6;
const IO_ERROR = 10;
const CORRUPT = 11;
const CANNOT_OPEN = 14;
const PROTOCOL = 15;
const NOT_A_DATABASE = 26;

/** The names that better-sqlite3 gives; an extended code begins with that of its family. */
const NAMES: readonly (readonly [string, number])[] = [
  ["SQLITE_BUSY", BUSY],
  ["SQLITE_LOCKED", LOCKED],
  ["SQLITE_IOERR", IO_ERROR],
  ["SQLITE_CORRUPT", CORRUPT],
  ["SQLITE_CANTOPEN", CANNOT_OPEN],
  ["SQLITE_PROTOCOL", PROTOCOL],
  ["SQLITE_NOTADB", NOT_A_DATABASE],
];

/** Somebody else holds what the call needs: waiting helps. */
export class Occupied extends Error {
  override readonly name: string = "Occupied";
}

/** Tells whether waiting may help: another connection has the lock, or the application is using this one. */
export function isBusy(error: unknown): boolean {
  if (error instanceof Occupied) return true;
  // better-sqlite3 refuses to write while the application has an iterator open on the same connection.
  if (error instanceof TypeError) return error.message.includes("busy executing a query");
  const family = familyOf(error);
  return family === BUSY || family === LOCKED || family === PROTOCOL;
}

/** Tells whether the connection should be opened anew: the file was unreadable and may have been mended since. */
export function isBroken(error: unknown): boolean {
  const family = familyOf(error);
  return family === IO_ERROR || family === CORRUPT || family === CANNOT_OPEN || family === NOT_A_DATABASE;
}

/** Tells whether a table is missing, which is what a database looks like before `setup`. */
export function isMissingTable(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("no such table");
}

/** The primary result code of SQLite, where the error has one. */
function familyOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  if (!("code" in error) || typeof error.code !== "string") return undefined;
  const code = error.code;
  return NAMES.find(([name]) => code.startsWith(name))?.[1];
}
