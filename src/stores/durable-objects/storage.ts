/** What is called of the state that the platform gives to an object. */
export interface SessionObjectState {
  readonly storage: SessionObjectStorage;
  /** Runs work while nothing else reaches the object. */
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
}

/** What is called of an object's storage, where that is SQLite. */
export interface SessionObjectStorage {
  readonly kv: SyncStorage;
  deleteAll(): Promise<void>;
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

/** Synchronous, so that what one turn reads and writes is one transaction. No answer leaves before its writes are safe. */
export interface SyncStorage {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  delete(key: string): unknown;
  list(options: { readonly prefix: string; readonly startAfter?: string }): Iterable<[string, unknown]>;
}

/** How much later than its expiry a record goes: the clocks of those who use it differ. */
export const SLACK_MS = 300_000;

/** The platform refuses alarms centuries ahead. One that rings too early looks, and is set again. */
const LONGEST_MS = 365 * 24 * 3_600_000;

/** Sets the alarm for a time, or for earlier where that is far off. */
export async function ringAt(storage: SessionObjectStorage, at: number): Promise<void> {
  await storage.setAlarm(Math.min(at, Date.now() + LONGEST_MS));
}

/** Leaves nothing of the object, so that nothing is paid for it. What is asked next finds it empty. */
export async function erase(state: SessionObjectState): Promise<void> {
  const { storage } = state;
  // Both take effect at once; their completion is waited for, and nothing else reaches the object until then.
  await state.blockConcurrencyWhile(() => Promise.all([storage.deleteAll(), storage.deleteAlarm()]));
}
