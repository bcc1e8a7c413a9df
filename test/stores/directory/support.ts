import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { Call, SessionChange } from "../../../src/core/store.ts";

export const NOW = 1_700_000_000_000;
export const HOUR = 3_600_000;
export const ID: SessionId = "AbCdEfGhIjKlMnOpQrStUv-_" as SessionId;
export const HEX: string = Buffer.from(ID, "base64url").toString("hex");

export function call(): Call {
  return { signal: new AbortController().signal };
}

export function record(over: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: ID,
    epoch: 1,
    version: 1,
    secretHash: "hash",
    labels: ["user:1"],
    createdAt: NOW,
    accessedAt: NOW,
    expiresAt: NOW + HOUR,
    endsAt: NOW + 24 * HOUR,
    fields: { cart: "[]", "~auth": "{}" },
    ...over,
  };
}

export function change(over: Partial<SessionChange> = {}): SessionChange {
  return { now: NOW, epoch: 1, ...over };
}

/** The n-th of a row of different ids. */
export function idOf(number: number): SessionId {
  const bytes = Buffer.alloc(18);
  bytes.writeUInt32BE((number * 2_654_435_761) >>> 0, 0);
  bytes.writeUInt32BE(number, 14);
  return bytes.toString("base64url") as SessionId;
}

export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const outer = await mkdtemp(join(tmpdir(), "holdfast-directory-"));
  return { path: join(outer, "store"), remove: () => rm(outer, { recursive: true, force: true }) };
}

export function sessionFolder(root: string, id: SessionId = ID): string {
  const hex = Buffer.from(id, "base64url").toString("hex");
  return join(root, "sessions", hex.slice(0, 2), hex);
}

/** The one file in a session's folder whose name begins so. */
export async function fileIn(folder: string, prefix: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  if (names.length !== 1) throw new Error(`${folder} has ${names.length} files ${prefix}*`);
  return join(folder, names[0]!);
}

/** Every path below a folder, relative to it, sorted. */
export async function tree(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).toSorted();
}

/** Replaces what a session's data file holds. */
export async function overwrite(root: string, id: SessionId, bytes: Buffer | string): Promise<void> {
  const file = await fileIn(sessionFolder(root, id), "d.");
  await chmod(file, 0o600);
  await writeFile(file, bytes);
}
