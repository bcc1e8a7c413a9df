import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SessionError } from "../core/errors.ts";

/** The path of a file or folder, of what follows the colon of its URL. */
export function pathOf(rest: string): string {
  return rest.startsWith("//") ? absolutePath(rest) : rest;
}

/** Tells whether a path is that of a folder: it is there as one, or ends like one. */
export function isFolder(path: string): boolean {
  return /[/\\]$/.test(path) || (existsSync(path) && statSync(path).isDirectory());
}

function absolutePath(rest: string): string {
  try {
    return fileURLToPath(`file:${rest}`);
  } catch (cause) {
    throw new SessionError(
      "ERR_SESSION_CONFIG",
      "A file's URL is a path after `file:` or `lmdb:`, or an absolute one after `file://` or `lmdb://`.",
      { cause },
    );
  }
}
