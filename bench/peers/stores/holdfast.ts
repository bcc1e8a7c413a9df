import { join } from "node:path";
import type { AnyStore } from "holdfast";
import { type Engines, postgresPool, redisClient } from "./clients.ts";

/** Every store that Holdfast is measured on. One more is one entry here and one in `bench/compare/table.ts`. */
export const HOLDFAST_STORES: Readonly<Record<string, (engines: Engines) => Promise<AnyStore>>> = {
  async memory() {
    const { memoryStore } = await import("holdfast/stores/memory");
    // The memory stores of the others have no bound at all.
    return memoryStore({ maxSessions: 100_000_000 });
  },
  async sqlite({ folder }) {
    const { sqliteStore } = await import("holdfast/stores/sqlite");
    return sqliteStore(join(folder, "holdfast.db"));
  },
  async redis(engines) {
    const { redisStore } = await import("holdfast/stores/redis");
    return redisStore((await redisClient(engines)) as Parameters<typeof redisStore>[0]);
  },
  async lmdb({ folder }) {
    const { lmdbStore } = await import("holdfast/stores/lmdb");
    return lmdbStore(join(folder, "holdfast.lmdb"), { durability: "process" });
  },
  async "redis cached"(engines) {
    const { cached } = await import("holdfast/stores/cached");
    const { redisStore } = await import("holdfast/stores/redis");
    return cached(redisStore((await redisClient(engines)) as Parameters<typeof redisStore>[0]));
  },
  async "postgres cached"(engines) {
    const { cached } = await import("holdfast/stores/cached");
    const { postgresStore } = await import("holdfast/stores/postgres");
    return cached(postgresStore(await postgresPool(engines), { notify: "changes" }));
  },
  async postgres(engines) {
    const { postgresStore } = await import("holdfast/stores/postgres");
    return postgresStore(await postgresPool(engines));
  },
};
