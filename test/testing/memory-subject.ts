import type { StoreSubject } from "../../src/testing/index.ts";

/** The memory store as a subject of the contract, opened as told: sound, or with a defect. */
export function memorySubject(open: StoreSubject["open"]): StoreSubject {
  return {
    name: "memory",
    open,
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
}
