import { RESERVED } from "../../core/record.ts";
import { COLUMNS, FORMAT } from "./rows.ts";
import { MOST_TOGETHER } from "./batches.ts";
import type { Names } from "./schema.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;

/**
 * What a row must be to be written to: numbers in the safe range, labels that are a JSON array, a format that is understood.
 * What is none of these is garbage or a newer version's, and `judgeRows` says so of the same row.
 */
const SOUND = `s.version >= 0 AND s.created_at BETWEEN -${LARGEST} AND ${LARGEST} AND s.accessed_at BETWEEN -${LARGEST} AND ${LARGEST}
    AND s.expires_at <= ${LARGEST} AND s.ends_at BETWEEN -${LARGEST} AND ${LARGEST}
    AND IF(JSON_VALID(s.labels), JSON_TYPE(s.labels), '') = 'ARRAY' AND s.format <= ${FORMAT}`;

/** Bytes compare as they are: what begins with the reserved character lies between it and its successor. */
const RESERVED_FIELDS = `f.name >= '${RESERVED}' AND f.name < '${String.fromCharCode(RESERVED.charCodeAt(0) + 1)}'`;

/** Each statement as text. None depends on a value, so that a connection prepares each once. */
export interface Sql {
  readonly read: string;
  /** Several sessions with their fields. */
  reads(ids: number): string;
  readonly listed: string;
  readonly walked: string;
  readonly insert: string;
  readonly touch: string;
  /** What touches of several sessions are judged by. */
  standing(ids: number): string;
  /** Touches several sessions, each in the state that it was read in. The answer is a number with a bit for each that was. */
  touches(ids: number): string;
  /** Changes a session and the texts of so many of its fields, which must have rows, and empties so many others. */
  write(set: number, removed: number): string;
  /** The same with a new secret. */
  renew(set: number, removed: number): string;
  readonly remove: string;
  readonly removeIf: string;
  readonly removeLabelled: string;
  readonly expired: string;
  readonly labelled: string;
  setFields(rows: number): string;
  /** Makes rows without a text for fields that have none. */
  addFields(rows: number): string;
  removeFields(names: number): string;
  /** Deletes those of the rows that hold no text. */
  removeEmpty(names: number): string;
  addLabels(labels: number): string;
  keepLabels(labels: number): string;
  removeExpired(ids: number): string;
  removeBearers(ids: number): string;
}

