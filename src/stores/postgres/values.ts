import { randomBytes } from "node:crypto";
import { SessionError } from "../../core/errors.ts";
import { RESERVED, type SessionRecord } from "../../core/record.ts";
import type { SessionChange } from "../../core/store.ts";
import { digest, isStorable } from "./names.ts";

/** What is sent for a parameter: everything travels as text, and SQL says what it is. */
export type Value = string | null;

/** An index is a B-tree, which holds no entry beyond a third of a page. */
const LONGEST_ENTRY = 512;

/** How a label or the name of a field stands in an index. What shares an entry is told apart by the record. */
export function entryOf(name: string): string {
  return Buffer.byteLength(name) <= LONGEST_ENTRY ? name : `${RESERVED}${digest(name)}`;
}

/** Texts longer than this, in characters, have a row of their own: a small change must not write them again. */
const LONGEST_INLINE = 400;

/** A text in a row of its own. The field of the record is then a list of its key alone. */
interface LongText {
  readonly name: string;
  readonly key: string;
  readonly text: string;
}

/** Fields as they are stored: the column, and what is in rows of its own, `null` when nothing is. */
function partsOf(fields: Readonly<Record<string, string>>): readonly [string, Value] {
  const entries = Object.entries(fields);
  if (entries.every(([, text]) => text.length <= LONGEST_INLINE)) return [JSON.stringify(fields), null];
  const long: LongText[] = [];
  const column = entries.map(([name, text]) => {
    if (text.length <= LONGEST_INLINE) return [name, text];
    const key = randomBytes(9).toString("base64url");
    long.push({ name: entryOf(name), key, text });
    return [name, [key]];
  });
  return [JSON.stringify(Object.fromEntries(column)), JSON.stringify(long)];
}

/** An array of texts as PostgreSQL writes one. */
export function arrayOf(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** The parameters of the statement `create`. Throws `ERR_SESSION_VALUE` for texts that cannot be stored. */
export function createValues(record: SessionRecord): Value[] {
  const { id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt, fields } = record;
  requireStorable([id, secretHash, ...labels, ...Object.entries(fields).flat()]);
  const counts = [createdAt, accessedAt, expiresAt, endsAt].map(String);
  const [column, long] = partsOf(fields);
  return [
    id,
    String(epoch),
    String(version),
    secretHash,
    arrayOf(labels),
    ...counts,
    column,
    arrayOf(entriesOf(labels)),
    long,
  ];
}

/** Which statement carries a change out, and its parameters. Throws `ERR_SESSION_VALUE` for texts that cannot be stored. */
export function updateValues(
  id: string,
  change: SessionChange,
): { readonly kind: "touch" | "change" | "renew" | "relabel"; readonly values: Value[] } {
  const { now, epoch, ifVersion, set, remove, accessedAt, expiresAt, renew } = change;
  const values = [id, String(now), String(epoch), count(ifVersion), count(accessedAt), count(expiresAt)];
  if (set === undefined && remove === undefined && renew === undefined) return { kind: "touch", values };

  const removed = remove?.filter(isStorable) ?? [];
  requireStorable([renew?.secretHash ?? "", ...(renew?.labels ?? []), ...Object.entries(set ?? {}).flat()]);
  const overwritten = entriesOf([...removed, ...Object.keys(set ?? {})]);
  values.push(arrayOf(removed), ...partsOf(set ?? {}), arrayOf(overwritten));
  if (renew === undefined) return { kind: "change", values };

  values.push(renew.secretHash, String(renew.nextEpoch), count(renew.endsAt));
  if (renew.labels === undefined) return { kind: "renew", values };
  values.push(arrayOf(renew.labels), arrayOf(entriesOf(renew.labels)));
  return { kind: "relabel", values };
}

/** The parameter of the statement `creates`: each of them as {@link createValues} made it. */
export function createsValue(records: readonly (readonly Value[])[]): string {
  return `[${records.map(recordJson).join(",")}]`;
}

function recordJson(values: readonly Value[]): string {
  const [id, epoch, version, hash, labels, createdAt, accessedAt, expiresAt, endsAt, fields, entries, long] =
    values;
  return `{"id":${JSON.stringify(id)},"epoch":${epoch},"version":${version},"secret_hash":${JSON.stringify(hash)},"labels":${JSON.stringify(labels)},"created_at":${createdAt},"accessed_at":${accessedAt},"expires_at":${expiresAt},"ends_at":${endsAt},"fields":${fields},"entries":${JSON.stringify(entries)},"long":${long}}`;
}

/** The parameter of the statement `changes`: each of them as {@link updateValues} made it, touches and changes alone. */
export function changesValue(changes: readonly (readonly Value[])[]): string {
  return `[${changes.map(changeJson).join(",")}]`;
}

function changeJson(values: readonly Value[]): string {
  const [id, now, epoch, version, accessedAt, expiresAt, removed, fields, long, overwritten] = values;
  const head = `{"id":${JSON.stringify(id)},"now":${now},"epoch":${epoch},"version":${version},"accessed_at":${accessedAt},"expires_at":${expiresAt}`;
  if (fields === undefined) return `${head}}`;
  return `${head},"removed":${JSON.stringify(removed)},"fields":${fields},"long":${long},"overwritten":${JSON.stringify(overwritten)}}`;
}

function entriesOf(names: readonly string[]): string[] {
  return [...new Set(names.map(entryOf))];
}

export function count(value: number | undefined): Value {
  return value === undefined ? null : String(value);
}

function requireStorable(texts: readonly string[]): void {
  if (texts.every(isStorable)) return;
  throw new SessionError(
    "ERR_SESSION_VALUE",
    "A label, or a field's name or text, holds NUL or is not well-formed Unicode, which PostgreSQL cannot keep. Nothing was written.",
  );
}
