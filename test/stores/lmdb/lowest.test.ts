// The lowest version of the driver. In a file of its own: one process cannot hold the native parts of two versions.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { type OpenedStore, storeContract } from "../../../src/testing/index.ts";
import { lowest } from "./opening-lowest.ts";

async function handleOf(path: string): Promise<OpenedStore> {
  const store = lowest(path);
  await store.setup({ signal: new AbortController().signal });
  return { store, close: () => store.close() };
}

storeContract(
  { test, describe },
  {
    name: "lmdb 3.0, handed in",
    effort: 0.1,
    async open() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-lmdb30-"));
      const path = join(folder, "sessions.lmdb");
      const first = await handleOf(path);
      async function close(): Promise<void> {
        await first.close();
        await rm(folder, { recursive: true });
      }
      const module = new URL("./opening-lowest.ts", import.meta.url);
      const worker = { module, export: "lowest", location: path };
      return { store: first.store, close, openAgain: () => handleOf(path), worker };
    },
    abilities: {
      labels: true,
      iterate: true,
      sweep: true,
      setup: true,
      subscribe: "a file tells nobody",
      dispose: true,
      "second handle": true,
      processes: true,
      damage: "tried with the newest version",
    },
  },
);
