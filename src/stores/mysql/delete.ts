import type { SessionId } from "../../core/record.ts";
import type { Call, DeleteCondition, DeleteOutcome } from "../../core/store.ts";
import { batches } from "./batches.ts";
import { type Engine, MOST_ROUNDS, rowsOf, unexplained } from "./engine.ts";
import type { MysqlValue } from "./pool.ts";
import { judgeRows } from "./rows.ts";
import { isId, labelKey } from "./values.ts";

/** Fields and labels go with the session, by their foreign keys. An outcome that was not `done` is judged as for an update. */
export async function deleteRecord(
  engine: Engine,
  id: SessionId,
  when: DeleteCondition,
  call: Call,
): Promise<DeleteOutcome> {
  if (!isId(id)) return "gone";
  const { ifVersion, label } = when;
  const { sql } = engine;
  if (ifVersion === undefined && label === undefined)
    return (await deleted(engine, sql.remove, [id], call)) > 0 ? "done" : "gone";

  const met = [id, ifVersion ?? 0, ifVersion ?? Number.MAX_SAFE_INTEGER];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const count =
      label === undefined
        ? await deleted(engine, sql.removeIf, met, call)
        : await deleted(engine, sql.removeLabelled, [...met, labelKey(label)], call);
    if (count > 0) return "done";
    const rows = await rowsOf(engine, sql.read, [id], call);
    if (rows.length === 0) return "gone";
    const judged = judgeRows(rows);
    if (judged.verdict !== "record") return "conflict";
    if (ifVersion !== undefined && judged.record.version !== ifVersion) return "conflict";
    if (label !== undefined && !judged.record.labels.includes(label)) return "conflict";
  }
  throw unexplained();
}

/** Deletes those of the sessions that still bear the label, by primary key. Resolves how many. */
export function deleteBearers(
  engine: Engine,
  label: Buffer,
  ids: readonly string[],
  call: Call,
): Promise<number> {
  return deletedOf(engine, ids, engine.sql.removeBearers, label, call);
}

/** Deletes those of the sessions that are still over at `now`, by primary key. Resolves how many. */
export function deleteExpired(
  engine: Engine,
  now: number,
  ids: readonly string[],
  call: Call,
): Promise<number> {
  return deletedOf(engine, ids, engine.sql.removeExpired, now, call);
}

async function deletedOf(
  engine: Engine,
  ids: readonly string[],
  statement: (count: number) => string,
  condition: MysqlValue,
  call: Call,
): Promise<number> {
  let sum = 0;
  for (const batch of batches(ids))
    sum += await deleted(engine, statement(batch.length), [...batch, condition], call);
  return sum;
}

async function deleted(
  { caller }: Engine,
  statement: string,
  values: readonly MysqlValue[],
  call: Call,
): Promise<number> {
  return (await caller.write(statement, values, call)).affected;
}
