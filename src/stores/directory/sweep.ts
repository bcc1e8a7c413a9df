import type { Call, SweepOutcome } from "../../core/store.ts";
import { clearRemains } from "./bury.ts";
import { takePointer } from "./delete.ts";
import { removeLabelEntries } from "./entries.ts";
import { hasCode, removeIfEmpty, tidily, unlessGone } from "./files.ts";
import { bucketOf, parseBucket, parseExpiryEntry } from "./names.ts";
import type { ExpiryName } from "./names.ts";
import { ATTEMPTS, contended } from "./place.ts";
import type { Place } from "./place.ts";
import { scan } from "./scan.ts";
import type { Scan } from "./scan.ts";

/**
 * How long what lies in `temp` must have rested before it counts as left behind by a killed writer, in milliseconds.
 * Only courtesy: a writer whose work is taken away notices, and starts again.
 */
const REST_MS = 3_600_000;

const NEWBORN = /^c\.([0-9a-f]{24})$/;
const TRASH = /^x\.[0-9a-f]{24}$/;
const SCRATCH = /^f\.[0-9a-f]{24}$/;
const HASH = /^[0-9a-f]{64}$/;

/**
 * Deletes expired records. Looks only at the entries that are due, and at names, never into a record: so it costs
 * by what is due and not by what is stored. A touch writes no entry, so a record whose entry is due may live on: its
 * entry is moved to where it will be due next.
 */
export async function sweepRecords(
  place: Place,
  now: number,
  limit: number,
  call: Call,
): Promise<SweepOutcome> {
  // First, since the entries of one that never arrives are dead only after it is gone.
  await clearTemp(place, now, call);
  let deleted = 0;
  for (const bucket of await dueBuckets(place, now)) {
    const folder = place.layout.bucket(bucket);
    for (const name of await namesOrNone(place, folder)) {
      if (deleted >= limit) return { deleted, more: true };
      call.signal.throwIfAborted();
      const entry = parseExpiryEntry(name);
      if (entry !== null && (await settleEntry(place, bucket, entry, now, call))) deleted++;
    }
    await removeIfEmpty(place.files, folder);
  }
  return { deleted, more: deleted >= limit };
}

async function dueBuckets({ files, layout }: Place, now: number): Promise<readonly number[]> {
  const names = await files.list(layout.expiry);
  const buckets = names.map(parseBucket).filter((bucket) => bucket !== null);
  return buckets.filter((bucket) => bucket <= bucketOf(now)).toSorted((one, other) => one - other);
}

async function namesOrNone({ files }: Place, folder: string): Promise<readonly string[]> {
  try {
    return (await files.list(folder)).toSorted();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

/** Deletes, moves on or removes what one entry leads to. Resolves whether a record was deleted. */
async function settleEntry(
  place: Place,
  bucket: number,
  entry: ExpiryName,
  now: number,
  call: Call,
): Promise<boolean> {
  const { files, layout } = place;
  // Looked at before the session: who is not here any more has arrived there, or never will.
  const unborn = (await unlessGone(files.look(layout.newborn(entry.birth)))) !== undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const seen = await scan(place, entry.hex, call);
    if (seen.kind === "broken" || seen.kind === "newer") return false;
    if (seen.kind === "nothing" || seen.pointer.birth !== entry.birth) {
      if (!unborn) await bury(place, bucket, entry, seen);
      return false;
    }
    if (seen.pointer.expiresAt > now) {
      await postpone(place, bucket, entry, bucketOf(seen.pointer.expiresAt));
      return false;
    }
    call.signal.throwIfAborted();
    if (!(await takePointer(place, entry.hex, seen.pointer))) continue;
    await bury(place, bucket, entry, { kind: "nothing", names: seen.names });
    return true;
  }
  throw contended();
}

/** Moves an entry to a later bucket, which a sweep elsewhere may remove while it is empty. */
async function postpone(
  { files, layout }: Place,
  from: number,
  entry: ExpiryName,
  to: number,
): Promise<void> {
  if (to <= from) return;
  const source = `${layout.bucket(from)}/${entry.name}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      await files.rename(source, `${layout.bucket(to)}/${entry.name}`);
      await unlessGone(files.settle(layout.bucket(to)));
      await files.settle(layout.expiry);
      return;
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
    // Another sweep was faster.
    if ((await unlessGone(files.look(source))) === undefined) return;
    await files.makeFolder(layout.bucket(to));
  }
  throw contended();
}

/**
 * Removes what is left of a record that is over: the entries of the labels that its own entry names, what lies in its
 * folder unless another session took that, and the entry, which goes last so that the next sweep finds what failed.
 */
async function bury(place: Place, bucket: number, entry: ExpiryName, seen: Scan): Promise<void> {
  const { files, layout } = place;
  const file = `${layout.bucket(bucket)}/${entry.name}`;
  const text = await unlessGone(files.read(file));
  if (text === undefined) return;
  const hashes = text
    .toString("latin1")
    .split("\n")
    .filter((line) => HASH.test(line));
  await removeLabelEntries(place, entry, hashes);
  if (seen.kind === "nothing" && !(await clearRemains(place, entry.hex, seen.names))) return;
  await unlessGone(files.unlink(file));
}

/** Removes what killed writers left in `temp`. Foreign files and folders stay. */
async function clearTemp(place: Place, now: number, call: Call): Promise<void> {
  const { files, layout } = place;
  for (const name of await files.list(layout.temp)) {
    call.signal.throwIfAborted();
    const path = `${layout.temp}/${name}`;
    if (TRASH.test(name)) await removeTrash(place, path);
    const birth = NEWBORN.exec(name)?.[1];
    if (birth === undefined && !SCRATCH.test(name)) continue;

    const changedAt = (await unlessGone(files.look(path)))?.changedAt ?? now;
    if (changedAt > now - REST_MS) continue;
    if (birth === undefined) {
      await unlessGone(files.unlink(path));
      continue;
    }
    // One step decides whether its creator or this sweep has it; half a session is never renamed into place.
    const trash = `${layout.temp}/x.${birth}`;
    const taken = await unlessGone(files.rename(path, trash).then(() => true));
    if (taken) await removeTrash(place, trash);
  }
}

async function removeTrash({ files }: Place, folder: string): Promise<void> {
  for (const name of (await unlessGone(files.list(folder))) ?? [])
    await tidily(files.unlink(`${folder}/${name}`));
  await tidily(files.removeFolder(folder));
}
