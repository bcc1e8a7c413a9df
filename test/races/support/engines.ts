import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServerName } from "../../../scripts/servers.mjs";
import type { Place, StoreName } from "./places.ts";

/** Something that a suite can keep sessions in: started once for the suite, it has a new place for every test. */
export interface Engine {
  readonly name: string;
  /** The servers that have to be installed. */
  readonly needs: readonly ServerName[];
  start(): Promise<RunningEngine>;
}

export interface RunningEngine {
  /** A place that nobody used before. */
  place(): Promise<Place>;
  stop(): Promise<void>;
}

function inFolder(store: StoreName, file: string): Engine {
  return {
    name: store,
    needs: [],
    async start() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-races-"));
      return {
        place: async () => ({ store, location: join(await mkdtemp(join(folder, "place-")), file) }),
        stop: () => rm(folder, { recursive: true, force: true }),
      };
    },
  };
}

/** Every engine, by what a suite calls it. */
export const ENGINES = {
  memory: inFolder("memory", ""),
  directory: inFolder("directory", "sessions"),
  sqlite: inFolder("sqlite", "sessions.db"),
} satisfies Readonly<Record<string, Engine>>;

export type EngineName = keyof typeof ENGINES;
