import { SessionError } from "../../core/errors.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Call } from "../../core/store.ts";
import { clearRemains } from "./bury.ts";
import { encodeContent } from "./content.ts";
import { enter, removeExpiryEntries, removeLabelEntries } from "./entries.ts";
import type { Birth } from "./entries.ts";
import { hasCode, tidily, unlessGone } from "./files.ts";
import { dataNameOf, hashOfLabel, hexOfId, newTag, pointerOf } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";
import { assertPresent, ATTEMPTS, contended } from "./place.ts";
import type { Place } from "./place.ts";
import { scan } from "./scan.ts";

/** A session that is complete but for its place: one rename brings it to life. */
interface Newborn extends Birth {
  readonly labels: readonly string[];
  readonly expiryEntry: string;
  readonly names: readonly string[];
}

/** How a file system says that something is there. Windows says so of an empty folder too, and calls it a permission. */
const OCCUPIED: readonly string[] = [
  "ENOTEMPTY",
  "EEXIST",
  "ENOTDIR",
  ...(process.platform === "win32" ? ["EPERM"] : []),
];

/** Builds a session's folder aside and renames it into place, which fails when anything is there. */
export async function createRecord(place: Place, record: SessionRecord, call: Call): Promise<boolean> {
  const hex = hexOfId(record.id);
  if (hex === null)
    throw new SessionError("ERR_SESSION_USE", "A record's id must be 24 base64url characters.");
  const { files, layout } = place;

  let remains = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const seen = await scan(place, hex, call);
    if (seen.kind !== "nothing") return false;
    if (seen.names.length > 0 && seen.names.join("/") === remains) throw obstructed(hex);
    remains = seen.names.join("/");
    if (remains !== "" || attempt > 0) await clearRemains(place, hex, seen.names);

    const newborn = await build(place, hex, record, call);
    if (newborn === "swept") continue;
    const arrival = await settleIn(place, newborn, call);
    if (arrival === "arrived") {
      await files.settle(layout.shard(hex));
      await files.settle(layout.sessions);
      return true;
    }
    await discard(place, newborn);
  }
  throw contended();
}

function obstructed(hex: IdHex): SessionError {
  return new SessionError(
    "ERR_SESSION_STORE_UNAVAILABLE",
    `Folder ${hex} holds something that is not Holdfast's and cannot be removed. Move it away.`,
  );
}

async function build(
  place: Place,
  hex: IdHex,
  record: SessionRecord,
  call: Call,
): Promise<Newborn | "swept"> {
  const { files, layout } = place;
  const birth = newTag();
  const { accessedAt, expiresAt } = record;
  const pointer = pointerOf({ move: birth, data: birth, birth, accessedAt, expiresAt });
  const folder = layout.newborn(birth);
  const names = [dataNameOf(birth, birth), pointer.name];

  call.signal.throwIfAborted();
  // The folder goes before the entries: as long as it is there, the sweep knows that the entries may come to lead somewhere.
  await files.makeFolder(folder);
  let expiryEntry: string | undefined;
  try {
    expiryEntry = await enter(place, { hex, birth }, record.labels, expiresAt);
    await fill(place, folder, pointer, { record, formerLabels: [], expiryEntries: [expiryEntry] });
    call.signal.throwIfAborted();
    return { hex, birth, labels: record.labels, expiryEntry, names };
  } catch (error) {
    const swept = hasCode(error, "ENOENT") && !(await unlessGone(files.look(folder)));
    await discard(place, { hex, birth, labels: record.labels, expiryEntry: expiryEntry ?? "", names });
    if (swept) return "swept";
    throw error;
  }
}

async function fill(
  { files }: Place,
  folder: string,
  pointer: Pointer,
  content: Parameters<typeof encodeContent>[0],
): Promise<void> {
  await files.write(`${folder}/${dataNameOf(pointer.birth, pointer.birth)}`, encodeContent(content));
  await files.write(`${folder}/${pointer.name}`, "");
  await files.settle(folder);
}

/** Renames a newborn into place. `swept` when a sweep took it for one of a killed writer. */
async function settleIn(
  place: Place,
  newborn: Newborn,
  call: Call,
): Promise<"arrived" | "occupied" | "swept"> {
  const { files, layout } = place;
  const from = layout.newborn(newborn.birth);
  const to = layout.session(newborn.hex);
  try {
    await files.rename(from, to);
    return "arrived";
  } catch (error) {
    if (hasCode(error, ...OCCUPIED)) return "occupied";
    // Anything else may have taken effect all the same: the newborn stays, and the sweep will know.
    if (!hasCode(error, "ENOENT")) throw error;
  }
  if (!(await unlessGone(files.look(from)))) return "swept";
  await assertPresent(place);
  await files.makeFolder(layout.shard(newborn.hex));
  call.signal.throwIfAborted();
  return settleIn(place, newborn, call);
}

/** Removes a newborn that was never renamed. The folder goes last, see above. */
async function discard(place: Place, newborn: Newborn): Promise<void> {
  const { files, layout } = place;
  const folder = layout.newborn(newborn.birth);
  for (const name of newborn.names) await tidily(files.unlink(`${folder}/${name}`));
  await tidily(removeLabelEntries(place, newborn, newborn.labels.map(hashOfLabel)));
  if (newborn.expiryEntry !== "") await tidily(removeExpiryEntries(place, [newborn.expiryEntry]));
  await tidily(files.removeFolder(folder));
}
