import { isReserved } from "../../core/record.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, Page, PageRequest } from "../../core/store.ts";
import { SessionError } from "../../core/errors.ts";
import { deleteRecord } from "./delete.ts";
import { hasCode } from "./files.ts";
import { hashOfLabel, hexOfId, idOfHex, parseLabelEntry } from "./names.ts";
import type { IdHex } from "./names.ts";
import { assertPresent } from "./place.ts";
import type { Place } from "./place.ts";
import { load } from "./scan.ts";

/** Lists the records that bear a label, in the order of their ids. An entry is believed only when its record agrees. */
export async function listByLabel(place: Place, label: string, page: PageRequest, call: Call): Promise<Page> {
  const hexes = await labelled(place, label);
  const found = await collect(place, after(hexes, page.after), page.limit, call, (record) =>
    record.labels.includes(label),
  );
  return { ...found, records: found.records.map(withoutOwnFields) };
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
  for (const hex of await labelled(place, label)) {
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

/** The ids that have an entry under a label, sorted, each once. */
async function labelled(place: Place, label: string): Promise<readonly IdHex[]> {
  const names = await namesOr(place, place.layout.label(hashOfLabel(label)));
  const hexes = names.map(parseLabelEntry).filter((hex) => hex !== null);
  return [...new Set(hexes)].toSorted();
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
