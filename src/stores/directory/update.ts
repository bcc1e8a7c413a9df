import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, SessionChange, UpdateOutcome } from "../../core/store.ts";
import { judgeChange } from "./change.ts";
import { encodeContent } from "./content.ts";
import type { Content } from "./content.ts";
import { enter, removeExpiryEntries, removeLabelEntries } from "./entries.ts";
import { tidily, unlessGone } from "./files.ts";
import { bucketOf, dataNameOf, hashOfLabel, hexOfId, newTag, parseDataName, pointerOf } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";
import { ATTEMPTS, contended } from "./place.ts";
import type { Place } from "./place.ts";
import { load, newerFormat } from "./scan.ts";
import type { Loaded } from "./scan.ts";

/** A record as one attempt found it. */
type Found = Extract<Loaded, { kind: "record" }>;

/** What one update entered before it knew whether it would win. */
interface Entered {
  readonly birth: string;
  readonly hashes: readonly string[];
  readonly entry: string;
}

/** Reads, decides, and moves the pointer from what was read; as often as another writer was faster. */
export async function updateRecord(
  place: Place,
  id: SessionId,
  change: SessionChange,
  call: Call,
): Promise<UpdateOutcome> {
  const hex = hexOfId(id);
  if (hex === null) return { kind: "gone" };
  const entered: Entered[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const outcome = await tryUpdate(place, hex, change, call, entered);
    if (outcome !== "moved") return outcome;
  }
  throw contended();
}

async function tryUpdate(
  place: Place,
  hex: IdHex,
  change: SessionChange,
  call: Call,
  entered: Entered[],
): Promise<UpdateOutcome | "moved"> {
  const found = await load(place, hex, call);
  await withdraw(place, hex, found, entered);
  if (found.kind === "newer") throw newerFormat(hex);
  if (found.kind !== "record") return { kind: "gone" };

  const judged = judgeChange(found.content.record, change);
  if (judged.kind === "conflict") return { kind: "conflict", current: found.content.record };
  if (judged.kind === "gone" || judged.kind === "stale") return { kind: judged.kind };

  const done = { kind: "done", version: found.content.record.version } as const;
  if (judged.kind === "same") return done;
  if (judged.kind === "touch") return (await touch(place, hex, found, judged.record, call)) ? done : "moved";
  const version = judged.record.version;
  return (await write(place, hex, found, judged.record, call, entered)) ? { kind: "done", version } : "moved";
}

/** Moves the times, which are in the pointer's name. The record's file stays. */
async function touch(
  place: Place,
  hex: IdHex,
  found: Found,
  record: SessionRecord,
  call: Call,
): Promise<boolean> {
  const { accessedAt, expiresAt } = record;
  const next = pointerOf({ ...found.pointer, move: newTag(), accessedAt, expiresAt });
  call.signal.throwIfAborted();
  return movePointer(place, hex, found, next);
}

async function write(
  place: Place,
  hex: IdHex,
  found: Found,
  record: SessionRecord,
  call: Call,
  entered: Entered[],
): Promise<boolean> {
  const { files, layout } = place;
  const { pointer } = found;
  const { accessedAt, expiresAt } = record;
  const move = newTag();
  const next = pointerOf({ ...pointer, move, data: move, accessedAt, expiresAt });
  const file = `${layout.session(hex)}/${dataNameOf(pointer.move, move)}`;

  call.signal.throwIfAborted();
  const content = await enterNews(place, hex, found, record, entered);
  call.signal.throwIfAborted();
  try {
    // No folder: deleted. A folder with another session of this id: the file is of no use there, and is removed below.
    if ((await unlessGone(files.write(file, encodeContent(content)).then(() => true))) === undefined)
      return false;
    await unlessGone(files.settle(layout.session(hex)));
    call.signal.throwIfAborted();
  } catch (error) {
    await tidily(files.unlink(file));
    throw error;
  }
  if (await movePointer(place, hex, found, next)) return true;
  await tidily(files.unlink(file));
  return false;
}

/** Enters the labels that are new, and an expiry that comes earlier than where the sweep would look. */
async function enterNews(
  place: Place,
  hex: IdHex,
  { content, pointer }: Found,
  record: SessionRecord,
  entered: Entered[],
): Promise<Content> {
  const { record: before, formerLabels, expiryEntries } = content;
  const labels = record.labels.filter((label) => !before.labels.includes(label));
  const former = [...formerLabels, ...before.labels.filter((label) => !record.labels.includes(label))];
  const next = { record, formerLabels: [...new Set(former)], expiryEntries };
  if (labels.length === 0 && bucketOf(record.expiresAt) >= bucketOf(before.expiresAt)) return next;

  const { birth } = pointer;
  const hashes = labels.map(hashOfLabel);
  const earlier = entered.find((one) => one.birth === birth && one.hashes.join() === hashes.join());
  const entry = earlier?.entry ?? (await enter(place, { hex, birth }, labels, record.expiresAt));
  if (earlier === undefined) entered.push({ birth, hashes, entry });
  return { ...next, expiryEntries: [...expiryEntries, entry] };
}

/**
 * The one step that counts. It fails when anybody else moved or removed the pointer since it was read, and then
 * for ever, since no pointer's name comes back. What it leaves behind is removed afterwards.
 */
async function movePointer(place: Place, hex: IdHex, found: Found, next: Pointer): Promise<boolean> {
  const { files, layout } = place;
  const folder = layout.session(hex);
  const moved = await unlessGone(
    files.rename(`${folder}/${found.pointer.name}`, `${folder}/${next.name}`).then(() => true),
  );
  if (moved === undefined) return false;
  await unlessGone(files.settle(folder));
  for (const name of found.names) {
    const data = parseDataName(name);
    // Data of another base than the pointer that is now current waits for a pointer that never comes back.
    if (data !== null && data.tag !== next.data && data.base !== next.move) {
      await tidily(files.unlink(`${folder}/${name}`));
    }
  }
  return true;
}

/**
 * Removes what this update entered for a session that turned out to be over. While a session lives its entries
 * stay, since another update may rely on the same ones; they go with the session.
 */
async function withdraw(place: Place, hex: IdHex, found: Loaded, entered: readonly Entered[]): Promise<void> {
  const birthNow = found.kind === "nothing" ? "" : found.kind === "record" ? found.pointer.birth : undefined;
  if (birthNow === undefined) return;
  for (const { birth, hashes, entry } of entered) {
    if (birth === birthNow) continue;
    await tidily(removeLabelEntries(place, { hex, birth }, hashes));
    await tidily(removeExpiryEntries(place, [entry]));
  }
}
