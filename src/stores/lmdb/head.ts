import { newerFormat, SessionError } from "../../core/errors.ts";
import { FORMAT_FIELD, judgeRecord, type SessionRecord } from "../../core/record.ts";

/** What is stored under the key of a session: the record, but for those of its fields that are kept apart. */
export interface Head {
  readonly record: Omit<SessionRecord, "fields">;
  /** The fields that are kept here, by name. */
  readonly fields: SessionRecord["fields"];
  /** Whether there may be fields that are kept apart. */
  readonly apart: boolean;
}

/** A text longer than this, in characters, is kept apart: a small change must not write it again. */
const LONGEST_INLINE = 256;

/** How much the fields of a head come to, in characters, names included. A head beyond half a page of the file has pages of its own. */
const LARGEST_HEAD = 1400;

/** Whether a field finds room among those of a head, which come to `size` characters without it. */
export function fitsInline(name: string, text: string, size: number): boolean {
  // Who judges a record must know its format without looking elsewhere.
  if (name === FORMAT_FIELD) return true;
  return text.length <= LONGEST_INLINE && size + sizeOf(name, text) <= LARGEST_HEAD;
}

export function sizeOf(name: string, text: string): number {
  return name.length + text.length;
}

/**
 * Two lines of JSON: what is not fields, and the fields. Whoever wants the expiry alone reads the first.
 */
export function headText({ record, fields, apart }: Head): string {
  const { epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt } = record;
  const columns = [epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt, apart];
  return `${JSON.stringify(columns)}\n${JSON.stringify(fields)}`;
}

// Where these are in the first line.
const LABELS = 3;
const EXPIRES_AT = 6;

/** A head, or why it is none. */
export type Judged =
  | { readonly verdict: "record"; readonly head: Head }
  | { readonly verdict: "corrupt" }
  | { readonly verdict: "newer" };

/** Makes a head of a text. Never throws, whatever it is given. */
export function judgeHead(id: string, text: unknown): Judged {
  if (typeof text !== "string") return { verdict: "corrupt" };
  const columns = parse(lineOf(text));
  const fields = parse(text.slice(lineOf(text).length + 1));
  if (!Array.isArray(columns)) return { verdict: "corrupt" };
  const [epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt, apart] =
    columns as unknown[];
  const value = { id, epoch, version, secretHash, labels, createdAt, accessedAt, expiresAt, endsAt, fields };
  const verdict = judgeRecord(value);
  if (verdict !== "record") return { verdict };
  if (typeof apart !== "boolean") return { verdict: "corrupt" };
  const { fields: inline, ...record } = value as SessionRecord;
  return { verdict, head: { record, fields: inline, apart } };
}

/** Makes a head of a text. Throws `ERR_SESSION_CORRUPT` or `ERR_SESSION_FORMAT` when it is none that is understood. */
export function headOf(id: string, text: unknown): Head {
  const judged = judgeHead(id, text);
  if (judged.verdict === "record") return judged.head;
  throw judged.verdict === "newer" ? newerFormat() : corrupt();
}

/** When the session of a head is over, without a look at its fields. `undefined` when that cannot be told. */
export function expiryOf(text: unknown): number | undefined {
  const expiresAt = columnsOf(text)[EXPIRES_AT];
  return Number.isSafeInteger(expiresAt) ? (expiresAt as number) : undefined;
}

/** The labels that a head says it bears, without a look at its fields. */
export function labelsOf(text: unknown): readonly string[] {
  const labels = columnsOf(text)[LABELS];
  return Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [];
}

/** What is stored of a field that is kept apart: its name as a line of JSON, and the text as it is. */
export function partText(name: string, text: string): string {
  return `${JSON.stringify(name)}\n${text}`;
}

/** Throws `ERR_SESSION_CORRUPT` for what is no such field. */
export function partOf(value: unknown): readonly [string, string] {
  if (typeof value !== "string") throw corrupt();
  const line = lineOf(value);
  const name = parse(line);
  if (typeof name !== "string" || line.length === value.length) throw corrupt();
  return [name, value.slice(line.length + 1)];
}

/** Where a session stands in the indexes. */
export interface Places {
  readonly labels: readonly string[];
  /** Never later than the expiry. */
  readonly due: number | undefined;
}

export function placesText({ labels, due }: Places): string {
  return JSON.stringify([labels, due ?? null]);
}

/** The places of a session. What a hand spoiled are none. */
export function placesOf(value: unknown): Places {
  const parsed = typeof value === "string" ? parse(value) : undefined;
  const [labels, due] = (Array.isArray(parsed) ? parsed : []) as unknown[];
  return {
    labels: Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [],
    due: Number.isSafeInteger(due) ? (due as number) : undefined,
  };
}

function columnsOf(text: unknown): readonly unknown[] {
  const columns = typeof text === "string" ? parse(lineOf(text)) : undefined;
  return Array.isArray(columns) ? columns : [];
}

function lineOf(text: string): string {
  const end = text.indexOf("\n");
  return end === -1 ? text : text.slice(0, end);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function corrupt(): SessionError {
  return new SessionError(
    "ERR_SESSION_CORRUPT",
    "What is stored under the key of a session is not a record.",
  );
}
