import type { MongoClient } from "mongodb";

interface Stored {
  readonly _id: string;
  readonly session: unknown;
  readonly expires?: Date;
}

/**
 * What connect-mongo calls of a client of MongoDB, in memory. A MongoDB server is in no system's release that the tests run on, so here the
 * store's own code is tried, and MongoDB is not.
 */
export function standInClient(): MongoClient {
  const documents = new Map<string, Stored>();
  const isLive = ({ expires }: Stored): boolean => expires === undefined || expires > new Date();
  const collection = {
    createIndex: async () => "expires_1",
    async findOne({ _id }: { readonly _id: string }) {
      const found = documents.get(_id);
      return found !== undefined && isLive(found) ? structuredClone(found) : null;
    },
    async updateOne({ _id }: { readonly _id: string }, { $set }: { readonly $set: Stored }) {
      const upsertedCount = documents.has(_id) ? 0 : 1;
      documents.set(_id, structuredClone({ ...documents.get(_id), ...$set }));
      return { upsertedCount };
    },
    deleteOne: async ({ _id }: { readonly _id: string }) => ({ deletedCount: Number(documents.delete(_id)) }),
    async *find() {
      for (const found of Array.from(documents.values())) if (isLive(found)) yield structuredClone(found);
    },
  };
  return { db: () => ({ collection: () => collection }), close: async () => {} } as unknown as MongoClient;
}
