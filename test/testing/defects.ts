import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore, type MemoryStore } from "../../src/stores/memory.ts";
import { keptDefects } from "./defects/kept.ts";
import { labelDefects } from "./defects/labels.ts";
import { listingDefects } from "./defects/listings.ts";
import { recordDefects } from "./defects/records.ts";
import { updateDefects } from "./defects/updates.ts";
import type { Defect } from "./defects/defect.ts";

/** Mistakes that stores of this field have made. */
export const defects: readonly Defect[] = [
  ...updateDefects,
  ...recordDefects,
  ...labelDefects,
  ...listingDefects,
  ...keptDefects,
];

/** A fresh store with the mistake in it. */
export function harmed(defect: Pick<Defect, "plant">): AnyStore {
  const store = memoryStore();
  const sound: MemoryStore = {
    traits: store.traits,
    create: (record, call) => store.create(record, call),
    read: (id, call) => store.read(id, call),
    update: (id, change, call) => store.update(id, change, call),
    delete: (id, when, call) => store.delete(id, when, call),
    listByLabel: (label, page, call) => store.listByLabel(label, page, call),
    deleteByLabel: (label, except, call) => store.deleteByLabel(label, except, call),
    all: (page, call) => store.all(page, call),
    sweep: (now, limit, call) => store.sweep(now, limit, call),
    setup: (call) => store.setup(call),
    subscribe: (listener) => store.subscribe(listener),
    close: () => store.close(),
  };
  return { ...sound, ...defect.plant(store) };
}
