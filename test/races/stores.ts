import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe } from "vitest";
import type { AnyStore } from "../../src/core/store.ts";
import { directoryStore } from "../../src/stores/directory.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";

/** Makes a store that nobody used before. */
export type Opener = () => Promise<AnyStore>;

/** Describes the same rules for every store there is. */
export function everyStore(rules: (open: Opener) => void): void {
  const folders: string[] = [];
  const opened: AnyStore[] = [];

  async function folder(): Promise<string> {
    const made = await mkdtemp(join(tmpdir(), "holdfast-races-"));
    folders.push(made);
    return made;
  }

  const openers: Record<string, Opener> = {
    memory: async () => memoryStore(),
    directory: async () => directoryStore(join(await folder(), "sessions")),
    sqlite: async () => sqliteStore(join(await folder(), "sessions.db")),
  };

  for (const [name, make] of Object.entries(openers)) {
    describe(`in the ${name} store`, () => {
      afterEach(async () => {
        for (const store of opened.splice(0)) await store.close?.();
        for (const path of folders.splice(0)) await rm(path, { recursive: true, force: true });
      });
      rules(async () => {
        const store = await make();
        opened.push(store);
        return store;
      });
    });
  }
}

/** A store whose client sends every write twice by itself, and takes the second answer. */
export function resending(inner: AnyStore): AnyStore {
  const twice =
    <Args extends unknown[], Answer>(method: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      await method.apply(inner, args);
      return await method.apply(inner, args);
    };
  return new Proxy(Object.create(inner) as AnyStore, {
    get(_heir, name: keyof AnyStore) {
      if (name === "traits") return { ...inner.traits, resends: true };
      const value: unknown = Reflect.get(inner, name, inner);
      if (typeof value !== "function") return value;
      if (name === "create" || name === "update" || name === "delete") return twice(value as never);
      return value.bind(inner) as unknown;
    },
  });
}
