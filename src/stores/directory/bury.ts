import { decodeContent } from "./content.ts";
import type { Content } from "./content.ts";
import { removeExpiryEntries, removeLabelEntries } from "./entries.ts";
import { hasCode, removeIfEmpty, tidily } from "./files.ts";
import { hashOfLabel, parsePointer } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";
import type { Files } from "./files.ts";
import type { Place } from "./place.ts";
import { readData } from "./scan.ts";

/**
 * Removes what a deleted record leaves behind. Its pointer is gone, so nothing here can matter any more, and what
 * fails is left for the sweep: it comes by the entries under `expiry`, which therefore go last.
 */
export async function bury(
  place: Place,
  hex: IdHex,
  pointer: Pointer,
  names: readonly string[],
): Promise<void> {
  const content = await contentOf(place, hex, pointer, names);
  await tidily(removeAll(place, hex, pointer.birth, names, content));
}

async function contentOf(
  place: Place,
  hex: IdHex,
  pointer: Pointer,
  names: readonly string[],
): Promise<Content | undefined> {
  try {
    const bytes = await readData(place, hex, pointer, names);
    const decoded = bytes && decodeContent(bytes, hex, pointer);
    return decoded?.kind === "record" ? decoded.content : undefined;
  } catch {
    // Unreadable: the sweep finds the entries when their time comes.
    return undefined;
  }
}

async function removeAll(
  place: Place,
  hex: IdHex,
  birth: string,
  names: readonly string[],
  content: Content | undefined,
): Promise<void> {
  const labels = [...(content?.record.labels ?? []), ...(content?.formerLabels ?? [])];
  await removeLabelEntries(place, { hex, birth }, labels.map(hashOfLabel));
  // A writer that has not noticed yet may have put its data there.
  if (!(await clearRemains(place, hex, names))) return;
  await removeExpiryEntries(place, content?.expiryEntries ?? []);
}

/**
 * Removes what was seen in a folder that had no pointer, and the folder when that empties it. A new session may have
 * taken the folder's place meanwhile: its names are others, and a folder with anything in it is not removed.
 * Resolves whether the folder is gone.
 */
export async function clearRemains(
  { layout, files }: Place,
  hex: IdHex,
  names: readonly string[],
): Promise<boolean> {
  const folder = layout.session(hex);
  for (const name of names) {
    if (parsePointer(name) === null) await unlinkFile(files, `${folder}/${name}`);
  }
  return removeIfEmpty(files, folder);
}

/** A folder that somebody put there stays. */
async function unlinkFile(files: Files, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EISDIR", "EPERM")) throw error;
  }
}
