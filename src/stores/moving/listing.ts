import { SessionError } from "../../core/errors.ts";
import type { SessionId, SessionRecord } from "../../core/record.ts";
import type { Page, PageRequest } from "../../core/store.ts";
import { arrived, isUnderWay } from "./note.ts";

/** One listing of one store. */
type Listing = (page: PageRequest) => Promise<Page>;

/** How a mark of a page begins: in the old store or the new one, the number of the walk, and what the store itself gave. */
const MARK = /^(old|new)\.(\d+)\.(.*)$/s;

/** Of so many walks under way at a time, and so many records a walk, it is known what they have seen. */
const MOST_WALKS = 16;
const MOST_SEEN = 200_000;

/**
 * Listings of the old store and the new one, one after the other. In this order, for records move the other way: none is missed. One that
 * moves meanwhile is passed over in the new store by what the walk has seen in the old one.
 */
export class Listings {
  readonly #seen: Map<number, Set<SessionId>> = new Map();
  #walks = 0;

  async page(from: Listing, to: Listing, request: PageRequest): Promise<Page> {
    const { limit } = request;
    const { place, walk, after } = this.#markOf(request.after);
    if (place === "new") return await this.#newOnes(to, walk, after, limit, []);
    const old = await from(requestOf(limit, after));
    const records = old.records.map(asItIs).filter((record) => record !== null);
    this.#note(walk, records);
    if (old.next !== undefined) return { records, next: `old.${walk}.${old.next}` };
    return records.length >= limit
      ? { records, next: `new.${walk}.` }
      : await this.#newOnes(to, walk, undefined, limit - records.length, records);
  }

  async #newOnes(
    to: Listing,
    walk: number,
    after: string | undefined,
    limit: number,
    before: readonly SessionRecord[],
  ): Promise<Page> {
    const { records, next } = await to(requestOf(limit, after));
    const seen = this.#seen.get(walk);
    const found = records.filter((record) => !isUnderWay(record) && seen?.has(record.id) !== true);
    const page = [...before, ...found];
    if (next !== undefined) return { records: page, next: `new.${walk}.${next}` };
    this.#seen.delete(walk);
    return { records: page };
  }

  #note(walk: number, records: readonly SessionRecord[]): void {
    const seen = this.#seen.get(walk) ?? new Set();
    for (const { id } of records) if (seen.size < MOST_SEEN) seen.add(id);
    this.#seen.set(walk, seen);
    if (this.#seen.size <= MOST_WALKS) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  #markOf(mark: string | undefined): {
    readonly place: string;
    readonly walk: number;
    readonly after: string | undefined;
  } {
    if (mark === undefined) return { place: "old", walk: (this.#walks += 1), after: undefined };
    const [, place, walk, after] = MARK.exec(mark) ?? [];
    if (place !== undefined) return { place, walk: Number(walk), after: after === "" ? undefined : after };
    throw new SessionError(
      "ERR_SESSION_USE",
      "after is no mark of a page that this store gave. Begin without one.",
    );
  }
}

/** What has left, and may have arrived, is listed as what it is: in the new store it is passed over. */
function asItIs(record: SessionRecord): SessionRecord | null {
  return isUnderWay(record) ? arrived(record) : record;
}

function requestOf(limit: number, after: string | undefined): PageRequest {
  return after === undefined ? { limit } : { limit, after };
}
