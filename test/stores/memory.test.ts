import { describe, test } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import { storeContract, type StoreSubject } from "../../src/testing/index.ts";

const subject: StoreSubject = {
  name: "memory",
  async open() {
    const store = memoryStore();
    return { store, close: () => store.close() };
  },
  abilities: {
    labels: true,
    iterate: true,
    sweep: true,
    setup: true,
    subscribe: true,
    dispose: true,
    "second handle": "the records are in the store itself",
    processes: "the memory of a process is its own",
    damage: "nothing but the store reaches its records",
  },
};

storeContract({ test, describe }, subject);
