import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { MemoryStore } from "../../../src/stores/memory.ts";
import { replace, type Defect } from "./defect.ts";

/** Changes every text of a record on its way in. */
function rewriting(store: MemoryStore, rewrite: (text: string) => string): Partial<MemoryStore> {
  const fields = (texts: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, rewrite(text)]));
  return {
    create: (record, call) => store.create({ ...record, fields: fields(record.fields) }, call),
    update: (id, change, call) =>
      store.update(id, change.set === undefined ? change : { ...change, set: fields(change.set) }, call),
  };
}

export const recordDefects: readonly Defect[] = [
  {
    name: "create overwrites",
    caughtBy: "create over a taken id resolves false and writes nothing",
    plant: (store) => ({
      async create(record) {
        await replace(store, record);
        return true;
      },
    }),
  },
  {
    name: "create looks first and writes later",
    caughtBy: "of many that create one id exactly one wins, and its record is there",
    plant: (store) => ({
      async create(record, call) {
        if ((await store.read(record.id, call)) !== null) return false;
        await Promise.resolve();
        await replace(store, record);
        return true;
      },
    }),
  },
  {
    name: "create takes the place of an expired record",
    caughtBy: "create over an expired record resolves false and writes nothing",
    plant: (store) => ({
      async create(record, call) {
        const before = await store.read(record.id, call);
        if (before !== null && before.expiresAt <= record.createdAt) await store.delete(record.id, {}, call);
        return store.create(record, call);
      },
    }),
  },
  {
    name: "create keeps the object it was given",
    caughtBy: "changing a record after it was given to create changes nothing stored",
    plant: (store) => {
      const given = new Map<SessionId, SessionRecord>();
      return {
        create(record, call) {
          given.set(record.id, record);
          return store.create(record, call);
        },
        async read(id, call) {
          const record = await store.read(id, call);
          const kept = given.get(id);
          return record !== null && kept && record.version === 1
            ? { ...record, fields: { ...kept.fields } }
            : record;
        },
      };
    },
  },
  {
    name: "read hands out the live object",
    caughtBy: "changing a record that read gave changes nothing stored, nor what others read",
    plant: (store) => {
      const live = new Map<SessionId, SessionRecord>();
      return {
        async read(id, call) {
          const record = await store.read(id, call);
          const kept = live.get(id);
          if (record === null || kept !== undefined) return record && (kept ?? record);
          const fresh = { ...record, fields: { ...record.fields }, labels: [...record.labels] };
          live.set(id, fresh);
          return fresh;
        },
        update(id, change, call) {
          live.delete(id);
          return store.update(id, change, call);
        },
      };
    },
  },
  {
    name: "read hides what is expired by the engine's clock",
    caughtBy: "read hands out what expired by every clock, where the engine does not remove it",
    plant: (store) => ({
      async read(id, call) {
        const record = await store.read(id, call);
        return record !== null && record.expiresAt <= Date.now() ? null : record;
      },
    }),
  },
  {
    name: "delete says done and deletes nothing",
    caughtBy: "delete without a condition deletes, whatever version and label",
    plant: (store) => ({
      async delete(id, when, call) {
        const record = await store.read(id, call);
        const outcome = await store.delete(id, when, call);
        if (outcome === "done" && record !== null) await store.create(record, call);
        return outcome;
      },
    }),
  },
  {
    name: "delete only sets the expiry to the past",
    caughtBy: "delete without a condition deletes, whatever version and label",
    plant: (store) => ({
      async delete(id, when, call) {
        const record = await store.read(id, call);
        const outcome = await store.delete(id, when, call);
        if (outcome === "done" && record !== null) await store.create({ ...record, expiresAt: 0 }, call);
        return outcome;
      },
    }),
  },
  {
    name: "delete ignores the version",
    caughtBy: "delete on condition of a version leaves a record of another version",
    plant: (store) => ({
      delete: (id, { ifVersion: _ignored, ...when }, call) => store.delete(id, when, call),
    }),
  },
  {
    name: "delete ignores the label",
    caughtBy: "delete on condition of a label leaves a record without it",
    plant: (store) => ({
      delete: (id, { label: _ignored, ...when }, call) => store.delete(id, when, call),
    }),
  },
  {
    name: "delete needs one of its conditions, not both",
    caughtBy: "delete on two conditions needs both",
    plant: (store) => ({
      async delete(id, { ifVersion, label }, call) {
        if (ifVersion === undefined || label === undefined)
          return store.delete(id, { ifVersion, label } as object, call);
        const outcome = await store.delete(id, { ifVersion }, call);
        return outcome === "conflict" ? store.delete(id, { label }, call) : outcome;
      },
    }),
  },
  {
    name: "delete checks its condition, waits, and deletes",
    caughtBy: "of an emptied session's delete and a writer that overlap exactly one wins",
    plant: (store) => ({
      async delete(id, when, call) {
        const record = await store.read(id, call);
        if (when.ifVersion === undefined || record?.version !== when.ifVersion)
          return store.delete(id, when, call);
        await Promise.resolve();
        return store.delete(id, when.label === undefined ? {} : { label: when.label }, call);
      },
    }),
  },
  {
    name: "delete of what is not there is an error",
    caughtBy: "delete of what is not there resolves gone, with and without a condition",
    plant: (store) => ({
      async delete(id, when, call) {
        const outcome = await store.delete(id, when, call);
        if (outcome === "gone") throw new Error("no such session");
        return outcome;
      },
    }),
  },
  {
    name: "ids are compared without regard to case",
    caughtBy: "ids that differ only in case are different ids",
    plant: (store) => {
      const folded = (id: SessionId): SessionId => id.toLowerCase() as SessionId;
      return {
        create: (record, call) => store.create({ ...record, id: folded(record.id) }, call),
        read: (id, call) => store.read(folded(id), call),
        update: (id, change, call) => store.update(folded(id), change, call),
        delete: (id, when, call) => store.delete(folded(id), when, call),
      };
    },
  },
  {
    name: "a text is cut at 64 KiB",
    caughtBy: "a text of 1 MB comes back whole, also beside small ones",
    plant: (store) => rewriting(store, (text) => text.slice(0, 65_536)),
  },
  {
    name: "a text is brought into another normal form",
    caughtBy: "a store never looks inside a text: whatever it is comes back as it was",
    plant: (store) => rewriting(store, (text) => text.normalize("NFC")),
  },
  {
    name: "an empty text counts as none",
    caughtBy: "a store never looks inside a text: whatever it is comes back as it was",
    plant: (store) => rewriting(store, (text) => text || "null"),
  },
  {
    name: "a name that every object has counts as there already",
    caughtBy: "every field name that the core allows is a name like any other",
    plant: (store) => ({
      create(record, call) {
        const fields = Object.entries(record.fields).filter(([name]) => !(name in {}));
        return store.create({ ...record, fields: Object.fromEntries(fields) }, call);
      },
    }),
  },
  {
    name: "numbers are kept in 32 bits",
    caughtBy: "numbers at the edges come back exactly",
    plant: (store) => ({
      create: (record, call) => store.create({ ...record, version: record.version | 0 }, call),
    }),
  },
  {
    name: "a time of zero counts as none",
    caughtBy: "times and counts of zero are numbers like any other",
    plant: (store) => ({
      create: (record, call) => store.create({ ...record, accessedAt: record.accessedAt || 1 }, call),
    }),
  },
  {
    name: "setup makes the store anew",
    caughtBy: "setup destroys nothing, however often it is called",
    plant: (store) => ({
      async setup(call) {
        const { records } = await store.all({ limit: 1_000_000 }, call);
        for (const { id } of records) await store.delete(id, {}, call);
      },
    }),
  },
  {
    name: "a listener hears of deletions that were refused",
    caughtBy: "what was refused or found gone is not told, and neither is a change",
    plant: (store) => {
      const listeners = new Set<(id: SessionId) => void>();
      return {
        subscribe(listener) {
          listeners.add(listener);
          const stop = store.subscribe(listener);
          return () => {
            listeners.delete(listener);
            stop();
          };
        },
        async delete(id, when, call) {
          const outcome = await store.delete(id, when, call);
          if (outcome !== "done") for (const listener of listeners) listener(id);
          return outcome;
        },
      };
    },
  },
];
