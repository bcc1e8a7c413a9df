import { SessionError } from "../../core/errors.ts";
import { hasCode, unlessGone } from "./files.ts";
import type { Files } from "./files.ts";
import type { Layout } from "./names.ts";

/** One store's folder, and how it is reached. */
export interface Place {
  readonly layout: Layout;
  readonly files: Files;
}

/**
 * How often a step is tried again because another writer was faster. Each failure means that somebody else got
 * further, so this is reached only when something is wrong with the file system.
 */
export const ATTEMPTS = 1000;

export function contended(): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    `The session's folder changed under ${ATTEMPTS} attempts in a row. Is it on a network file system? Use a local one.`,
  );
}

/**
 * Rejects when the store's own folder is missing: an unmounted disk must not look like a store without sessions.
 * Called where something was not found, so a hit costs nothing.
 */
export async function assertPresent({ layout, files }: Place): Promise<void> {
  if (await unlessGone(files.look(layout.format))) return;
  throw new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    `The folder "${layout.root}" lost its file "format": not mounted, or emptied. Mount it, or call setup() to start afresh.`,
  );
}

/** Writes a file into a folder that others may remove while it is empty. A file that is already there will do. */
export async function writeInto(files: Files, folder: string, name: string, text: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      return await files.write(`${folder}/${name}`, text);
    } catch (error) {
      if (hasCode(error, "EEXIST")) return;
      if (!hasCode(error, "ENOENT")) throw error;
    }
    await files.makeFolder(folder);
  }
  throw contended();
}
