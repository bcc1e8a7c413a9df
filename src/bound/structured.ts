/**
 * Structured fields (RFC 9651), as far as the headers of device-bound sessions go: items and lists, with parameters. What is not in the
 * grammar is nothing at all, as section 4.2 wants it.
 */

export type Bare =
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "token"; readonly value: string }
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** Base64, a date, or a display string: passed over by whoever reads these headers. */
  | { readonly kind: "other" };

export interface Item {
  readonly bare: Bare;
  readonly parameters: ReadonlyMap<string, Bare>;
}

/** A header is at most this long: no browser of today sends a tenth of it. */
export const MAX_FIELD_LENGTH = 8192;

const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y;
const WORD = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})(?![\d.])/y;
const BOOLEAN = /\?[01]/y;
const OTHER = /:[A-Za-z0-9+/=]*:|@-?\d{1,15}(?![\d.])|%"(?:[\x20\x21\x23\x24\x26-\x7e]|%[0-9a-f]{2})*"/y;
const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const SPACES = / */y;
const BLANKS = /[ \t]*/y;
const SEMICOLON = /; */y;
const EQUALS = /=/y;
const COMMA = /,[ \t]*/y;

/** Reads a field that is one item. `null` for whatever is none. */
export function parseItem(text: string): Item | null {
  return whole(text, (reader) => itemOf(reader));
}

/** Reads a field that is a list of items. `null` for whatever is none, an inner list among it. */
export function parseList(text: string): Item[] | null {
  return whole(text, (reader) => {
    const items: Item[] = [];
    if (reader.isAtEnd()) return items;
    for (;;) {
      const item = itemOf(reader);
      if (item === null) return null;
      items.push(item);
      reader.match(BLANKS);
      if (reader.isAtEnd()) return items;
      // A comma at the very end is an error.
      if (reader.match(COMMA) === null || reader.isAtEnd()) return null;
    }
  });
}

/**
 * Reads what is meant to be a string, and comes bare from some browsers: the text, or `null`. A bare one is of the characters of
 * base64url and dots alone, so that it cannot be mistaken for anything else.
 */
export function parseText(text: string | undefined): string | null {
  if (text === undefined || text.length > MAX_FIELD_LENGTH) return null;
  const trimmed = withoutSpaces(text);
  if (/^[A-Za-z0-9_.-]+$/.test(trimmed)) return trimmed;
  const bare = parseItem(trimmed)?.bare;
  return bare?.kind === "string" || bare?.kind === "token" ? bare.value : null;
}

/** Without those around it. Not by a pattern: one that looks for an end begins anew at each space of many. */
function withoutSpaces(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && text[start] === " ") start += 1;
  while (start < end && text[end - 1] === " ") end -= 1;
  return text.slice(start, end);
}

/** Writes a string. The text is one that this library made, or an option that was checked. */
export function writeString(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at += found[0].length;
    return found;
  }

  isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }
}

function whole<T>(text: string, read: (reader: Reader) => T | null): T | null {
  if (text.length > MAX_FIELD_LENGTH) return null;
  const reader = new Reader(text);
  reader.match(SPACES);
  const found = read(reader);
  reader.match(SPACES);
  return reader.isAtEnd() ? found : null;
}

function itemOf(reader: Reader): Item | null {
  const bare = bareOf(reader);
  if (bare === null) return null;
  const parameters = new Map<string, Bare>();
  while (reader.match(SEMICOLON) !== null) {
    const key = reader.match(KEY)?.[0];
    if (key === undefined) return null;
    const value = reader.match(EQUALS) === null ? TRUE : bareOf(reader);
    if (value === null) return null;
    parameters.set(key, value);
  }
  return { bare, parameters };
}

const TRUE: Bare = { kind: "boolean", value: true };

function bareOf(reader: Reader): Bare | null {
  const text = reader.match(STRING)?.[1];
  if (text !== undefined) return { kind: "string", value: text.replace(/\\(["\\])/g, "$1") };
  const token = reader.match(WORD)?.[0];
  if (token !== undefined) return { kind: "token", value: token };
  const number = reader.match(NUMBER)?.[0];
  if (number !== undefined) return { kind: "number", value: Number(number) };
  const truth = reader.match(BOOLEAN)?.[0];
  if (truth !== undefined) return { kind: "boolean", value: truth === "?1" };
  return reader.match(OTHER) === null ? null : { kind: "other" };
}
