import type { SessionId } from "../../core/record.ts";
import type { Call, DeleteCondition, DeleteOutcome } from "../../core/store.ts";
import { bury, clearRemains } from "./bury.ts";
import { unlessGone } from "./files.ts";
import { hexOfId, parsePointer } from "./names.ts";
import type { IdHex, Pointer } from "./names.ts";
import { ATTEMPTS, contended } from "./place.ts";
import type { Place } from "./place.ts";
import { load, newerFormat, scan } from "./scan.ts";

/** Deletes a record that meets the condition, as it is in the moment of the delete. */
export async function deleteRecord(
  place: Place,
  id: SessionId,
  when: DeleteCondition,
  call: Call,
): Promise<DeleteOutcome> {
  const hex = hexOfId(id);
  if (hex === null) return "gone";
  const attempt =
    when.ifVersion === undefined && when.label === undefined
      ? () => tryDelete(place, hex, call)
      : () => tryDeleteWhen(place, hex, when, call);
  for (let count = 0; count < ATTEMPTS; count++) {
    const outcome = await attempt();
    if (outcome !== "moved") return outcome;
  }
  throw contended();
}

/** Deletes whatever is there, without looking at the record: a logout works on garbage and on a newer format too. */
async function tryDelete(place: Place, hex: IdHex, call: Call): Promise<DeleteOutcome | "moved"> {
  const seen = await scan(place, hex, call);
  if (seen.kind === "nothing") return "gone";
  call.signal.throwIfAborted();
  if (seen.kind === "live") return removeRecord(place, hex, seen.pointer, seen.names);
  await removeGarbage(place, hex, seen.names);
  return "done";
}

async function tryDeleteWhen(
  place: Place,
  hex: IdHex,
  when: DeleteCondition,
  call: Call,
): Promise<DeleteOutcome | "moved"> {
  const found = await load(place, hex, call);
  if (found.kind === "nothing") return "gone";
  if (found.kind === "corrupt") return "conflict";
  if (found.kind === "newer") throw newerFormat(hex);

  const { record } = found.content;
  if (when.ifVersion !== undefined && when.ifVersion !== record.version) return "conflict";
  if (when.label !== undefined && !record.labels.includes(when.label)) return "conflict";
  call.signal.throwIfAborted();
  return removeRecord(place, hex, found.pointer, found.names);
}

/** Removes a pointer and all that it leads to, unless anybody moved or removed it since it was seen. */
async function removeRecord(
  place: Place,
  hex: IdHex,
  pointer: Pointer,
  names: readonly string[],
): Promise<"done" | "moved"> {
  if (!(await takePointer(place, hex, pointer))) return "moved";
  await bury(
    place,
    hex,
    pointer,
    names.filter((name) => name !== pointer.name),
  );
  return "done";
}

/** The one step that ends a record. Resolves `false` when anybody moved or removed the pointer since it was seen. */
export async function takePointer({ files, layout }: Place, hex: IdHex, pointer: Pointer): Promise<boolean> {
  const folder = layout.session(hex);
  const taken = await unlessGone(files.unlink(`${folder}/${pointer.name}`).then(() => true));
  if (taken === undefined) return false;
  await unlessGone(files.settle(folder));
  return true;
}

/** Removes pointers that nobody can follow, or a file where a folder belongs. Rejects when it stays. */
async function removeGarbage(place: Place, hex: IdHex, names: readonly string[]): Promise<void> {
  const { files, layout } = place;
  const folder = layout.session(hex);
  if (names.length === 0) {
    await unlessGone(files.unlink(folder));
    await files.settle(layout.shard(hex));
    return;
  }
  const pointers = names.filter((name) => name.startsWith("p"));
  for (const name of pointers) await unlessGone(files.unlink(`${folder}/${name}`));
  await unlessGone(files.settle(folder));
  await clearRemains(
    place,
    hex,
    names.filter((name) => parsePointer(name) === null),
  );
}
