import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rmdir, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

/**
 * The few things that the store asks of a file system, each one step. A step that rejects leaves the file system as
 * any file system may. Tests hand in their own to stop, kill or fail a writer between two steps.
 */
export interface Files {
  /** The names in a folder, in no order. */
  list(folder: string): Promise<readonly string[]>;
  read(file: string): Promise<Buffer>;
  /** Writes a new file of mode 0600, and under `power` waits for the disk. Rejects with EEXIST when there is one. */
  write(file: string, text: string): Promise<void>;
  /** Makes a folder of mode 0700. Resolves `false` when there is one. */
  makeFolder(folder: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  unlink(file: string): Promise<void>;
  removeFolder(folder: string): Promise<void>;
  look(path: string): Promise<Look>;
  setMode(path: string, mode: number): Promise<void>;
  /** Under `power` waits until the names in a folder are on the disk. */
  settle(folder: string): Promise<void>;
}

/** What one look at a path tells. Links are not followed. */
export interface Look {
  readonly kind: "folder" | "link" | "other";
  /** The owner's number; -1 where the platform has none. */
  readonly owner: number;
  readonly mode: number;
  readonly changedAt: number;
}

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** Files that survive a killed process: what was written is in the kernel's hands. */
export const processFiles: Files = {
  list: (folder) => readdir(folder),
  read: (file) => readFile(file),
  write: (file, text) => writeNew(file, text, async () => {}),
  makeFolder,
  rename,
  unlink,
  removeFolder: rmdir,
  look,
  setMode: chmod,
  settle: async () => {},
};

/** Files that survive a power cut: every file and every folder waits for the disk. */
export const powerFiles: Files = {
  ...processFiles,
  write: (file, text) => writeNew(file, text, (handle) => handle.sync()),
  settle: syncFolder,
};

async function writeNew(
  file: string,
  text: string,
  settle: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
  try {
    // The umask may have taken bits from the owner; it never adds any, so nobody else could open the file meanwhile.
    await handle.chmod(FILE_MODE);
    if (text !== "") await handle.writeFile(text);
    await settle(handle);
  } finally {
    await handle.close();
  }
}

async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, FOLDER_MODE);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
  // Whoever tidies up may have found it empty and removed it: then it was made all the same.
  await unlessGone(chmod(folder, FOLDER_MODE));
  return true;
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and keeps its names in a journal.
  if (process.platform === "win32") return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function look(path: string): Promise<Look> {
  const stats = await lstat(path);
  const kind = stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "other";
  const owner = process.platform === "win32" ? -1 : stats.uid;
  return { kind, owner, mode: stats.mode & 0o777, changedAt: stats.mtimeMs };
}

/** Tells whether a caught value is a system error with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  return typeof error.code === "string" && codes.includes(error.code);
}

/** Awaits a step whose object may be gone already. Resolves `undefined` when it was. */
export async function unlessGone<Result>(step: Promise<Result>): Promise<Result | undefined> {
  try {
    return await step;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Removes a folder unless something is in it. Resolves whether it is gone now. */
export async function removeIfEmpty(files: Files, folder: string): Promise<boolean> {
  try {
    await files.removeFolder(folder);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    if (hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) return false;
    throw error;
  }
}

/** Awaits a step of cleaning up after the outcome is certain. What fails here is left for the sweep. */
export async function tidily(step: Promise<unknown>): Promise<void> {
  try {
    await step;
  } catch {
    // The outcome does not depend on it.
  }
}
