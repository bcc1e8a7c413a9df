import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { movingStore } from "../../src/stores/moving.ts";
import { storeContract } from "../../src/testing/index.ts";
import { memorySubject } from "../testing/memory-subject.ts";
import { bornOld } from "./moving/support.ts";

const subjects: Readonly<Record<string, () => AnyStore>> = {
  moving: () => movingStore({ from: memoryStore(), to: memoryStore() }),
  "moving, prepared": () => movingStore({ from: memoryStore(), to: memoryStore(), stage: "prepare" }),
  "moving, of records that are all in the old store": () => {
    const stores = { from: memoryStore(), to: memoryStore() };
    return bornOld(movingStore(stores), movingStore({ ...stores, stage: "prepare" }));
  },
  "moving, beside a process that does not yet": () => {
    const stores = { from: memoryStore(), to: memoryStore() };
    return bornOld(movingStore({ ...stores, stage: "prepare" }), movingStore(stores));
  },
};

for (const [name, open] of Object.entries(subjects)) {
  const subject = memorySubject(async () => {
    const store = open();
    return { store, close: async () => void (await store.close?.()) };
  });
  storeContract({ test, describe }, { ...subject, name });
}
void assert;
