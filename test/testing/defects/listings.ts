import type { SessionRecord } from "../../../src/core/record.ts";
import { bearersOf, byOffset, EVERYTHING, type Defect } from "./defect.ts";

const BOUNDARY =
  "a sweep deletes what expired at its now or before, and nothing that expires a millisecond later";
const LIMIT = "a sweep deletes at most its limit, says whether it got there, and the next goes on";

export const listingDefects: readonly Defect[] = [
  {
    name: "a sweep collects, waits, and deletes without looking again",
    caughtBy: "a sweep that overlaps a touch at the boundary: touched and there, or gone and told so",
    plant: (store) => ({
      async sweep(now, limit, call) {
        const { records } = await store.all(EVERYTHING, call);
        const due = records.filter((record) => record.expiresAt <= now).slice(0, limit);
        let deleted = 0;
        for (const { id } of due) if ((await store.delete(id, {}, call)) === "done") deleted += 1;
        return { deleted, more: due.length === limit };
      },
    }),
  },
  {
    name: "a sweep goes by the expiry at the creation",
    caughtBy: "a sweep goes by the expiry of now: what was touched stays",
    plant: (store) => {
      const created = new Map<SessionRecord["id"], number>();
      return {
        create(record, call) {
          created.set(record.id, record.expiresAt);
          return store.create(record, call);
        },
        async sweep(now, _limit, call) {
          let deleted = 0;
          for (const [id, expiresAt] of created) {
            if (expiresAt <= now && (await store.delete(id, {}, call)) === "done") deleted += 1;
          }
          return { deleted, more: false };
        },
      };
    },
  },
  {
    name: "a sweep takes what expires a millisecond later",
    caughtBy: BOUNDARY,
    plant: (store) => ({ sweep: (now, limit, call) => store.sweep(now + 1, limit, call) }),
  },
  {
    name: "a sweep leaves what expires at its now",
    caughtBy: BOUNDARY,
    plant: (store) => ({ sweep: (now, limit, call) => store.sweep(now - 1, limit, call) }),
  },
  {
    name: "a sweep ignores its limit",
    caughtBy: LIMIT,
    plant: (store) => ({ sweep: (now, _limit, call) => store.sweep(now, 1_000_000, call) }),
  },
  {
    name: "a sweep never says that there is more",
    caughtBy: LIMIT,
    plant: (store) => ({
      sweep: async (now, limit, call) => ({ ...(await store.sweep(now, limit, call)), more: false }),
    }),
  },
  {
    name: "pages are counted from the start, so that a deletion makes a walk skip",
    caughtBy: "a walk that deletes every page it saw reaches every record",
    plant: (store) => ({
      all: async (page, call) => byOffset((await store.all(EVERYTHING, call)).records, page),
    }),
  },
  {
    name: "pages are sorted by the access time, so that a touch makes a walk repeat or skip",
    caughtBy: "a walk by label sees each record that stays once, whatever comes and goes meanwhile",
    plant: (store) => ({
      async listByLabel(label, page) {
        const found = (await bearersOf(store, label)).map((record) => ({ ...record, fields: {} }));
        return byOffset(
          found.toSorted((a, b) => b.accessedAt - a.accessedAt),
          page,
        );
      },
    }),
  },
  {
    name: "every page begins with the last record of the page before",
    caughtBy: "pages hold to their limit, and together have each record once",
    plant: (store) => {
      let last: SessionRecord | undefined;
      return {
        async all(page, call) {
          const turned = await store.all(page, call);
          const records = page.after !== undefined && last ? [last, ...turned.records] : turned.records;
          last = records.at(-1);
          return { ...turned, records };
        },
      };
    },
  },
  {
    name: "all skips marks",
    caughtBy: "all lists whole records: marks, expired ones and every field included",
    plant: (store) => ({
      async all(page, call) {
        const turned = await store.all(page, call);
        return { ...turned, records: turned.records.filter((record) => record.secretHash !== "") };
      },
    }),
  },
];
