import type { AnyStore, DeleteOutcome, SessionChange, UpdateOutcome } from "../../../src/core/store.ts";
import type { SessionRecord } from "../../../src/core/record.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";

/** What a store can do wrong in an outage, here once in a while. */
export type Defect = keyof typeof DEFECTS;

/** Where a store with a defect is, as JSON. */
export interface DefectiveLocation {
  readonly file: string;
  readonly defect: Defect;
}

/** How often it goes wrong. */
const ONCE_IN = 4;

type Harm = (store: AnyStore) => Partial<AnyStore>;

const DEFECTS = {
  /** Sends a write again without its condition when it did not like the answer, and does not say that it may. */
  "sends again": (store) => ({
    async update(id, change, call) {
      const { ifVersion: _condition, ...unconditional } = change;
      await store.update(id, change, call);
      return await store.update(id, unconditional satisfies SessionChange, call);
    },
  }),
  /** Says that it wrote what it did not. */
  "swallows writes": (store) => ({
    update: sometimes<Parameters<AnyStore["update"]>, UpdateOutcome>(
      async (...args) => await store.update(...args),
      async (_id, change) => ({ kind: "done", version: (change.ifVersion ?? 1) + 1 }),
    ),
  }),
  /** Says that it ended what it did not. */
  "swallows deletions": (store) => ({
    delete: sometimes<Parameters<AnyStore["delete"]>, DeleteOutcome>(
      async (...args) => await store.delete(...args),
      async () => "done",
    ),
  }),
  /** Takes an outage for an answer: nobody there. */
  "takes an outage for nothing": (store) => ({
    read: sometimes<Parameters<AnyStore["read"]>, SessionRecord | null>(
      async (...args) => await store.read(...args),
      async () => null,
    ),
  }),
  /** Does not list what is there. */
  "lists too little": () => ({ listByLabel: async () => ({ records: [] }) }),
  /** Leaves a rejection to nobody. */
  "leaves rejections": (store) => ({
    read: sometimes<Parameters<AnyStore["read"]>, SessionRecord | null>(
      async (...args) => await store.read(...args),
      async (...args) => {
        void Promise.reject(new Error("The connection was lost."));
        return await store.read(...args);
      },
    ),
  }),
} satisfies Readonly<Record<string, Harm>>;

export const DEFECT_NAMES: readonly Defect[] = Object.keys(DEFECTS) as Defect[];

export function openDefective(location: string): AnyStore {
  const { file, defect } = JSON.parse(location) as DefectiveLocation;
  const store = sqliteStore(file, { driver: "node:sqlite" });
  const harm: Harm = DEFECTS[defect];
  return new Proxy(store, {
    get(_target, name: keyof AnyStore) {
      const own: unknown = harm(store)[name] ?? Reflect.get(store, name, store);
      return typeof own === "function" ? (own.bind(store) as unknown) : own;
    },
  });
}

let calls = 0;

function sometimes<Args extends unknown[], Answer>(
  well: (...args: Args) => Promise<Answer>,
  ill: (...args: Args) => Promise<Answer>,
): (...args: Args) => Promise<Answer> {
  return (...args) => {
    calls += 1;
    return calls % ONCE_IN === 0 ? ill(...args) : well(...args);
  };
}
