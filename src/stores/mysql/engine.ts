import { SessionError } from "../../core/errors.ts";
import type { SessionId } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { batches, filled } from "./batches.ts";
import type { Caller, Statements } from "./calls.ts";
import type { MysqlValue, Row } from "./pool.ts";
import type { Sql } from "./sql.ts";
import type { Field } from "./values.ts";

/** What every operation works with. */
export interface Engine {
  readonly caller: Caller;
  readonly sql: Sql;
}

/** How often an outcome that nothing explains is tried anew; each time somebody else must have written in between. */
export const MOST_ROUNDS = 100;

export function unexplained(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "A row was refused by the database though it meets every condition, again and again.",
  );
}

export async function rowsOf(
  { caller }: Engine,
  sql: string,
  values: readonly MysqlValue[],
  call: Call,
): Promise<readonly Row[]> {
  return (await caller.read((statements) => statements.execute(sql, values), call)).rows;
}

export async function setFields(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  fields: readonly Field[],
): Promise<void> {
  for (const batch of batches(fields)) {
    const values = batch.flatMap(([name, text]) => [id, Buffer.from(name), Buffer.from(text)]);
    await statements.execute(sql.setFields(batch.length), values);
  }
}

export async function removeFields(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  names: readonly string[],
): Promise<void> {
  for (const batch of batches(names)) {
    await statements.execute(sql.removeFields(batch.length), [id, ...batch.map((name) => Buffer.from(name))]);
  }
}

export async function addLabels(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  keys: readonly Buffer[],
): Promise<void> {
  for (const batch of batches(keys)) {
    await statements.execute(
      sql.addLabels(batch.length),
      batch.flatMap((key) => [key, id]),
    );
  }
}

/** A key that no label has. */
const NO_LABEL = Buffer.alloc(32);

/** The new ones first: while an insert waits for a lock, its transaction has locked nothing that lies between sessions. */
export async function replaceLabels(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  keys: readonly Buffer[],
): Promise<void> {
  await addLabels(statements, sql, id, keys);
  const kept = filled(keys.length === 0 ? [NO_LABEL] : keys);
  await statements.execute(sql.keepLabels(kept.length), [id, ...kept]);
}
