import { directoryStore } from "../../../src/stores/directory.ts";
import { type Engine, type OpenStore, QUIET } from "./engine.ts";
import { benchFolder, COUNTED_OF_PROCESS, occupied, ownInputAndOutput } from "./files.ts";

export async function startDirectory(): Promise<Engine> {
  const folder = await benchFolder();
  return {
    ...QUIET,
    name: "directory",
    version: "files",
    settings: { durability: "process" },
    counted: COUNTED_OF_PROCESS,
    location: { engine: "directory", at: folder.path },
    open: () => openDirectory(folder.path),
    counters: ownInputAndOutput,
    atRest: async () => ({ "files and folders": occupied(folder.path) }),
    stop: () => folder.remove(),
  };
}

export async function openDirectory(path: string): Promise<OpenStore> {
  return { store: directoryStore(path), close: async () => {} };
}
