import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import type { MemoryStore } from "../../../src/stores/memory.ts";
import type { Defect } from "./defect.ts";

/** A read that keeps what it found for good, and how to have it forget a record. */
function keeping(store: MemoryStore): { read: AnyStore["read"]; forget(id: SessionId): void } {
  const kept = new Map<SessionId, SessionRecord | null>();
  return {
    async read(id, call) {
      const found = call.kept === true ? kept.get(id) : undefined;
      if (found !== undefined) return found;
      const record = await store.read(id, call);
      kept.set(id, record);
      return record;
    },
    forget: (id) => void kept.delete(id),
  };
}

export const keptDefects: readonly Defect[] = [
  {
    name: "a cache does not hear of its own writes",
    caughtBy: "a read that may take what is kept sees at once what its own handle wrote",
    plant: (store) => ({ read: keeping(store).read }),
  },
  {
    name: "a cache forgets a record before it is written, and not after",
    caughtBy: "whatever overlaps looks as if it had been done one after another, in some order",
    plant(store) {
      const { read, forget } = keeping(store);
      return {
        read: (id, { signal }) => read(id, { signal, kept: true }),
        async update(id, change, call) {
          forget(id);
          await Promise.resolve();
          return await store.update(id, change, call);
        },
      };
    },
  },
  {
    name: "a cache hears of its own writes, but not of those by label",
    caughtBy: "so it does after a deletion by label",
    plant(store) {
      const { read, forget } = keeping(store);
      return {
        read,
        async create(record, call) {
          forget(record.id);
          return await store.create(record, call);
        },
      };
    },
  },
];
