import { SessionError } from "../../core/errors.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { SessionChange } from "../../core/store.ts";
import { digest, isStorable } from "./names.ts";

/** What is sent for a parameter: everything travels as text, and SQL says what it is. */
export type Value = string | null;

/** The index of labels is a B-tree, which holds no entry beyond a third of a page. */
const LONGEST_ENTRY = 512;

/** How a label stands in the index. Two that share an entry are told apart by the record. */
export function entryOf(label: string): string {
  return Buffer.byteLength(label) <= LONGEST_ENTRY ? label : `~${digest(label)}`;
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
  return [
    id,
    String(epoch),
    String(version),
    secretHash,
    arrayOf(labels),
    ...counts,
    JSON.stringify(fields),
    arrayOf(entriesOf(labels)),
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
  values.push(arrayOf(removed), JSON.stringify(set ?? {}));
  if (renew === undefined) return { kind: "change", values };

  values.push(renew.secretHash, String(renew.nextEpoch), count(renew.endsAt));
  if (renew.labels === undefined) return { kind: "renew", values };
  values.push(arrayOf(renew.labels), arrayOf(entriesOf(renew.labels)));
  return { kind: "relabel", values };
}

function entriesOf(labels: readonly string[]): string[] {
  return [...new Set(labels.map(entryOf))];
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
