import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  statfsSync,
  statSync,
} from "node:fs";
import { endianness } from "node:os";
import { dirname } from "node:path";
import { SessionError } from "../../core/errors.ts";

// Where things are in the first page, as the driver lays it out: its header, then what it knows of the file.
const MAGIC_AT = 24;
const VERSION_AT = 28;
const PAGE_SIZE_AT = 48;
const META_END = 160;

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;

/** What a new file needs at least, in bytes. */
const ROOM_FOR_NEW = 64 * 1024;

/**
 * Looks at a file before the driver opens it: an opening that fails half-way ends the whole process in the driver's native part.
 * Throws `ERR_SESSION_STORE_UNAVAILABLE` for what is no file of LMDB, is cut short, or may not be read and written.
 */
export function checkOpenable(file: string): void {
  for (const path of [file, `${file}-lock`]) {
    if (!statSync(path).isFile()) throw refused(`${path} is not a file.`);
    accessSync(path, constants.R_OK | constants.W_OK);
  }
  const handle = openSync(file, "r");
  try {
    checkContent(handle, file);
  } finally {
    closeSync(handle);
  }
}

function checkContent(handle: number, file: string): void {
  const { size } = fstatSync(handle);
  if (size === 0) return checkRoom(file);
  const pageSize = pageSizeAt(handle, 0);
  if (pageSize === undefined) throw refused(`${file} is not a file of LMDB, or of another version of it.`);
  if (pageSizeAt(handle, pageSize) !== pageSize) throw refused(`${file} is cut short.`);
}

/** The size of pages as one of the two meta pages has it. `undefined` where there is no such page. */
function pageSizeAt(handle: number, position: number): number | undefined {
  const page = Buffer.alloc(META_END);
  if (readSync(handle, page, 0, META_END, position) < META_END) return undefined;
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const little = endianness() === "LE";
  if (view.getUint32(MAGIC_AT, little) !== MAGIC) return undefined;
  if ((view.getUint32(VERSION_AT, little) & 0xffff) !== DATA_VERSION) return undefined;
  return view.getUint32(PAGE_SIZE_AT, little);
}

function checkRoom(file: string): void {
  const { bavail, bsize } = statfsSync(dirname(file));
  if (bavail * bsize < ROOM_FOR_NEW) throw refused(`There is no room on the disk for ${file}.`);
}

function refused(message: string): SessionError {
  return new SessionError("ERR_SESSION_STORE_UNAVAILABLE", `${message} It was left as it is.`);
}
