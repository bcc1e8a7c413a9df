import { createHash } from "node:crypto";
import { RESERVED } from "../../core/record.ts";

/**
 * The keys of the one ordered map in which everything is. The first letter says what a key is of; what belongs to one
 * session stands together, its head first, and so is found by one look into the map. Session ids hold none of the
 * characters that follow them here: `<`, `=`, `>`, `?`.
 */

/** Where the version of this layout is. */
export const LAYOUT_KEY = "v";

/** All keys that a map of this layout can hold lie between these. */
export const EVERYTHING = { start: "!", end: "~" } as const;

const HEAD = "s";
const LABEL = "l";
const DUE = "d";
const RECEIPT = "r";

/** A key may have 1978 bytes; what is longer than this stands there by its digest. */
const LONGEST_NAME = 512;

/** Enough digits for every time that a number holds exactly, so that texts sort as times do. */
const DIGITS = 16;

/** What a session is apart from those of its fields that are kept apart. */
export function headKey(id: string): string {
  return HEAD + id;
}

/** Under which labels and at which time a session stands in the indexes: what deleting it needs, whatever its head looks like. */
export function placesKey(id: string): string {
  return `${HEAD}${id}<`;
}

/** A field that is kept apart. */
export function partKey(id: string, name: string): string {
  const escaped = JSON.stringify(name).slice(1, -1);
  const fits = Buffer.byteLength(escaped) <= LONGEST_NAME;
  return `${HEAD}${id}${fits ? `=${escaped}` : `>${digest(escaped)}`}`;
}

/** All that belongs to a session beside its head. */
export function belongings(id: string): KeyRange {
  return { start: `${HEAD}${id}<`, end: `${HEAD}${id}?` };
}

/** The fields that are kept apart. */
export function parts(id: string): KeyRange {
  return { start: `${HEAD}${id}=`, end: `${HEAD}${id}?` };
}

/** Those among them that may be reserved: the ones with a short reserved name, and the ones with a long name. */
export function reservedParts(id: string): readonly KeyRange[] {
  const after = String.fromCharCode(RESERVED.charCodeAt(0) + 1);
  return [
    { start: `${HEAD}${id}=${RESERVED}`, end: `${HEAD}${id}=${after}` },
    { start: `${HEAD}${id}>`, end: `${HEAD}${id}?` },
  ];
}

/** Every session that comes after this id, with what belongs to it. An empty id is before all. */
export function sessionsAfter(id: string): KeyRange {
  return { start: id === "" ? HEAD : `${HEAD}${id}?`, end: String.fromCharCode(HEAD.charCodeAt(0) + 1) };
}

/** The id of the session that a key belongs to, and whether it is its head. */
export function sessionOf(key: string): { readonly id: string; readonly isHead: boolean } {
  const end = key.search(/[<=>]/);
  return end === -1 ? { id: key.slice(1), isHead: true } : { id: key.slice(1, end), isHead: false };
}

/** The index entry of a session under a label. JSON tells apart what UTF-8 does not, and its closing quote ends the label. */
export function labelKey(label: string, id: string): string {
  return labelPrefix(label) + id;
}

/** The sessions under a label after this id. */
export function labelledAfter(label: string, id: string): KeyRange {
  const prefix = labelPrefix(label);
  return { start: id === "" ? prefix : `${prefix}${id}!`, end: `${prefix}~` };
}

export function labelledId(key: string): string {
  return key.slice(key.lastIndexOf('"') + 1);
}

/** Where a session stands among those to be looked at when they are due. */
export function dueKey(time: number, id: string): string {
  return DUE + digits(time) + id;
}

/** Everything that is due at a time. */
export function dueUntil(time: number): KeyRange {
  // An id begins below "~", so this comes after every entry of that very millisecond.
  return { start: DUE, end: `${DUE}${digits(time)}~` };
}

export function dueOf(key: string): { readonly time: number; readonly id: string } {
  return { time: Number(key.slice(1, 1 + DIGITS)), id: key.slice(1 + DIGITS) };
}

/** By what a process knows that one of its writes took place. */
export function receiptKey(owner: string, place: number): string {
  return `${RECEIPT}${owner} ${place}`;
}

export const RECEIPTS: KeyRange = { start: RECEIPT, end: "s" };

export interface KeyRange {
  readonly start: string;
  readonly end: string;
}

function labelPrefix(label: string): string {
  const escaped = JSON.stringify(label);
  return Buffer.byteLength(escaped) <= LONGEST_NAME ? LABEL + escaped : `${LABEL}#${digest(escaped)}"`;
}

/** What lies before 1970 is due at once. */
function digits(time: number): string {
  return String(Math.max(0, time)).padStart(DIGITS, "0");
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
