// A store under seals, as a manager sees it; opened by the tests of the contract and by its worker processes.
import { AtRest, resolveAtRest } from "../../src/core/at-rest.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { sqliteStore } from "../../src/stores/sqlite.ts";
import { atRest } from "./at-rest.ts";

export function sealed(store: AnyStore): AnyStore {
  const { seal, pepper } = atRest("a", "b");
  return new AtRest(resolveAtRest(seal, pepper)).opened(store);
}

export const sealedSqlite = (file: string): AnyStore => sealed(sqliteStore(file, { driver: "node:sqlite" }));
