import { createHash } from "node:crypto";
import { SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, DeleteCondition, DeleteOutcome, SessionChange, UpdateOutcome } from "../../core/store.ts";
import { batches } from "./batches.ts";
import type { Caller, Statements } from "./calls.ts";
import { isDuplicate } from "./failures.ts";
import type { MysqlValue } from "./pool.ts";
import { type Judged, judgeRows, newerFormat } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** What every operation works with. */
export interface Engine {
  readonly caller: Caller;
  readonly sql: Sql;
}

type Field = readonly [name: string, text: string];

const LOWEST = Number.MIN_SAFE_INTEGER;
const LARGEST = Number.MAX_SAFE_INTEGER;

/** How often an outcome that nothing explains is tried anew; each time somebody else must have written in between. */
const MOST_ROUNDS = 100;

const ID = /^[A-Za-z0-9_-]{24}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONGEST_NAME = 512;
const HASH = /^[\x21-\x7e]{0,64}$/;
const LONGEST_LABELS = 16_000_000;

/** Anything else is no session's id, and is not sent: a column that is too narrow may cut in silence. */
export function isId(id: string): boolean {
  return ID.test(id);
}

export async function createRecord(engine: Engine, record: SessionRecord, call: Call): Promise<boolean> {
  const { sql } = engine;
  const { id, epoch, version, secretHash, createdAt, accessedAt, expiresAt, endsAt } = record;
  if (!isId(id)) throw refused("An id is not 24 characters of base64url");
  const labels = labelsText(record.labels);
  const keys = record.labels.map(labelKey);
  const fields = Object.entries(record.fields);
  requireFits(fields, secretHash);
  const row = [id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt];
  try {
    await engine.caller.transact(async (statements) => {
      await statements.execute(sql.insert, row);
      await setFields(statements, sql, id, fields);
      await addLabels(statements, sql, id, keys);
    }, call);
    return true;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

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
    // Nothing was written. What is there now says why, and that is the outcome as of now.
    const judged = await engine.caller.run((statements) => found(statements, engine.sql, id), call);
    if (judged === undefined) return { kind: "gone" };
    if (judged.verdict === "newer") throw newerFormat();
    if (judged.verdict !== "record" || judged.record.expiresAt <= now) return { kind: "gone" };
    if (judged.record.epoch !== epoch) return { kind: "stale" };
    if (ifVersion !== undefined && judged.record.version !== ifVersion)
      return { kind: "conflict", current: judged.record };
  }
  throw unexplained();
}

/** One change, made ready. */
interface Write {
  readonly head: string;
  readonly values: readonly MysqlValue[];
  /** How far the version that comes back is from the one that is told. */
  readonly touch: boolean;
  readonly id: SessionId;
  readonly set: readonly Field[];
  readonly removed: readonly string[];
  readonly labels: readonly Buffer[] | undefined;
}

function writeOf(sql: Sql, id: SessionId, change: SessionChange): Write {
  const { now, epoch, ifVersion, accessedAt, expiresAt, renew } = change;
  const set = Object.entries(change.set ?? {});
  const removed = (change.remove ?? []).filter((name) => !Object.hasOwn(change.set ?? {}, name));
  requireFits(set, renew?.secretHash ?? "");
  const touch = change.set === undefined && change.remove === undefined && renew === undefined;
  const met = [id, now, epoch, ifVersion ?? 0, ifVersion ?? (touch ? LARGEST : LARGEST - 1)];
  const write = { touch, id, set, removed };
  if (renew === undefined) {
    const values = [accessedAt ?? LOWEST, expiresAt ?? LOWEST, ...met];
    return { ...write, head: touch ? sql.touch : sql.write, values, labels: undefined };
  }
  const given = [
    renew.nextEpoch,
    renew.secretHash,
    accessedAt ?? null,
    expiresAt ?? null,
    renew.endsAt ?? null,
  ];
  const labels = renew.labels === undefined ? null : labelsText(renew.labels);
  return {
    ...write,
    head: sql.renew,
    values: [...given, labels, ...met],
    labels: renew.labels?.map(labelKey),
  };
}

/** The version after the write, or nothing when no row met its conditions and nothing was written. */
function applied(engine: Engine, write: Write, call: Call): Promise<number | undefined> {
  const { head, values, id, set, removed, labels, touch } = write;
  const { sql } = engine;
  if (set.length === 0 && removed.length === 0 && labels === undefined) {
    return engine.caller.run(async (statements) => {
      const { insertId } = await statements.execute(head, values);
      if (insertId === 0) return undefined;
      return touch ? insertId - 1 : insertId;
    }, call);
  }
  return engine.caller.transact(async (statements) => {
    const { insertId } = await statements.execute(head, values);
    if (insertId === 0) return undefined;
    await setFields(statements, sql, id, set);
    await removeFields(statements, sql, id, removed);
    if (labels !== undefined) await replaceLabels(statements, sql, id, labels);
    return insertId;
  }, call);
}

