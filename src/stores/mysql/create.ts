import type { SessionRecord } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { addLabels, type Engine, setFields } from "./engine.ts";
import { isDuplicate } from "./failures.ts";
import { FORMAT } from "./rows.ts";
import { formatOf, isId, labelKey, labelsText, refused, requireFits } from "./values.ts";

/** Writes the session, its fields and its labels in one transaction. Resolves false when the id is taken. */
export async function createRecord(engine: Engine, record: SessionRecord, call: Call): Promise<boolean> {
  const { caller, sql } = engine;
  const { id, epoch, version, secretHash, createdAt, accessedAt, expiresAt, endsAt } = record;
  if (!isId(id)) throw refused("An id is not 24 characters of base64url");
  const fields = Object.entries(record.fields);
  requireFits(fields, secretHash);
  const keys = record.labels.map(labelKey);
  const format = formatOf(record.fields) ?? FORMAT;
  const times = [createdAt, accessedAt, expiresAt, endsAt];
  const row = [id, epoch, version, secretHash, labelsText(record.labels), ...times, format];
  try {
    if (fields.length === 0 && keys.length === 0) {
      await caller.write(sql.insert, row, call);
      return true;
    }
    await caller.transact(async (statements) => {
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
