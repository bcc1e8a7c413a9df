import { createRequire } from "node:module";
import { join } from "node:path";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { type Engine, type OpenStore, QUIET } from "./engine.ts";
import { benchFolder, COUNTED_OF_PROCESS, occupied, ownInputAndOutput } from "./files.ts";

export async function startLmdb(): Promise<Engine> {
  const folder = await benchFolder();
  const file = join(folder.path, "sessions.lmdb");
  const manifest = createRequire(import.meta.url)("lmdb/package.json") as { readonly version: string };
  return {
    ...QUIET,
    name: "lmdb",
    version: manifest.version,
    settings: { client: "lmdb", durability: "process" },
    counted: COUNTED_OF_PROCESS,
    location: { engine: "lmdb", at: file },
    open: () => openLmdb(file),
    counters: ownInputAndOutput,
    atRest: async () => ({ file: occupied(folder.path) }),
    stop: () => folder.remove(),
  };
}

export async function openLmdb(file: string): Promise<OpenStore> {
  const store = lmdbStore(file, { durability: "process" });
  return { store, close: () => store.close() };
}
