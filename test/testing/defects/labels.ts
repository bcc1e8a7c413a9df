import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import { bearersOf, byOffset, EVERYTHING, type Defect } from "./defect.ts";

export const labelDefects: readonly Defect[] = [
  {
    name: "the label index keeps what was deleted",
    caughtBy: "a record that is gone is never listed",
    plant: (store) => {
      const entries: SessionRecord[] = [];
      return {
        create(record, call) {
          entries.push({ ...record, fields: {} });
          return store.create(record, call);
        },
        listByLabel: async (label, page) =>
          byOffset(
            entries.filter((record) => record.labels.includes(label)),
            page,
          ),
      };
    },
  },
  {
    name: "the label index misses labels that come with a new secret",
    caughtBy: "labels that come with a new secret are found by the next call, and old ones are not",
    plant: (store) => {
      const labels = new Map<SessionId, readonly string[]>();
      return {
        create(record, call) {
          labels.set(record.id, record.labels);
          return store.create(record, call);
        },
        async listByLabel(label, page, call) {
          const listed = await store.listByLabel(label, page, call);
          return { ...listed, records: listed.records.filter(({ id }) => labels.get(id)?.includes(label)) };
        },
      };
    },
  },
  {
    name: "labels are compared by their beginning",
    caughtBy: "labels are compared to the letter, whatever they are made of",
    plant: (store) => ({
      async listByLabel(label, page, call) {
        const { records } = await store.all(EVERYTHING, call);
        const found = records.filter((record) => record.labels.some((one) => one.startsWith(label)));
        return byOffset(found, page);
      },
    }),
  },
  {
    name: "a listing by label shows the application's fields",
    caughtBy: "a listing shows every column and the library's own fields, and leaves the others out",
    plant: (store) => ({
      listByLabel: async (label, page) => byOffset(await bearersOf(store, label), page),
    }),
  },
  {
    name: "a listing by label leaves the library's own fields out too",
    caughtBy: "a listing shows every column and the library's own fields, and leaves the others out",
    plant: (store) => ({
      async listByLabel(label, page, call) {
        const listed = await store.listByLabel(label, page, call);
        return { ...listed, records: listed.records.map((record) => ({ ...record, fields: {} })) };
      },
    }),
  },
  {
    name: "a listing by label is a moment old",
    caughtBy: "index and record never part, whatever overlaps",
    plant: (store) => {
      const pages = new Map<string, Awaited<ReturnType<typeof store.listByLabel>>>();
      return {
        async listByLabel(label, page, call) {
          const key = JSON.stringify([label, page]);
          const shown = pages.get(key);
          pages.set(key, await store.listByLabel(label, page, call));
          return shown ?? { records: [] };
        },
      };
    },
  },
  {
    name: "delete by label ignores the exceptions",
    caughtBy: "delete by label deletes all but those named, and tells how many",
    plant: (store) => ({
      deleteByLabel: (label, _except, call) => store.deleteByLabel(label, [], call),
    }),
  },
  {
    name: "delete by label takes a first page and no more",
    caughtBy: "delete by label takes hundreds at once, and hundreds of exceptions",
    plant: (store) => ({
      async deleteByLabel(label, except, call) {
        const { records } = await store.listByLabel(label, { limit: 20 }, call);
        const doomed = records.filter(({ id }) => !except.includes(id));
        for (const { id } of doomed) await store.delete(id, {}, call);
        return doomed.length;
      },
    }),
  },
  {
    name: "delete by label lists first and deletes later, whatever the record bears by then",
    caughtBy:
      "a record that changes its label while that label is revoked: revoked before, or changed and left alone",
    plant: (store) => ({
      async deleteByLabel(label, except, call) {
        const doomed = (await bearersOf(store, label)).filter(({ id }) => !except.includes(id));
        let deleted = 0;
        for (const { id } of doomed) if ((await store.delete(id, {}, call)) === "done") deleted += 1;
        return deleted;
      },
    }),
  },
];
