import type { AnyStore } from "../../../src/core/store.ts";

/** Where sessions live: a store, and the file, folder or JSON that says where. Travels as JSON. */
export interface Place {
  readonly store: StoreName;
  readonly location: string;
}

type Opener = (location: string) => AnyStore | Promise<AnyStore>;

// Each is imported only where it is used: a process that keeps its sessions in a file loads no database client.
const OPENERS = {
  async memory(): Promise<Opener> {
    const { memoryStore } = await import("../../../src/stores/memory.ts");
    return () => memoryStore();
  },
  async directory(): Promise<Opener> {
    const { directoryStore } = await import("../../../src/stores/directory.ts");
    return (location) => directoryStore(location);
  },
  async sqlite(): Promise<Opener> {
    const { sqliteStore } = await import("../../../src/stores/sqlite.ts");
    return (location) => sqliteStore(location, { driver: "node:sqlite" });
  },
  async lmdb(): Promise<Opener> {
    const { lmdbStore } = await import("../../../src/stores/lmdb.ts");
    return (location) => lmdbStore(location);
  },
  /** With a defect planted: for tests of the tests. */
  async defective(): Promise<Opener> {
    return (await import("../../faults/support/defective.ts")).openDefective;
  },
  async redis(): Promise<Opener> {
    return (await import("../../stores/redis/clients.ts")).openRedis;
  },
  async postgres(): Promise<Opener> {
    return (await import("../../stores/postgres/clients.ts")).openPostgres;
  },
  async mysql(): Promise<Opener> {
    return (await import("../../stores/mysql/clients.ts")).openMysql;
  },
} satisfies Readonly<Record<string, () => Promise<Opener>>>;

export type StoreName = keyof typeof OPENERS;

/** Opens the store of a place. Closing it closes the client that was opened for it too. */
export async function openPlace({ store, location }: Place): Promise<AnyStore> {
  const open = await OPENERS[store]();
  return await open(location);
}
