import { SessionError } from "../../core/errors.ts";
import type { Call } from "../../core/store.ts";
import { decodeContent } from "./content.ts";
import type { Content } from "./content.ts";
import { hasCode, unlessGone } from "./files.ts";
import { judgeStrangePointer, parseDataName, parsePointer } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";
import { assertPresent, ATTEMPTS, contended } from "./place.ts";
import type { Place } from "./place.ts";

/** What the names in a session's folder tell. `names` is what was seen, to be tidied up when that is safe. */
export type Scan =
  | { readonly kind: "live"; readonly pointer: Pointer; readonly names: readonly string[] }
  | Without<"nothing">
  | Without<"broken">
  | Without<"newer">;

export type Loaded =
  | {
      readonly kind: "record";
      readonly pointer: Pointer;
      readonly names: readonly string[];
      readonly content: Content;
    }
  | Without<"nothing">
  | Without<"corrupt">
  | Without<"newer">;

interface Without<Kind extends string> {
  readonly kind: Kind;
  readonly names: readonly string[];
}

/**
 * How many scans in a row must see the same names before a folder without exactly one pointer is believed. A listing
 * that runs while the pointer is renamed may, outside of Linux's local file systems, show it never or twice.
 */
const CONFIRMATIONS = 3;

/** Finds the current pointer of a session by the names in its folder alone. */
export async function scan(place: Place, hex: IdHex, call: Call): Promise<Scan> {
  let previous = "";
  let agreed = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    call.signal.throwIfAborted();
    const names = await namesIn(place, hex);
    if (names === "not a folder") return { kind: "broken", names: [] };
    if (names === "missing") return { kind: "nothing", names: [] };
    const found = judgeNames(names);
    if (found.kind === "live") return found;

    const seen = names.toSorted().join("/");
    agreed = seen === previous ? agreed + 1 : 1;
    if (agreed === CONFIRMATIONS) return found;
    previous = seen;
  }
  throw contended();
}

async function namesIn(place: Place, hex: IdHex): Promise<readonly string[] | "missing" | "not a folder"> {
  try {
    return await place.files.list(place.layout.session(hex));
  } catch (error) {
    if (hasCode(error, "ENOTDIR")) return "not a folder";
    if (!hasCode(error, "ENOENT")) throw error;
  }
  await assertPresent(place);
  return "missing";
}

function judgeNames(names: readonly string[]): Scan {
  const pointers: Pointer[] = [];
  const strange = new Set<string>();
  for (const name of names) {
    const pointer = parsePointer(name);
    if (pointer) pointers.push(pointer);
    else strange.add(judgeStrangePointer(name));
  }
  const [pointer] = pointers;
  if (strange.has("newer")) return { kind: "newer", names };
  if (pointer !== undefined && pointers.length === 1) return { kind: "live", pointer, names };
  return { kind: pointer !== undefined || strange.has("broken") ? "broken" : "nothing", names };
}

/**
 * Tells whether no record of this birth is current, nor ever will be: then its entries lead nowhere. Whoever is not
 * in `temp` any more, which is looked at first, has arrived in its place or never will.
 */
export async function isOver(place: Place, hex: IdHex, birth: string, call: Call): Promise<boolean> {
  if (await unlessGone(place.files.look(place.layout.newborn(birth)))) return false;
  const seen = await scan(place, hex, call);
  return seen.kind === "nothing" || (seen.kind === "live" && seen.pointer.birth !== birth);
}

/** Reads the current record of a session, whichever writers are at work. */
export async function load(place: Place, hex: IdHex, call: Call): Promise<Loaded> {
  let without: string | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const seen = await scan(place, hex, call);
    if (seen.kind === "broken") return { ...seen, kind: "corrupt" };
    if (seen.kind !== "live") return { kind: seen.kind, names: seen.names };

    const { pointer, names } = seen;
    const bytes = await readData(place, hex, pointer, names);
    if (bytes !== undefined) {
      const decoded = decodeContent(bytes, hex, pointer);
      return decoded.kind === "record" ? { ...decoded, pointer, names } : { kind: decoded.kind, names };
    }
    // A writer removes data only after the pointer moved on, and no pointer comes back: this one lost its data.
    if (without === pointer.name) return { kind: "corrupt", names };
    without = pointer.name;
  }
  throw contended();
}

/** The bytes that a pointer stands for; `undefined` when they are not there any more. */
export async function readData(
  place: Place,
  hex: IdHex,
  pointer: Pointer,
  names: readonly string[],
): Promise<Buffer | undefined> {
  const name = names.find((candidate) => parseDataName(candidate)?.tag === pointer.data);
  if (name === undefined) return undefined;
  try {
    return await place.files.read(`${place.layout.session(hex)}/${name}`);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    if (hasCode(error, "EISDIR")) return Buffer.alloc(0);
    throw error;
  }
}

export function corrupt(hex: IdHex): SessionError {
  return new SessionError("ERR_SESSION_CORRUPT", `What is stored in folder ${hex} is not a record.`);
}

export function newerFormat(hex: IdHex): SessionError {
  return new SessionError(
    "ERR_SESSION_FORMAT",
    `What is stored in folder ${hex} was written by a newer version of Holdfast. Upgrade this process.`,
  );
}
