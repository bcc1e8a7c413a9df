import { jsonCodec } from "../../core/codec.ts";
import { nameProblem } from "../../core/fields.ts";
import { sha256 } from "../../core/platform.ts";
import { isReserved, isSealed, RESERVED } from "../../core/record.ts";
import { isRecord } from "../../core/reserved.ts";

/** A session as a foreign library keeps it: an object for JSON, whose member `cookie`, where it has one, is its cookie. */
export type ForeignSession = Readonly<Record<string, unknown>>;

/** The field that holds the cookie part, and the beginning of those whose member's name cannot be a field's. */
export const COOKIE_FIELD: string = `${RESERVED}cookie`;
const ODD = `${RESERVED}member:`;
const COOKIE = "cookie";
const EXPIRES = "expires";

/** The texts of a session's members by field name. */
export type Texts = Readonly<Record<string, string>>;

/**
 * Writes each member as a field of its own, as JSON does: a member that JSON leaves out is none. A name that a field may not have
 * (one that begins with `~`, `__proto__`, the empty one …) is kept inside the text, under a name made from its hash.
 *
 * @throws whatever `JSON.stringify` throws, as for a cycle or a bigint.
 */
export function textsOf(session: ForeignSession): Texts {
  const texts: Record<string, string> = {};
  for (const name of Object.keys(session)) {
    if (name === COOKIE) continue;
    // Within an object, for a `toJSON` is told the name of its member.
    const whole = JSON.stringify({ [name]: session[name] });
    if (whole === "{}") continue;
    texts[fieldOf(name)] = isOdd(name) ? whole : whole.slice(JSON.stringify(name).length + 2, -1);
  }
  const cookie = cookieText(session[COOKIE]);
  if (cookie !== undefined) texts[COOKIE_FIELD] = cookie;
  return texts;
}

/** Without a time: the record has it, and a touch moves that alone. That there is none is kept. */
function cookieText(given: unknown): string | undefined {
  const text = JSON.stringify(given);
  if (text === undefined) return undefined;
  const cookie: unknown = JSON.parse(text);
  if (isRecord(cookie) && typeof cookie[EXPIRES] === "string") delete cookie[EXPIRES];
  return JSON.stringify(cookie);
}

/**
 * Reads what {@link textsOf} wrote. Texts that cannot be read are passed over, as are the library's own fields. The times of the
 * cookie are the record's.
 */
export function sessionOf(texts: Texts, expiresAt: number): Record<string, unknown> {
  const members: [string, unknown][] = [];
  for (const [field, text] of Object.entries(texts)) {
    const member = memberOf(field, text, expiresAt);
    if (member !== undefined) members.push(member);
  }
  // Own members, whatever their names: an assignment to `__proto__` would be none.
  return Object.fromEntries(members);
}

function memberOf(field: string, text: string, expiresAt: number): [string, unknown] | undefined {
  try {
    if (field === COOKIE_FIELD) return [COOKIE, cookieOf(JSON.parse(text), expiresAt)];
    if (field.startsWith(ODD)) return Object.entries(JSON.parse(text) as object)[0];
    if (field === COOKIE || isReserved(field) || isSealed(text)) return undefined;
    return [field, jsonCodec.decode(text)];
  } catch {
    return undefined;
  }
}

function cookieOf(cookie: unknown, expiresAt: number): unknown {
  if (!isRecord(cookie) || Object.hasOwn(cookie, EXPIRES)) return cookie;
  return { ...cookie, [EXPIRES]: new Date(expiresAt).toISOString() };
}

/** The texts of the fields that hold members, as {@link textsOf} would write them: those that cannot be read are not among them. */
export function textsWithin(fields: Texts): Texts {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([field, text]) => memberOf(field, text, 0) !== undefined)
      .map(canonical),
  );
}

/** A session manager's codec tags what JSON lacks; here such a value is what JSON makes of it. */
function canonical([field, text]: [string, string]): [string, string] {
  return [field, text.startsWith("~") ? JSON.stringify(jsonCodec.decode(text)) : text];
}

/** What has to be written so that the first texts become the others. */
export function difference(
  from: Texts,
  to: Texts,
): { readonly set: Record<string, string>; readonly remove: string[] } {
  const set: Record<string, string> = {};
  for (const [field, text] of Object.entries(to)) {
    if (!Object.hasOwn(from, field) || from[field] !== text) set[field] = text;
  }
  return { set, remove: Object.keys(from).filter((field) => !Object.hasOwn(to, field)) };
}

function fieldOf(name: string): string {
  return isOdd(name) ? ODD + sha256(JSON.stringify(name)) : name;
}

function isOdd(name: string): boolean {
  return nameProblem(name) !== null;
}
