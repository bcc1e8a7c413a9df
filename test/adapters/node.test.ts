import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";

import type { AnyStore } from "../../src/index.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { adapterContract, type AdapterSubject } from "../../src/testing/index.ts";
import { nodeSubject } from "./support/plain-node-subject.ts";

adapterContract({ test, describe }, nodeSubject);
adapterContract(
  { test, describe },
  {
    ...nodeSubject,
    name: "node on the sqlite store",
    openStore: inFolder((folder) => sqliteStore(join(folder, "sessions.db"))),
  },
);
adapterContract(
  { test, describe },
  {
    ...nodeSubject,
    name: "node on the directory store",
    openStore: inFolder((folder) => directoryStore(join(folder, "sessions"))),
  },
);

/** Opens a store in a temporary folder, which goes when it closes. */
function inFolder(make: (folder: string) => AnyStore): NonNullable<AdapterSubject["openStore"]> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-adapter-"));
    const store = make(folder);
    return {
      store,
      close: async () => {
        await store.close?.();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };
}
