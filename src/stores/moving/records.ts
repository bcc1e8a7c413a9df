import { SessionError } from "../../core/errors.ts";
import type { SessionRecord } from "../../core/record.ts";
import type { AnyStore, Call, SessionStore } from "../../core/store.ts";

/** What a store does with single records, over two stores. */
export type Records = Omit<SessionStore, "traits">;

/** Gives `otherwise` where the store found something that is no record. */
export async function unlessCorrupt<T, Other>(work: T | Promise<T>, otherwise: Other): Promise<T | Other> {
  try {
    return await work;
  } catch (error) {
    if (SessionError.is(error) && error.code === "ERR_SESSION_CORRUPT") return otherwise;
    throw error;
  }
}

/**
 * Creates a record in one store that must not be in the other. An id that a session drew by lot is nobody else's. The name of a mark may be
 * wanted in the other store at the same time, by a process of the other stage: then each sees the other's, one of them at least, and takes its own back.
 */
export async function createdBeside(
  other: AnyStore,
  store: AnyStore,
  record: SessionRecord,
  call: Call,
): Promise<boolean> {
  if (await isTaken(other, record, call)) return false;
  if (!(await store.create(record, call))) return false;
  const isMark = record.secretHash === "";
  if (!isMark || !(await isTaken(other, record, call))) return true;
  await store.delete(record.id, { ifVersion: record.version }, call);
  return false;
}

async function isTaken(store: AnyStore, { id }: SessionRecord, call: Call): Promise<boolean> {
  return (await unlessCorrupt(store.read(id, call), "corrupt")) !== null;
}
