import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { SessionId } from "../../core/record.ts";

/**
 * Every name on the disk is made here, of hexadecimal digits and numbers, so that no name holds anything that came
 * from a client, and a file system that ignores case keeps any two apart.
 *
 * ```
 * <root>/format                                     the layout's number
 * <root>/sessions/<2 hex>/<36 hex>/                 one session
 *          p1.<move>.<data>.<birth>.<accessedAt>.<expiresAt>    the one pointer: an empty file, all is in its name
 *          d.<base>.<tag>                                      a record, never changed once written
 * <root>/labels/<sha256 of label>/<36 hex>.<birth>  bears the label, perhaps
 * <root>/expiry/<bucket>/<36 hex>.<birth>.<tag>     looked at by the sweep when the bucket is due
 * <root>/temp/c.<birth>/                            a session that is being created
 * ```
 */
export type IdHex = string & { readonly __brand: "IdHex" };

/** A name for the one current state of a session. No move tag is ever used twice, so neither is a pointer's name. */
export interface Pointer {
  readonly name: string;
  /** Random, new with every change. */
  readonly move: string;
  /** Tag of the data file that holds the record. */
  readonly data: string;
  /** Random, the same from create to delete. Entries in `labels` and `expiry` bear it. */
  readonly birth: string;
  readonly accessedAt: number;
  readonly expiresAt: number;
}

/** A record's file. `base` is the move tag of the pointer that its writer had read: it can become current only from there. */
export interface DataName {
  readonly name: string;
  readonly base: string;
  readonly tag: string;
}

/** An entry under `labels`. */
export interface LabelName {
  readonly hex: IdHex;
  readonly birth: string;
}

/** An entry under `expiry`. Its text is the hashes of the labels that were entered together with it, one a line. */
export interface ExpiryName {
  readonly name: string;
  readonly hex: IdHex;
  readonly birth: string;
}

/** Width of an expiry bucket, in milliseconds. A sweep looks again at entries of the bucket that is just due. */
const BUCKET_MS = 600_000;

const ID = /^[A-Za-z0-9_-]{24}$/;
const ID_HEX = /^[0-9a-f]{36}$/;
const POINTER = /^p1\.([0-9a-f]{24})\.([0-9a-f]{24})\.([0-9a-f]{24})\.(-?\d{1,16})\.(-?\d{1,16})$/;
const ANY_POINTER = /^p(\d{1,9})\./;
const DATA = /^d\.([0-9a-f]{24})\.([0-9a-f]{24})$/;
const LABEL_ENTRY = /^([0-9a-f]{36})\.([0-9a-f]{24})$/;
const EXPIRY_ENTRY = /^([0-9a-f]{36})\.([0-9a-f]{24})\.([0-9a-f]{24})$/;
const BUCKET = /^-?\d{1,12}$/;

/** 96 random bits in hexadecimal. */
export function newTag(): string {
  return randomBytes(12).toString("hex");
}

/** The hexadecimal form of an id, or `null` for anything that is not one. */
export function hexOfId(id: string): IdHex | null {
  if (typeof id !== "string" || !ID.test(id)) return null;
  return Buffer.from(id, "base64url").toString("hex") as IdHex;
}

/** The id that a folder's name stands for, or `null` for a foreign name. */
export function idOfHex(name: string): SessionId | null {
  if (!ID_HEX.test(name)) return null;
  return Buffer.from(name, "hex").toString("base64url") as SessionId;
}

export function pointerOf(parts: Omit<Pointer, "name">): Pointer {
  const { move, data, birth, accessedAt, expiresAt } = parts;
  return { ...parts, name: `p1.${move}.${data}.${birth}.${accessedAt}.${expiresAt}` };
}

export function parsePointer(name: string): Pointer | null {
  const [, move, data, birth, accessed, expires] = POINTER.exec(name) ?? [];
  if (move === undefined || data === undefined || birth === undefined) return null;
  const accessedAt = Number(accessed);
  const expiresAt = Number(expires);
  if (!Number.isSafeInteger(accessedAt) || !Number.isSafeInteger(expiresAt)) return null;
  return { name, move, data, birth, accessedAt, expiresAt };
}

/** Judges a name that is no pointer of ours: was it meant as one, by this version or by a newer one? */
export function judgeStrangePointer(name: string): "newer" | "broken" | "none" {
  const version = ANY_POINTER.exec(name)?.[1];
  if (version !== undefined && Number(version) > 1) return "newer";
  return version === undefined && !name.startsWith("p.") ? "none" : "broken";
}

export function dataNameOf(base: string, tag: string): string {
  return `d.${base}.${tag}`;
}

export function parseDataName(name: string): DataName | null {
  const [, base, tag] = DATA.exec(name) ?? [];
  return base === undefined || tag === undefined ? null : { name, base, tag };
}

export function parseLabelEntry(name: string): LabelName | null {
  const [, hex, birth] = LABEL_ENTRY.exec(name) ?? [];
  return hex === undefined || birth === undefined ? null : { hex: hex as IdHex, birth };
}

export function parseExpiryEntry(name: string): ExpiryName | null {
  const [, hex, birth] = EXPIRY_ENTRY.exec(name) ?? [];
  return hex === undefined || birth === undefined ? null : { name, hex: hex as IdHex, birth };
}

export function parseBucket(name: string): number | null {
  return BUCKET.test(name) ? Number(name) : null;
}

export function bucketOf(expiresAt: number): number {
  return Math.floor(expiresAt / BUCKET_MS);
}

export function hashOfLabel(label: string): string {
  // UTF-16, since two labels that differ in a lone surrogate would be one in UTF-8.
  return createHash("sha256").update(label, "utf16le").digest("hex");
}

/** Where everything is below one root. */
export class Layout {
  readonly root: string;
  readonly format: string;
  readonly sessions: string;
  readonly labels: string;
  readonly expiry: string;
  readonly temp: string;

  constructor(root: string) {
    this.root = root;
    this.format = join(root, "format");
    this.sessions = join(root, "sessions");
    this.labels = join(root, "labels");
    this.expiry = join(root, "expiry");
    this.temp = join(root, "temp");
  }

  /** The folder that holds all sessions whose id begins alike. */
  shard(hex: IdHex): string {
    return join(this.sessions, hex.slice(0, 2));
  }

  session(hex: IdHex): string {
    return join(this.sessions, hex.slice(0, 2), hex);
  }

  newborn(birth: string): string {
    return join(this.temp, `c.${birth}`);
  }

  label(hash: string): string {
    return join(this.labels, hash);
  }

  bucket(bucket: number): string {
    return join(this.expiry, String(bucket));
  }
}
