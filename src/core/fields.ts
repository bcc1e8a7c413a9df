import type { Codec } from "./codec.ts";
import { SessionError } from "./errors.ts";
import { byteLength, isWellFormed } from "./platform.ts";
import { isReserved, isSealed, RESERVED } from "./record.ts";

const MAX_NAME_LENGTH = 128;
// Control characters and NUL: engines and logs disagree about them.
const UNSAFE = /[\u0000-\u001f\u007f]/;

/**
 * Checks a field name that a handler gave.
 *
 * @throws `ERR_SESSION_USE` unless it is 1 to 128 characters of well-formed text without control characters, is not
 * `__proto__` and does not begin with the reserved character.
 */
export function checkFieldName(name: string): void {
  const problem = nameProblem(name);
  if (problem === null) return;
  throw new SessionError(
    "ERR_SESSION_USE",
    `The field name ${typeof name === "string" ? JSON.stringify(name.slice(0, 40)) : `of type ${typeof name}`} ${problem}.`,
  );
}

/** Says what is wrong with a field name, or `null`. */
export function nameProblem(name: unknown): string | null {
  if (typeof name !== "string") return "is not a string";
  if (name.length === 0 || name.length > MAX_NAME_LENGTH)
    return `must have 1 to ${MAX_NAME_LENGTH} characters`;
  if (isReserved(name)) return `begins with "${RESERVED}", which is kept for the library; choose another`;
  if (name === "__proto__") return "is not allowed: it would change the prototype of a copy";
  if (UNSAFE.test(name) || !isWellFormed(name)) return "holds control characters or half a surrogate pair";
  return null;
}

/**
 * Encodes the value of a field.
 *
 * @throws `ERR_SESSION_VALUE`, naming the field and the place in the value, when it would not come back as it is.
 */
export function encodeField(codec: Codec, name: string, value: unknown): string {
  let text: unknown;
  try {
    text = codec.encode(value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "the codec refused it";
    throw new SessionError("ERR_SESSION_VALUE", `The session field "${name}" cannot be stored: ${reason}.`, {
      cause,
    });
  }
  if (typeof text === "string" && isWellFormed(text) && !text.includes("\0") && !isSealed(text)) return text;
  throw new SessionError(
    "ERR_SESSION_VALUE",
    `The codec's text for the session field "${name}" is not well-formed text without NUL, or begins as that of a sealed field does.`,
  );
}

/** What one code unit of a text takes at most in UTF-8. */
const MOST_BYTES = 3;

/** Tells whether fields are too short to be over `maxBytes`, whatever they hold. Most are, and need not be counted byte by byte. */
export function isFarBelow(
  maxBytes: number,
  ...groups: readonly Readonly<Record<string, string>>[]
): boolean {
  let units = 0;
  for (const fields of groups) for (const name in fields) units += name.length + (fields[name] ?? "").length;
  return units * MOST_BYTES <= maxBytes;
}

/**
 * Checks the size of a whole record before the store is called.
 *
 * @throws `ERR_SESSION_LIMIT` with the largest field when the sum of names and texts is over `maxBytes`.
 */
export function checkSize(fields: Readonly<Record<string, string>>, maxBytes: number): void {
  let total = 0;
  let largest = "";
  let largestBytes = 0;
  for (const name in fields) {
    const bytes = byteLength(name) + byteLength(fields[name] ?? "");
    total += bytes;
    if (bytes <= largestBytes) continue;
    largest = name;
    largestBytes = bytes;
  }
  if (total <= maxBytes) return;
  throw new SessionError(
    "ERR_SESSION_LIMIT",
    `The session would take ${total} bytes; the limit is ${maxBytes}. Its largest field is "${largest}" with ${largestBytes}. ` +
      "Keep large values elsewhere and their key in the session, or raise maxRecordBytes.",
  );
}
