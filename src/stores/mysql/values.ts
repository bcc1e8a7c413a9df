import { createHash } from "node:crypto";
import { SessionError } from "../../core/errors.ts";
import { FORMAT_FIELD } from "../../core/record.ts";

export type Field = readonly [name: string, text: string];

const ID = /^[A-Za-z0-9_-]{24}$/;
const HASH = /^[\x21-\x7e]{0,64}$/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const LONGEST_NAME = 512;
const LONGEST_LABELS = 16_000_000;

/** Anything else is no session's id, and is not sent: without a strict sql_mode a column cuts in silence. */
export function isId(id: string): boolean {
  return ID.test(id);
}

/**
 * Throws `ERR_SESSION_VALUE` for what a column could not hold as it is. It must not be sent: without a strict sql_mode the
 * engine would bend it in silence.
 */
export function requireFits(fields: readonly Field[], secretHash: string): void {
  if (!HASH.test(secretHash)) throw refused("A secret hash is not up to 64 characters of ASCII");
  for (const [name, text] of fields) {
    if (LONE_SURROGATE.test(name) || LONE_SURROGATE.test(text))
      throw refused("A field's name or text is not well-formed Unicode");
    if (Buffer.byteLength(name) > LONGEST_NAME)
      throw refused(`A field's name is longer than ${LONGEST_NAME} bytes`);
  }
}

export function refused(what: string): SessionError {
  return new SessionError(
    "ERR_SESSION_VALUE",
    `${what}, which the MySQL store cannot keep as it is. Nothing was written.`,
  );
}

/** How a label stands in the index: 32 bytes whatever its length, one key for one label, whatever it is made of. */
export function labelKey(label: string): Buffer {
  return createHash("sha256").update(JSON.stringify(label)).digest();
}

/** JSON in ASCII alone, which no charset of a connection changes. */
export function labelsText(labels: readonly string[]): string {
  const text = JSON.stringify(labels).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (text.length > LONGEST_LABELS) throw refused("The labels together are longer than 16 MB");
  return text;
}

/** The record format that fields ask for, or undefined where they say nothing of it. */
export function formatOf(fields: Readonly<Record<string, string>>): number | undefined {
  if (!Object.hasOwn(fields, FORMAT_FIELD)) return undefined;
  const format = Number(fields[FORMAT_FIELD]);
  return Number.isSafeInteger(format) ? format : undefined;
}
