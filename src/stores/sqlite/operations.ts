import { newerFormat, SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { DeleteCondition, DeleteOutcome, SessionChange, UpdateOutcome } from "../../core/store.ts";
import type { Connection, Reader, Writer } from "./driver.ts";
import { type FieldChoice, judgeRow, selectRecord, selectRecords } from "./rows.ts";
import { type Names, versionReader } from "./schema.ts";

/** Every prepared statement of one connection. */
export interface Statements {
  readonly begin: Writer;
  readonly commit: Writer;
  readonly version: Reader;
  readonly record: Reader;
  readonly head: Reader;
  readonly listed: Reader;
  readonly walked: Reader;
  readonly expired: Reader;
  readonly insert: Writer;
  readonly rewrite: Writer;
  readonly touch: Writer;
  readonly setField: Writer;
  readonly removeField: Writer;
  readonly addLabel: Writer;
  readonly remove: Writer;
  readonly removeFields: Writer;
  readonly removeLabels: Writer;
  readonly removeLabelled: Writer;
  readonly removeLabelledFields: Writer;
  readonly removeLabelledLabels: Writer;
}

/** Prepares the statements. Throws what the driver throws when a table is missing. */
export function prepareStatements(connection: Connection, names: Names): Statements {
  const { sessions, fields, labels } = names;
  const { reader, writer } = connection;
  const select = (choice: FieldChoice, rest: string): Reader =>
    reader(`${selectRecords(names, choice)} ${rest}`);
  const labelled = `(SELECT session_id FROM ${labels} WHERE label = ? AND session_id NOT IN (SELECT value FROM json_each(?)))`;
  return {
    // The write lock is taken at once: a transaction that began as a reader could not become a writer.
    begin: writer("BEGIN IMMEDIATE"),
    commit: writer("COMMIT"),
    version: versionReader(connection, names),
    record: reader(selectRecord(names)),
    head: select("format", "WHERE s.id = ?"),
    listed: select(
      "reserved",
      `JOIN ${labels} l ON l.session_id = s.id WHERE l.label = ? AND l.session_id > ? ORDER BY l.session_id LIMIT ?`,
    ),
    walked: select("all", "WHERE s.id > ? ORDER BY s.id LIMIT ?"),
    expired: reader(`SELECT id FROM ${sessions} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`),
    insert: writer(`INSERT INTO ${sessions} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`),
    rewrite: writer(
      `UPDATE ${sessions} SET epoch = ?, version = ?, secret_hash = ?, labels = ?, accessed_at = ?, expires_at = ?, ends_at = ? WHERE id = ?`,
    ),
    touch: writer(`UPDATE ${sessions} SET version = ?, accessed_at = ?, expires_at = ? WHERE id = ?`),
    setField: writer(`INSERT INTO ${fields} VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET text = excluded.text`),
    removeField: writer(`DELETE FROM ${fields} WHERE session_id = ? AND name = ?`),
    addLabel: writer(`INSERT INTO ${labels} VALUES (?, ?) ON CONFLICT DO NOTHING`),
    remove: writer(`DELETE FROM ${sessions} WHERE id = ?`),
    removeFields: writer(`DELETE FROM ${fields} WHERE session_id = ?`),
    removeLabels: writer(`DELETE FROM ${labels} WHERE session_id = ?`),
    removeLabelled: writer(`DELETE FROM ${sessions} WHERE id IN ${labelled}`),
    removeLabelledFields: writer(`DELETE FROM ${fields} WHERE session_id IN ${labelled}`),
    removeLabelledLabels: writer(`DELETE FROM ${labels} WHERE session_id IN ${labelled}`),
  };
}

/** A write that is ready to be carried out, as often as need be, with copies of what the caller gave. */
export type Write<T> = (statements: Statements) => T;

export function createRecord(record: SessionRecord): Write<boolean> {
  const { id, epoch, version, secretHash, createdAt, accessedAt, expiresAt, endsAt } = record;
  const labels = JSON.stringify(record.labels);
  const keys = record.labels.map(labelKey);
  const fields = Object.entries(record.fields);
  requireTexts([id, secretHash, ...fields.flat()]);
  return (statements) => {
    const row = [id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt] as const;
    if (statements.insert(...row) === 0) return false;
    // Rows that a hand left behind must not become part of a new session.
    statements.removeFields(id);
    statements.removeLabels(id);
    for (const [name, text] of fields) statements.setField(id, name, text);
    for (const key of keys) statements.addLabel(key, id);
    return true;
  };
}

export function updateRecord(id: SessionId, change: SessionChange): Write<UpdateOutcome> {
  const set = Object.entries(change.set ?? {});
  const removed = [...(change.remove ?? [])];
  const { now, epoch, ifVersion, accessedAt, expiresAt } = change;
  const renew = change.renew && { ...change.renew };
  const labels = renew?.labels === undefined ? undefined : JSON.stringify(renew.labels);
  const keys = renew?.labels?.map(labelKey) ?? [];
  const touchOnly = change.set === undefined && change.remove === undefined && renew === undefined;
  requireTexts([renew?.secretHash ?? "", ...set.flat()]);

  return (statements) => {
    const row = statements.head(id)[0];
    if (row === undefined) return { kind: "gone" };
    const judged = judgeRow(row);
    if (judged.verdict === "newer") throw newerFormat();
    if (judged.verdict !== "record" || judged.record.expiresAt <= now) return { kind: "gone" };
    const { record } = judged;
    if (record.epoch !== epoch) return { kind: "stale" };
    if (ifVersion !== undefined && record.version !== ifVersion) return { kind: "conflict" };

    const version = touchOnly ? record.version : record.version + 1;
    if (renew === undefined) {
      const accessed = Math.max(record.accessedAt, accessedAt ?? record.accessedAt);
      const expires = Math.max(record.expiresAt, expiresAt ?? record.expiresAt);
      statements.touch(version, accessed, expires, id);
    } else {
      statements.rewrite(
        renew.nextEpoch,
        version,
        renew.secretHash,
        labels ?? JSON.stringify(record.labels),
        accessedAt ?? record.accessedAt,
        expiresAt ?? record.expiresAt,
        renew.endsAt ?? record.endsAt,
        id,
      );
    }
    for (const name of removed) statements.removeField(id, name);
    for (const [name, text] of set) statements.setField(id, name, text);
    if (labels !== undefined) {
      statements.removeLabels(id);
      for (const key of keys) statements.addLabel(key, id);
    }
    return { kind: "done", version };
  };
}

export function deleteRecord(id: SessionId, when: DeleteCondition): Write<DeleteOutcome> {
  const { ifVersion, label } = when;
  const conditional = ifVersion !== undefined || label !== undefined;
  return (statements) => {
    if (conditional) {
      const row = statements.head(id)[0];
      if (row === undefined) return "gone";
      const judged = judgeRow(row);
      if (judged.verdict !== "record") return "conflict";
      if (ifVersion !== undefined && judged.record.version !== ifVersion) return "conflict";
      if (label !== undefined && !judged.record.labels.includes(label)) return "conflict";
    }
    return removeRecord(statements, id) === 0 ? "gone" : "done";
  };
}

export function deleteLabelled(label: string, except: readonly SessionId[]): Write<number> {
  const key = labelKey(label);
  const kept = JSON.stringify(except);
  return (statements) => {
    const deleted = statements.removeLabelled(key, kept);
    statements.removeLabelledFields(key, kept);
    statements.removeLabelledLabels(key, kept);
    return deleted;
  };
}

/** Deletes up to `limit` sessions that are over, found and deleted under one write lock. */
export function deleteExpired(now: number, limit: number): Write<number> {
  return (statements) => {
    const ids = statements.expired(now, limit);
    for (const [id] of ids) removeRecord(statements, String(id));
    return ids.length;
  };
}

/** How a label stands in the index: one text for one label, also where a text of SQLite could not tell two apart. */
export function labelKey(label: string): string {
  return JSON.stringify(label).slice(1, -1);
}

function removeRecord(statements: Statements, id: string): number {
  statements.removeFields(id);
  statements.removeLabels(id);
  return statements.remove(id);
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** A lone surrogate would be stored as U+FFFD: two names would become one, and a text would come back changed. */
function requireTexts(texts: readonly string[]): void {
  if (!texts.some((text) => LONE_SURROGATE.test(text))) return;
  throw new SessionError(
    "ERR_SESSION_VALUE",
    "A field's name or text is not well-formed Unicode, which SQLite cannot keep as it is. Nothing was written.",
  );
}
