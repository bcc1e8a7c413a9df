import type { SessionRecord } from "../../../src/core/record.ts";
import type { Call, Page, PageRequest } from "../../../src/core/store.ts";
import type { MemoryStore } from "../../../src/stores/memory.ts";

/** A mistake to plant in a sound store. */
export interface Defect {
  readonly name: string;
  /** A rule of the contract that must notice it. */
  readonly caughtBy: string;
  /** The methods that the mistake changes. */
  readonly plant: (store: MemoryStore) => Partial<MemoryStore>;
}

/** A call that nobody gives up on. */
export const CALL: Call = { signal: new AbortController().signal };

export const EVERYTHING: PageRequest = { limit: 1_000_000 };

export async function replace(store: MemoryStore, record: SessionRecord): Promise<void> {
  await store.delete(record.id, {}, CALL);
  await store.create(record, CALL);
}

/** Pages by how many were shown before, as `OFFSET` does. */
export function byOffset(records: readonly SessionRecord[], page: PageRequest): Page {
  const from = Number(page.after ?? "0");
  const shown = records.slice(from, from + page.limit);
  const next = from + page.limit;
  return next < records.length ? { records: shown, next: String(next) } : { records: shown };
}

export async function bearersOf(store: MemoryStore, label: string): Promise<SessionRecord[]> {
  const { records } = await store.all(EVERYTHING, CALL);
  return records.filter((record) => record.labels.includes(label));
}