export function sqlFor(names: Names): Sql {
  const { sessions, fields, labels } = names;
  const joins = (set: number, removed: number): string =>
    [...aliases("f", set, "JOIN"), ...aliases("r", removed, "LEFT JOIN")]
      .map(
        ({ alias, join }) => `${join} ${fields} ${alias} ON ${alias}.session_id = s.id AND ${alias}.name = ?`,
      )
      .join(" ");
  const texts = (set: number, removed: number): string =>
    [
      ...aliases("f", set, "").map(({ alias }) => `, ${alias}.text = ?`),
      ...aliases("r", removed, "").map(({ alias }) => `, ${alias}.text = NULL`),
    ].join("");
  const joined = `LEFT JOIN ${fields} f ON f.session_id = s.id`;
  // The new version comes back with the answer, and 0 when no row was met: a count of rows would depend on how the
  // connection was opened. Each column is made of itself alone, so that the order of assignment does not matter.
  const next = "s.version = LAST_INSERT_ID(s.version + 1), s.format = COALESCE(CAST(? AS SIGNED), s.format)";
  const later =
    "s.accessed_at = GREATEST(s.accessed_at, CAST(? AS SIGNED)), s.expires_at = GREATEST(s.expires_at, CAST(? AS SIGNED))";
  const given = `s.epoch = CAST(? AS SIGNED), s.secret_hash = ?, s.accessed_at = COALESCE(CAST(? AS SIGNED), s.accessed_at),
    s.expires_at = COALESCE(CAST(? AS SIGNED), s.expires_at), s.ends_at = COALESCE(CAST(? AS SIGNED), s.ends_at), s.labels = COALESCE(?, s.labels)`;
  const met = `WHERE s.id = ? AND s.expires_at > CAST(? AS SIGNED) AND s.epoch = CAST(? AS SIGNED)
    AND s.version BETWEEN CAST(? AS SIGNED) AND CAST(? AS SIGNED) AND ${SOUND}`;
  return {
    read: `SELECT ${COLUMNS} FROM ${sessions} s ${joined} WHERE s.id = ?`,
    // Where MySQL has not counted a table since it was filled, it would rather read all of it than look up a few keys.
    reads: (ids) => `SELECT ${COLUMNS} FROM ${sessions} s FORCE INDEX (PRIMARY)
      LEFT JOIN ${fields} f FORCE INDEX (PRIMARY) ON f.session_id = s.id WHERE s.id IN (${repeated("?", ids)})`,
    listed: `SELECT ${COLUMNS} FROM (SELECT session_id FROM ${labels} WHERE label = ? AND session_id > ? ORDER BY session_id LIMIT ?) p
      JOIN ${sessions} s ON s.id = p.session_id ${joined} AND ${RESERVED_FIELDS}`,
    walked: `SELECT ${COLUMNS} FROM (SELECT id FROM ${sessions} WHERE id > ? ORDER BY id LIMIT ?) p
      JOIN ${sessions} s ON s.id = p.id ${joined}`,
    insert: `INSERT INTO ${sessions} (id, epoch, version, secret_hash, labels, created_at, accessed_at, expires_at, ends_at, format)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    touch: `UPDATE ${sessions} s SET s.version = LAST_INSERT_ID(s.version + 1) - 1, ${later} ${met}`,
    standing: (
      ids,
    ) => `SELECT CAST(s.id AS BINARY), s.epoch, s.version, s.accessed_at, s.expires_at, (${SOUND})
      FROM ${sessions} s FORCE INDEX (PRIMARY) WHERE s.id IN (${repeated("?", ids)})`,
    touches: (ids) => touches(sessions, repeated("?", ids)),
    write: (set, removed) =>
      `UPDATE ${sessions} s ${joins(set, removed)} SET ${next}, ${later}${texts(set, removed)} ${met}`,
    renew: (set, removed) =>
      `UPDATE ${sessions} s ${joins(set, removed)} SET ${next}, ${given}${texts(set, removed)} ${met}`,
    remove: `DELETE FROM ${sessions} WHERE id = ?`,
    removeIf: `DELETE s FROM ${sessions} s WHERE s.id = ? AND s.version BETWEEN CAST(? AS SIGNED) AND CAST(? AS SIGNED) AND ${SOUND}`,
    removeLabelled: `DELETE s FROM ${sessions} s WHERE s.id = ? AND s.version BETWEEN CAST(? AS SIGNED) AND CAST(? AS SIGNED) AND ${SOUND}
      AND EXISTS (SELECT 1 FROM ${labels} l WHERE l.label = ? AND l.session_id = s.id)`,
    expired: `SELECT id FROM ${sessions} WHERE expires_at <= CAST(? AS SIGNED) ORDER BY expires_at LIMIT ?`,
    labelled: `SELECT session_id FROM ${labels} WHERE label = ? AND session_id > ? ORDER BY session_id LIMIT ?`,
    setFields: (rows) => `INSERT INTO ${fields} (session_id, name, text) VALUES ${repeated("(?, ?, ?)", rows)}
      ON DUPLICATE KEY UPDATE text = VALUES(text)`,
    addFields: (rows) =>
      `INSERT IGNORE INTO ${fields} (session_id, name, text) VALUES ${repeated("(?, ?, NULL)", rows)}`,
    removeEmpty: (count) =>
      `DELETE FROM ${fields} WHERE session_id = ? AND name IN (${repeated("?", count)}) AND text IS NULL`,
    removeFields: (count) =>
      `DELETE FROM ${fields} WHERE session_id = ? AND name IN (${repeated("?", count)})`,
    addLabels: (count) => `INSERT INTO ${labels} (label, session_id) VALUES ${repeated("(?, ?)", count)}
      ON DUPLICATE KEY UPDATE session_id = VALUES(session_id)`,
    keepLabels: (count) =>
      `DELETE FROM ${labels} WHERE session_id = ? AND label NOT IN (${repeated("?", count)})`,
    removeExpired: (count) =>
      `DELETE FROM ${sessions} WHERE id IN (${repeated("?", count)}) AND expires_at <= CAST(? AS SIGNED)`,
    removeBearers: (count) => `DELETE s FROM ${sessions} s WHERE s.id IN (${repeated("?", count)})
      AND EXISTS (SELECT 1 FROM ${labels} l WHERE l.label = ? AND l.session_id = s.id)`,
  };
}

/**
 * Each row is reached by way of a derived table, which takes its lock only where nobody has it, in the order of the keys: so the
 * statement waits for nobody, and holds no lock when it is answered. The first such table makes the number of those that are as they were
 * read; by then they are locked, and stay so. The second one gives their ids. A LIMIT keeps engines from dissolving these tables.
 */
function touches(sessions: string, list: string): string {
  const locked = (columns: string): string =>
    `(SELECT FIELD(l.id, ${list}) AS n, ${columns} FROM ${sessions} l FORCE INDEX (PRIMARY)
      WHERE l.id IN (${list}) LIMIT ${MOST_TOGETHER} FOR UPDATE SKIP LOCKED)`;
  const later = (column: string): string =>
    `s.${column} = GREATEST(s.${column}, CAST(ELT(y.n, ${list}) AS SIGNED))`;
  return `UPDATE (SELECT BIT_OR(1 << (k.n - 1)) AS mask FROM ${locked("l.epoch, l.version, l.expires_at")} k
      WHERE CONCAT(k.epoch, ' ', k.version) = ELT(k.n, ${list}) AND k.expires_at > CAST(ELT(k.n, ${list}) AS SIGNED)) z
    STRAIGHT_JOIN ${locked("l.id")} y ON z.mask & (1 << (y.n - 1))
    STRAIGHT_JOIN ${sessions} s FORCE INDEX (PRIMARY) ON s.id = y.id
    SET s.version = s.version + 0 * LAST_INSERT_ID(z.mask), ${later("accessed_at")}, ${later("expires_at")}`;
}

interface Alias {
  readonly alias: string;
  readonly join: string;
}

function aliases(letter: string, count: number, join: string): readonly Alias[] {
  return Array.from({ length: count }, (_, index) => ({ alias: `${letter}${index}`, join }));
}

function repeated(what: string, times: number): string {
  return Array.from({ length: times }, () => what).join(", ");
}
