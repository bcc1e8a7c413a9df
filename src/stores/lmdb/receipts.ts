import { randomBytes } from "node:crypto";
import type { LmdbTable } from "./driver.ts";
import { overlook } from "./failure.ts";
import { receiptKey, RECEIPTS } from "./keys.ts";
import { type View, viewOf } from "./view.ts";

/** How long a receipt may be of use to whoever wrote it, in milliseconds: much longer than any call lasts. */
const OF_USE_MS = 3_600_000;

/** How many are removed at a time. */
const AT_ONCE = 100;

/**
 * What a process writes along with each of its writes, to know that it took place. The driver says so too, and is mistaken at times:
 * where it looks at a commit in the very moment in which that is done, it takes a condition that failed for one that held. So two
 * processes would both have been the one to log in, or to take a token.
 */
export class Receipts {
  readonly #owner: string = randomBytes(9).toString("base64url");

  /** @param place Which of the writes of a batch it is for; the next batch writes over it. */
  keyOf(place: number): string {
    return receiptKey(this.#owner, place);
  }

  /** Whether the write with this number took place. */
  tell(view: View | undefined, place: number, version: number): boolean {
    return view?.get(this.keyOf(place))?.version === version;
  }
}

/** What stands in a receipt: when it was written. */
export function textOf(now: number): string {
  return String(now);
}

/** Removes some of the receipts that are of use to nobody any more: those of a process that ended stay behind. */
export async function dropOld(table: LmdbTable): Promise<void> {
  const before = Date.now() - OF_USE_MS;
  const removals: PromiseLike<boolean>[] = [];
  for (const { key, value } of viewOf(table).entries(RECEIPTS)) {
    if (Number(value) > before) continue;
    const name = String(key);
    const { version } = table.getEntry(name) ?? {};
    if (version !== undefined) removals.push(table.ifVersion(name, version, () => void table.remove(name)));
    if (removals.length >= AT_ONCE) break;
  }
  if (removals.length === 0) return;
  overlook(table);
  await Promise.allSettled(removals);
}
