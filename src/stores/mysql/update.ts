import { newerFormat, refuseConfig } from "../../core/errors.ts";
import { FORMAT_FIELD, isReserved, type SessionId } from "../../core/record.ts";
import type { Call, SessionChange, UpdateOutcome } from "../../core/store.ts";
import { batches } from "./batches.ts";
import {
  type Engine,
  MOST_ROUNDS,
  removeFields,
  replaceLabels,
  rowsOf,
  setFields,
  unexplained,
} from "./engine.ts";
import type { MysqlValue, Result, Row } from "./pool.ts";
import { FORMAT, judgeRows, namesIn } from "./rows.ts";
import { NO_TRIGGERS } from "./schema.ts";
import type { Sql } from "./sql.ts";
import { type Field, formatOf, isId, labelKey, labelsText, requireFits } from "./values.ts";

/** No time that grows ever stays below it. */
export const LOWEST: number = Number.MIN_SAFE_INTEGER;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** More fields than that go by a transaction: a statement joins one row for each, and an engine joins 61 at most. */
const MOST_JOINED = 16;

/** One change, made ready, with copies of what the caller gave. */
interface Write {
  readonly id: SessionId;
  readonly touch: boolean;
  readonly set: readonly Field[];
  readonly removed: readonly string[];
  readonly labels: readonly Buffer[] | undefined;
  /** Whether the texts of the fields are in the statement itself. */
  readonly joined: boolean;
  readonly statement: string;
  readonly values: readonly MysqlValue[];
}

/**
 * Applies a change by one conditional statement. The answer tells the new version, or that no row met the conditions, and then
 * nothing was written. What a read then finds is the outcome as of that read; where it finds that the change should have been
 * applied, somebody wrote in between, or a field has no row yet, and the change is sent again.
 */
export async function updateRecord(
  engine: Engine,
  id: SessionId,
  change: SessionChange,
  call: Call,
): Promise<UpdateOutcome> {
  if (!isId(id)) return { kind: "gone" };
  const write = writeOf(engine.sql, id, change);
  const { now, epoch, ifVersion } = change;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const version = await applied(engine, write, call);
    if (version !== undefined) return { kind: "done", version };
    const rows = await rowsOf(engine, engine.sql.read, [id], call);
    if (rows.length === 0) return { kind: "gone" };
    const judged = judgeRows(rows);
    if (judged.verdict === "newer") throw newerFormat();
    if (judged.verdict !== "record" || judged.record.expiresAt <= now) return { kind: "gone" };
    if (judged.record.epoch !== epoch) return { kind: "stale" };
    if (ifVersion !== undefined && judged.record.version !== ifVersion)
      return { kind: "conflict", current: judged.record };
    if (write.joined) await addMissing(engine, write, rows, call);
  }
  throw unexplained();
}

function writeOf(sql: Sql, id: SessionId, change: SessionChange): Write {
  const { now, epoch, ifVersion, accessedAt, expiresAt, renew } = change;
  const set = Object.entries(change.set ?? {});
  const removed = [...new Set(change.remove)].filter((name) => !Object.hasOwn(change.set ?? {}, name));
  requireFits(set, renew?.secretHash ?? "");
  const touch = change.set === undefined && change.remove === undefined && renew === undefined;
  const labels = renew?.labels?.map(labelKey);
  const joined = labels === undefined && set.length + removed.length <= MOST_JOINED;
  const met = [id, now, epoch, ifVersion ?? 0, ifVersion ?? (touch ? LARGEST : LARGEST - 1)];
  const write = { id, touch, set, removed, labels, joined };
  if (touch)
    return { ...write, statement: sql.touch, values: [accessedAt ?? LOWEST, expiresAt ?? LOWEST, ...met] };

  const shape = joined ? ([set.length, removed.length] as const) : ([0, 0] as const);
  const names = joined ? [...set.map(([name]) => name), ...removed].map(bytes) : [];
  const texts = joined ? set.map(([, text]) => bytes(text)) : [];
  const format = removed.includes(FORMAT_FIELD) ? FORMAT : (formatOf(change.set ?? {}) ?? null);
  if (renew === undefined) {
    const times = [accessedAt ?? LOWEST, expiresAt ?? LOWEST];
    return {
      ...write,
      statement: sql.write(...shape),
      values: [...names, format, ...times, ...texts, ...met],
    };
  }
  const times = [accessedAt ?? null, expiresAt ?? null, renew.endsAt ?? null];
  const given = [renew.nextEpoch, renew.secretHash, ...times, renew.labels ? labelsText(renew.labels) : null];
  return { ...write, statement: sql.renew(...shape), values: [...names, format, ...given, ...texts, ...met] };
}

/** The version after the write, or nothing when no row met its conditions and nothing was written. */
async function applied(engine: Engine, write: Write, call: Call): Promise<number | undefined> {
  const { id, touch, set, removed, labels, joined, statement, values } = write;
  const { caller, sql } = engine;
  if (joined) {
    const version = versionIn(await caller.write(statement, values, call));
    if (version === undefined) return undefined;
    await removeEmpty(engine, write, call);
    return touch ? version - 1 : version;
  }
  return caller.transact(async (statements) => {
    const version = versionIn(await statements.execute(statement, values));
    if (version === undefined) return undefined;
    await setFields(statements, sql, id, set);
    await removeFields(statements, sql, id, removed);
    if (labels !== undefined) await replaceLabels(statements, sql, id, labels);
    return version;
  }, call);
}

/**
 * The version, or another number, that came back with an answer; nothing when no row met the conditions.
 *
 * @throws `ERR_SESSION_CONFIG` when a row was changed all the same: a trigger loses the version on the way.
 */
export function versionIn({ insertId, affected }: Result): number | undefined {
  if (insertId !== 0) return insertId;
  if (affected !== 0) refuseConfig(`An answer came without its version. ${NO_TRIGGERS}`);
  return undefined;
}

/** Gives rows to the fields that have none yet. They hold no text, and read as absent until the change itself is applied. */
async function addMissing(engine: Engine, write: Write, rows: readonly Row[], call: Call): Promise<void> {
  const there = namesIn(rows);
  const missing = write.set.map(([name]) => name).filter((name) => !there.has(name));
  for (const batch of batches(missing)) {
    const values = batch.flatMap((name) => [write.id, bytes(name)]);
    const statement = engine.sql.addFields(batch.length);
    await engine.caller.write(statement, values, call);
  }
}

/**
 * Deletes the rows of removed fields, which are empty by now. Those of the library's own names stay: they are few and come
 * again. The change is applied already, so nothing that goes wrong here is worth a word: an empty row reads as absent.
 */
async function removeEmpty(engine: Engine, write: Write, call: Call): Promise<void> {
  const names = write.removed.filter((name) => !isReserved(name));
  for (const batch of batches(names)) {
    const statement = engine.sql.removeEmpty(batch.length);
    const values = [write.id, ...batch.map(bytes)];
    await engine.caller.write(statement, values, call).catch(() => undefined);
  }
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
