import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import {
  adapterContract,
  type AdapterSubject,
  type OpenedStore,
  storeContract,
  type StoreSubject,
} from "../../src/testing/index.ts";
import { bridgedSubject, directSubject } from "../adapters/support/fetch-subject.ts";
import { atRest } from "../support/at-rest.ts";
import { sealed, sealedSqlite } from "../support/sealed-store.ts";
import { memorySubject } from "../testing/memory-subject.ts";

// Every promise of the stores and of the adapters, once more with sealed fields and peppered hashes.

const CALL = { signal: new AbortController().signal };

const inMemory: StoreSubject = {
  ...memorySubject(async () => {
    const store = sealed(memoryStore());
    return { store, close: async () => store.close?.() };
  }),
  name: "memory, sealed",
};

const inSqlite: StoreSubject = {
  name: "sqlite, sealed",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-sealed-"));
    const file = join(folder, "sessions.db");
    const first = await handleOn(file);
    return {
      ...first,
      close: async () => {
        await first.close();
        await rm(folder, { recursive: true });
      },
      openAgain: () => handleOn(file),
      worker: {
        module: new URL("../support/sealed-store.ts", import.meta.url),
        export: "sealedSqlite",
        location: file,
      },
    };
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
    damage: "the store without seals is tried for it",
  },
};

async function handleOn(file: string): Promise<OpenedStore> {
  const store = sealedSqlite(file);
  await store.setup?.(CALL);
  return { store, close: async () => store.close?.() };
}

storeContract({ test, describe }, inMemory);
storeContract({ test, describe }, inSqlite);

adapterContract({ test, describe }, protectedBy(directSubject(), "memory"));
adapterContract(
  { test, describe },
  {
    ...protectedBy(bridgedSubject(), "sqlite"),
    async openStore() {
      const folder = await mkdtemp(join(tmpdir(), "holdfast-sealed-"));
      const store = sqliteStore(join(folder, "sessions.db"));
      const close = async (): Promise<void> => {
        await store.close();
        await rm(folder, { recursive: true });
      };
      return { store, close };
    },
  },
);

function protectedBy(subject: AdapterSubject, store: string): AdapterSubject {
  return {
    ...subject,
    name: `${subject.name}, ${store} store, sealed and peppered`,
    atRest: atRest("a", "b"),
  };
}
