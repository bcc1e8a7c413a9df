import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { memoryStore } from "../../../src/stores/memory.ts";
import { type Engine, QUIET } from "./engine.ts";

/** The memory of this process. */
export async function startMemory(): Promise<Engine> {
  const store = memoryStore({ maxSessions: 100_000_000 });
  const collect = collector();
  return {
    ...QUIET,
    name: "memory",
    version: process.version,
    settings: { maxSessions: "100000000" },
    counted: "nothing: the engine keeps no such books",
    location: null,
    open: async () => ({ store, close: async () => {} }),
    counters: async () => ({}),
    async atRest() {
      collect();
      return { heap: process.memoryUsage().heapUsed };
    },
    stop: async () => {},
  };
}

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}
