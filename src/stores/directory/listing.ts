import { isReserved } from "../../core/record.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, Page, PageRequest } from "../../core/store.ts";
import { SessionError } from "../../core/errors.ts";
import { deleteRecord } from "./delete.ts";
import { removeLabelEntries } from "./entries.ts";
import { hasCode, removeIfEmpty, tidily } from "./files.ts";
import { hashOfLabel, hexOfId, idOfHex, parseLabelEntry } from "./names.ts";
import type { IdHex, LabelName } from "./names.ts";
import { assertPresent } from "./place.ts";
import type { Place } from "./place.ts";
import { isOver, load } from "./scan.ts";

/** Lists the records that bear a label, in the order of their ids. An entry is believed only when its record agrees. */
export async function listByLabel(place: Place, label: string, page: PageRequest, call: Call): Promise<Page> {
  const entries = await entriesOf(place, label);
  const found = await collect(place, after(hexesOf(entries), page.after), page.limit, call, (record) =>
    record.labels.includes(label),
  );
  await tidily(removeStale(place, label, entries, found, page.after, call));
  return { ...found, records: found.records.map(withoutOwnFields) };
}

/**
 * Removes the entries of a page that led nowhere, and a folder without any. They are few: a writer was killed in the
 * middle of a renewal while the session was deleted and swept.
 */
async function removeStale(
  place: Place,
  label: string,
  entries: readonly LabelName[],
  page: Page,
  last: string | undefined,
  call: Call,
): Promise<void> {
  if (entries.length === 0) await removeIfEmpty(place.files, place.layout.label(hashOfLabel(label)));
  const listed = new Set(page.records.map((record) => hexOfId(record.id)));
  for (const entry of entries) {
    const seen = entry.hex > (last ?? "") && (page.next === undefined || entry.hex < page.next);
    if (!seen || listed.has(entry.hex)) continue;
    if (await isOver(place, entry.hex, entry.birth, call)) {
      await removeLabelEntries(place, entry, [hashOfLabel(label)]);
    }
  }
}

/** Deletes the records that bear a label, each only if it bears it in the moment of its delete. */
export async function deleteByLabel(
  place: Place,
  label: string,
  except: readonly SessionId[],
  call: Call,
): Promise<number> {
  const spared = new Set(except.map(hexOfId));
  let deleted = 0;
  let refused: SessionError | undefined;
  for (const hex of hexesOf(await entriesOf(place, label))) {
    const id = idOfHex(hex);
    if (id === null || spared.has(hex)) continue;
    try {
      if ((await deleteRecord(place, id, { label }, call)) === "done") deleted++;
    } catch (error) {
      // One record of a newer format must not keep the others alive. The caller still learns of it.
      if (!SessionError.is(error) || error.code !== "ERR_SESSION_FORMAT") throw error;
      refused = error;
    }
  }
  if (refused !== undefined) throw refused;
  return deleted;
}

/** Walks over all records, in the order of their ids. */
export async function listAll(place: Place, page: PageRequest, call: Call): Promise<Page> {
  return collect(place, everyone(place, page.after ?? ""), page.limit, call, () => true);
}

async function entriesOf(place: Place, label: string): Promise<readonly LabelName[]> {
  const names = await namesOr(place, place.layout.label(hashOfLabel(label)));
  return names.map(parseLabelEntry).filter((entry) => entry !== null);
}

/** The ids of entries, sorted, each once. */
function hexesOf(entries: readonly LabelName[]): readonly IdHex[] {
  return [...new Set(entries.map((entry) => entry.hex))].toSorted();
}

async function* after(hexes: readonly IdHex[], last = ""): AsyncGenerator<IdHex> {
  for (const hex of hexes) if (hex > last) yield hex;
}

async function* everyone(place: Place, last: string): AsyncGenerator<IdHex> {
  const shards = await place.files.list(place.layout.sessions);
  for (const shard of shards.toSorted()) {
    if (!/^[0-9a-f]{2}$/.test(shard) || shard < last.slice(0, 2)) continue;
    const names = await namesOr(place, `${place.layout.sessions}/${shard}`);
    const hexes = names.filter((name) => idOfHex(name) !== null && name.startsWith(shard)) as IdHex[];
    yield* after(hexes.toSorted(), last);
  }
}

/** The names in a folder; none when it is missing, or is no folder, in a store that is otherwise there. */
async function namesOr(place: Place, folder: string): Promise<readonly string[]> {
  try {
    return await place.files.list(folder);
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR")) throw error;
  }
  await assertPresent(place);
  return [];
}

/** Loads candidates until a page is full. It looks for one more than it returns, so that `next` is never an empty promise. */
async function collect(
  place: Place,
  hexes: AsyncIterable<IdHex>,
  limit: number,
  call: Call,
  wanted: (record: SessionRecord) => boolean,
): Promise<Page> {
  const records: SessionRecord[] = [];
  let last = "";
  for await (const hex of hexes) {
    call.signal.throwIfAborted();
    const loaded = await load(place, hex, call);
    if (loaded.kind !== "record" || !wanted(loaded.content.record)) continue;
    if (records.length === limit) return { records, next: last };
    records.push(loaded.content.record);
    last = hex;
  }
  return { records };
}

function withoutOwnFields(record: SessionRecord): SessionRecord {
  const fields = Object.fromEntries(Object.entries(record.fields).filter(([name]) => isReserved(name)));
  return { ...record, fields };
}
