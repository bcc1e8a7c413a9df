import { SessionError } from "../../core/errors.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { Call, Page, PageRequest } from "../../core/store.ts";
import { isUnderWay } from "./note.ts";

/** One listing of one store. */
export type Listing = (page: PageRequest, call: Call) => Promise<Page>;

const OLD = "old.";
const NEW = "new.";

/**
 * One page of the old store's listing and the new one's, one after the other. In this order, for records move the other way: none is
 * missed. One that moves meanwhile is listed once within a page, and may be listed twice by a listing of several.
 */
export async function listedOf(
  from: Listing | null,
  to: Listing | null,
  page: PageRequest,
  call: Call,
): Promise<Page> {
  const { limit, after } = page;
  if (after?.startsWith(NEW) === true) return await newOnes(to, after.slice(NEW.length), limit, [], call);
  if (after !== undefined && !after.startsWith(OLD))
    throw new SessionError(
      "ERR_SESSION_USE",
      "after is no mark of a page that this store gave. Begin without one.",
    );
  const old = await turned(from, after?.slice(OLD.length), limit, call);
  const records = old.records.filter((record) => !isUnderWay(record));
  if (old.next !== undefined) return { records, next: `${OLD}${old.next}` };
  return records.length >= limit ? { records, next: NEW } : await newOnes(to, "", limit, records, call);
}

async function newOnes(
  to: Listing | null,
  after: string,
  limit: number,
  before: readonly SessionRecord[],
  call: Call,
): Promise<Page> {
  const { records, next } = await turned(to, after === "" ? undefined : after, limit - before.length, call);
  const found = records.filter((record) => !isUnderWay(record));
  const ids = new Set(found.map(({ id }) => id));
  const all = [...before.filter(({ id }) => !ids.has(id)), ...found];
  return next === undefined ? { records: all } : { records: all, next: `${NEW}${next}` };
}

async function turned(
  listing: Listing | null,
  after: string | undefined,
  limit: number,
  call: Call,
): Promise<Page> {
  if (listing === null) return { records: [] };
  return await listing(after === undefined ? { limit } : { limit, after }, call);
}
