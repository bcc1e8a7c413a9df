import { SessionError } from "../../core/errors.ts";
import type { SessionStore } from "../../core/store.ts";

/** What a store does with single records, over two stores. */
export type Records = Omit<SessionStore, "traits">;

/** Gives `otherwise` where the store found something that is no record. */
export async function unlessCorrupt<T, Other>(work: Promise<T>, otherwise: Other): Promise<T | Other> {
  try {
    return await work;
  } catch (error) {
    if (SessionError.is(error) && error.code === "ERR_SESSION_CORRUPT") return otherwise;
    throw error;
  }
}
