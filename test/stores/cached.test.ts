import { describe, test } from "vitest";
import { storeContract } from "../../src/testing/index.ts";
import { memorySubject } from "../testing/memory-subject.ts";
import { cachedMemory, laggingSubject } from "./cached/support.ts";

const inMemory = memorySubject(async () => {
  const { store } = cachedMemory({ staleness: "1h" });
  return { store, close: () => store.close() };
});
storeContract({ test, describe }, laggingSubject({ ...inMemory, name: "memory, cached" }));
