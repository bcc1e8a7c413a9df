import type { AnyStore } from "../../../src/core/store.ts";
import { directoryStore } from "../../../src/stores/directory.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";

/** Where sessions live: a store, and the file, folder or JSON that says where. Travels as JSON. */
export interface Place {
  readonly store: StoreName;
  readonly location: string;
}

export type StoreName = keyof typeof OPENERS;

/** A store that is open, and how to close it together with the client that was opened for it. */
export interface OpenPlace {
  readonly store: AnyStore;
  close(): Promise<void>;
}

const OPENERS = {
  memory: async () => embedded(memoryStore()),
  directory: async (location: string) => embedded(directoryStore(location)),
  sqlite: async (location: string) => embedded(sqliteStore(location, { driver: "node:sqlite" })),
} satisfies Readonly<Record<string, (location: string) => Promise<OpenPlace>>>;

function embedded(store: AnyStore): OpenPlace {
  return { store, close: async () => store.close?.() };
}

/** Opens the store of a place. */
export function openPlace({ store, location }: Place): Promise<OpenPlace> {
  return OPENERS[store](location);
}