export async function deleteRecord(
  engine: Engine,
  id: SessionId,
  when: DeleteCondition,
  call: Call,
): Promise<DeleteOutcome> {
  if (!isId(id)) return "gone";
  const { ifVersion, label } = when;
  const versions = [ifVersion ?? 0, ifVersion ?? LARGEST];
  const { sql, caller } = engine;
  if (ifVersion === undefined && label === undefined) {
    return (await removed(engine, sql.remove, [id], call)) ? "done" : "gone";
  }
  const statement = label === undefined ? sql.removeIf : sql.removeLabelled;
  const values = label === undefined ? [id, ...versions] : [id, ...versions, labelKey(label)];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (await removed(engine, statement, values, call)) return "done";
    const judged = await caller.run((statements) => found(statements, sql, id), call);
    if (judged === undefined) return "gone";
    if (judged.verdict !== "record") return "conflict";
    if (ifVersion !== undefined && judged.record.version !== ifVersion) return "conflict";
    if (label !== undefined && !judged.record.labels.includes(label)) return "conflict";
  }
  throw unexplained();
}

async function removed(
  { caller }: Engine,
  statement: string,
  values: readonly MysqlValue[],
  call: Call,
): Promise<boolean> {
  const { affected } = await caller.run((statements) => statements.execute(statement, values), call);
  return affected > 0;
}

async function found(statements: Statements, sql: Sql, id: SessionId): Promise<Judged | undefined> {
  const { rows } = await statements.execute(sql.read, [id]);
  return rows.length === 0 ? undefined : judgeRows(rows);
}

/** Deletes those of the sessions that still bear the label, by primary key. Resolves how many. */
export async function deleteBearers(
  { caller, sql }: Engine,
  label: Buffer,
  ids: readonly string[],
  call: Call,
): Promise<number> {
  let deleted = 0;
  for (const batch of batches(ids)) {
    const statement = sql.removeBearers(batch.length);
    const { affected } = await caller.run(
      (statements) => statements.execute(statement, [...batch, label]),
      call,
    );
    deleted += affected;
  }
  return deleted;
}

/** Deletes those of the sessions that are still over at `now`, by primary key. Resolves how many. */
export async function deleteExpired(
  { caller, sql }: Engine,
  now: number,
  ids: readonly string[],
  call: Call,
): Promise<number> {
  let deleted = 0;
  for (const batch of batches(ids)) {
    const statement = sql.removeExpired(batch.length);
    const { affected } = await caller.run(
      (statements) => statements.execute(statement, [...batch, now]),
      call,
    );
    deleted += affected;
  }
  return deleted;
}

async function setFields(
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

async function removeFields(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  names: readonly string[],
): Promise<void> {
  for (const batch of batches(names)) {
    await statements.execute(sql.removeFields(batch.length), [id, ...batch.map((name) => Buffer.from(name))]);
  }
}

async function addLabels(
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

/** The new ones first: while an insert waits for a lock, this transaction has locked nothing that lies between sessions. */
async function replaceLabels(
  statements: Statements,
  sql: Sql,
  id: SessionId,
  keys: readonly Buffer[],
): Promise<void> {
  await addLabels(statements, sql, id, keys);
  const kept = keys.length === 0 ? [NO_LABEL] : keys;
  const size = 2 ** Math.ceil(Math.log2(kept.length));
  const filled = Array.from({ length: size }, (_, index) => kept[Math.min(index, kept.length - 1)] as Buffer);
  await statements.execute(sql.keepLabels(size), [id, ...filled]);
}

/** A key that no label has. */
const NO_LABEL = Buffer.alloc(32);

/** How a label stands in the index: as long for one as for the other, and one key for one label, whatever it is made of. */
export function labelKey(label: string): Buffer {
  return createHash("sha256").update(JSON.stringify(label)).digest();
}

/** JSON in ASCII alone, which no charset of a connection changes. */
function labelsText(labels: readonly string[]): string {
  const text = JSON.stringify(labels).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (text.length > LONGEST_LABELS) throw refused("The labels together are longer than 16 MB");
  return text;
}

/** What a column could not hold as it is must not be sent: without a strict sql_mode the engine would bend it in silence. */
function requireFits(fields: readonly Field[], secretHash: string): void {
  if (!HASH.test(secretHash)) throw refused("A secret hash is not up to 64 characters of ASCII");
  for (const [name, text] of fields) {
    if (LONE_SURROGATE.test(name) || LONE_SURROGATE.test(text))
      throw refused("A field's name or text is not well-formed Unicode");
    if (Buffer.byteLength(name) > LONGEST_NAME)
      throw refused(`A field's name is longer than ${LONGEST_NAME} bytes`);
  }
}

function refused(what: string): SessionError {
  return new SessionError(
    "ERR_SESSION_VALUE",
    `${what}, which MySQL cannot keep as it is. Nothing was written.`,
  );
}

function unexplained(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    "A row was refused by the database though it meets every condition, again and again.",
  );
}
