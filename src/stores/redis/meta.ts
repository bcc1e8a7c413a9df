import { newerFormat, SessionError } from "../../core/errors.ts";
import { addField, judgeRecord, type SessionId, type SessionRecord } from "../../core/record.ts";
import { decodeText, encodeText } from "./keys.ts";

/** The hash field that holds all of a record but its fields. */
export const META = "=";
/** What the names of a record's own fields begin with in its hash. */
export const OWN = ":";

/** The layout of the meta text, which begins it. */
const LAYOUT = 1;

// layout, epoch, version, createdAt, accessedAt, expiresAt, endsAt, entry, secretHash, labels. The end is marked, so that
// a text cut short is seen. The scripts read the same with the same pattern.
const PATTERN =
  /^1 (-?\d+) (-?\d+) (-?\d+) (-?\d+) (-?\d+) (-?\d+) ([^ ;]+) ([\w:.@!~*'()%-]*)((?: [\w:.@!~*'()%-]*)*);$/;

/** Stands for the entry of a record without labels. */
export const NO_ENTRY = "-";

/** The meta text of a new record. */
export function metaOf(record: SessionRecord, entry: string): string {
  const { epoch, version, createdAt, accessedAt, expiresAt, endsAt } = record;
  const numbers = `${epoch} ${version} ${createdAt} ${accessedAt} ${expiresAt} ${endsAt}`;
  return `${LAYOUT} ${numbers} ${entry} ${encodeText(record.secretHash)}${labelsText(record.labels)};`;
}

/** Labels as the meta text has them: each after a space. */
export function labelsText(labels: readonly string[]): string {
  return labels.map((label) => ` ${encodeText(label)}`).join("");
}

/** The encoded labels of a text by {@link labelsText}, each once. */
export function encodedLabels(text: string): string[] {
  return text === "" ? [] : [...new Set(text.slice(1).split(" "))];
}

/** What the label index has to know of a record. */
export interface Labelling {
  readonly labels: string;
  readonly entry: string;
  readonly endsAt: number;
}

/** What the label index has to know, out of a meta text; `null` when that is none of this layout. */
export function labellingOf(meta: unknown): Labelling | null {
  const parts = typeof meta === "string" ? PATTERN.exec(meta) : null;
  return parts === null ? null : { labels: parts[9] ?? "", entry: parts[7] ?? "", endsAt: Number(parts[6]) };
}

/** A hash as a record, or why it is none. */
export type Judged =
  | { readonly verdict: "record"; readonly record: SessionRecord }
  | { readonly verdict: "corrupt" }
  | { readonly verdict: "newer" };

/** Makes a record of the names and texts of a hash, one after the other. Never throws, whatever they are. */
export function judgeHash(id: SessionId, flat: readonly unknown[]): Judged {
  let meta: unknown;
  const fields: Record<string, string> = {};
  for (let index = 0; index < flat.length; index += 2) {
    const name = String(flat[index]);
    if (name === META) meta = flat[index + 1];
    else if (name.startsWith(OWN)) addField(fields, name.slice(1), flat[index + 1]);
  }
  if (typeof meta !== "string") return { verdict: "corrupt" };
  const parts = PATTERN.exec(meta);
  if (parts === null) return { verdict: isNewer(meta) ? "newer" : "corrupt" };
  const value = recordFrom(id, parts, fields);
  const verdict = judgeRecord(value);
  return verdict === "record" ? { verdict, record: value as SessionRecord } : { verdict };
}

/** Makes a record of a hash. Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when it is none that is understood. */
export function recordOf(id: SessionId, flat: readonly unknown[]): SessionRecord {
  const judged = judgeHash(id, flat);
  if (judged.verdict === "record") return judged.record;
  throw judged.verdict === "newer" ? newerFormat() : corrupt();
}

export function corrupt(): SessionError {
  return new SessionError(
    "ERR_SESSION_CORRUPT",
    "A key of the session store holds something that is no record.",
  );
}

function recordFrom(id: SessionId, parts: RegExpExecArray, fields: Record<string, string>): unknown {
  const labels = parts[9] ?? "";
  try {
    return {
      id,
      epoch: Number(parts[1]),
      version: Number(parts[2]),
      secretHash: decodeText(parts[8] ?? ""),
      labels: labels === "" ? [] : labels.slice(1).split(" ").map(decodeText),
      createdAt: Number(parts[3]),
      accessedAt: Number(parts[4]),
      expiresAt: Number(parts[5]),
      endsAt: Number(parts[6]),
      fields,
    };
  } catch {
    // An escape that nobody wrote.
    return undefined;
  }
}

function isNewer(meta: string): boolean {
  return Number(/^(\d+) /.exec(meta)?.[1]) > LAYOUT;
}
