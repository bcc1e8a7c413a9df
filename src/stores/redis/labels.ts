import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Call, Page, PageRequest } from "../../core/store.ts";
import type { Engine } from "./engine.ts";
import { type Entries, idOfEntry, isSettled } from "./entries.ts";
import { encodeText, type Keys, partitionOf } from "./keys.ts";
import { encodedLabels, judgeHash } from "./meta.ts";
import type { Records } from "./records.ts";
import { PEEK } from "./scripts.ts";
import { flatList, listOf } from "./replies.ts";

/** The most records that one page reads, and that one step of a revocation deletes. */
const LARGEST_PAGE = 500;

/** What can be done by label. The index says where to look; what a record says of itself is believed. */
export class Labels {
  readonly #engine: Engine;
  readonly #keys: Keys;
  readonly #entries: Entries;
  readonly #records: Records;

  constructor(engine: Engine, keys: Keys, entries: Entries, records: Records) {
    this.#engine = engine;
    this.#keys = keys;
    this.#entries = entries;
    this.#records = records;
  }

  async list(label: string, { limit, after }: PageRequest, call: Call): Promise<Page> {
    const most = Math.min(limit, LARGEST_PAGE);
    const encoded = encodeText(label);
    const found = await this.#entries.page(encoded, after, most + 1, call);
    const entries = found.slice(0, most);
    const ids = [...new Set(entries.map(idOfEntry))];
    const hashes = await this.#peek(ids, call);

    const records: SessionRecord[] = [];
    for (const id of ids) {
      const judged = judgeHash(id, hashes.get(id) ?? []);
      if (judged.verdict === "record" && judged.record.labels.includes(label)) records.push(judged.record);
    }
    this.#forget(encoded, entries, hashes);
    const next = found.length > most ? ids.at(-1) : undefined;
    return next === undefined ? { records } : { records, next };
  }

  async delete(label: string, except: readonly SessionId[], call: Call): Promise<number> {
    const kept = new Set<string>(except);
    const encoded = encodeText(label);
    let deleted = 0;
    let after: string | undefined;
    do {
      const entries = await this.#entries.page(encoded, after, LARGEST_PAGE, call);
      const ids = [...new Set(entries.map(idOfEntry))];
      after = entries.length < LARGEST_PAGE ? undefined : ids.at(-1);
      deleted += await this.#deletePage(
        label,
        ids.filter((id) => !kept.has(id)),
        call,
      );
    } while (after !== undefined);
    return deleted;
  }

  async #deletePage(label: string, ids: readonly SessionId[], call: Call): Promise<number> {
    const gone = new Map<string, string[]>();
    const counts = await Promise.all(
      partitioned(ids).map(async (group) => {
        const outcomes = await this.#records.deleteOf(group, { label }, call);
        for (const [index, outcome] of outcomes.entries()) {
          if (typeof outcome === "string") continue;
          const [labels, entry] = outcome;
          for (const each of encodedLabels(labels)) collect(gone, each, `${group[index]}${entry}`);
        }
        return outcomes.filter((outcome) => typeof outcome !== "string").length;
      }),
    );
    for (const [each, entries] of gone) this.#entries.remove(each, entries);
    return counts.reduce((total, count) => total + count, 0);
  }

  /** The hashes of records without what a listing does not show. */
  async #peek(ids: readonly SessionId[], call: Call): Promise<Map<SessionId, readonly unknown[]>> {
    const hashes = new Map<SessionId, readonly unknown[]>();
    await Promise.all(
      partitioned(ids).map(async (group) => {
        const keys = group.map((id) => this.#keys.record(id));
        const found = listOf(await this.#engine.look(PEEK, keys, call));
        for (const [index, id] of group.entries()) hashes.set(id, flatList(found[index]));
      }),
    );
    return hashes;
  }

  /** Removes old entries whose record is not there any more. */
  #forget(
    label: string,
    entries: readonly string[],
    hashes: ReadonlyMap<SessionId, readonly unknown[]>,
  ): void {
    const dead = entries.filter((entry) => hashes.get(idOfEntry(entry))?.length === 0 && isSettled(entry));
    this.#entries.remove(label, dead);
  }
}

/** Ids in groups that one script can touch together. */
function partitioned(ids: readonly SessionId[]): SessionId[][] {
  const groups = new Map<string, SessionId[]>();
  for (const id of ids) collect(groups, partitionOf(id), id);
  return [...groups.values()];
}

function collect<T>(lists: Map<string, T[]>, name: string, value: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [value]);
  else list.push(value);
}
