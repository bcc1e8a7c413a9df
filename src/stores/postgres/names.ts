import { createHash } from "node:crypto";
import { refuseConfig } from "../../core/errors.ts";

/** Names of what the store owns, as they are and quoted for SQL. */
export interface Names {
  readonly schema: string;
  readonly table: string;
  readonly labelsTable: string;
  readonly textsTable: string;
  readonly dueIndex: string;
  readonly sessionIndex: string;
  /** Quoted, with the schema. */
  readonly sessions: string;
  readonly labels: string;
  readonly texts: string;
  /** The channel of `NOTIFY`: letters and digits alone. */
  readonly channel: string;
}

/** PostgreSQL cuts a longer name off without a word. */
const LONGEST_NAME = 63;
const LONGEST_SUFFIX = "_labels_session_fk";

/** Makes the names. Throws `ERR_SESSION_CONFIG` for ones that PostgreSQL would cut short or cannot hold. */
export function namesFor(schema: string, table: string): Names {
  checkName("schema", schema, LONGEST_NAME);
  checkName("table", table, LONGEST_NAME - LONGEST_SUFFIX.length);
  const labelsTable = `${table}_labels`;
  const textsTable = `${table}_texts`;
  return {
    schema,
    table,
    labelsTable,
    textsTable,
    dueIndex: `${table}_due`,
    sessionIndex: `${labelsTable}_session`,
    sessions: `${quoted(schema)}.${quoted(table)}`,
    labels: `${quoted(schema)}.${quoted(labelsTable)}`,
    texts: `${quoted(schema)}.${quoted(textsTable)}`,
    channel: `holdfast_${digest(JSON.stringify([schema, table]))}`,
  };
}

/** A name as SQL has it: upper case, spaces and quotes are kept. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text constant as SQL has it, whatever `standard_conforming_strings` is set to. */
export function literal(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** Twenty-four hexadecimal digits that stand for a text. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 24);
}

const UNSTORABLE = /\0|\p{Surrogate}/u;

/** Tells whether PostgreSQL can hold the text as it is: no NUL, no half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}

function checkName(option: string, name: unknown, longest: number): void {
  const sound = typeof name === "string" && name !== "" && isStorable(name) && !/\p{Cc}/u.test(name);
  if (!sound) refuseConfig(`${option} must be a name, such as "holdfast_sessions".`);
  if (Buffer.byteLength(name) <= longest) return;
  refuseConfig(
    `${option} "${name}" is longer than ${longest} bytes: PostgreSQL would cut the names off that are made of it. Use a shorter one.`,
  );
}
