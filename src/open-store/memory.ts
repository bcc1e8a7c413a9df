import type { AnyStore, DisposableStore } from "../core/store.ts";
import { memoryStore } from "../stores/memory.ts";

export async function openMemory(): Promise<AnyStore & DisposableStore> {
  return memoryStore();
}
