import { expect, test } from "vitest";
import type { LmdbDatabase, LmdbTable } from "../../../src/stores/lmdb/driver.ts";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { call, freshFile, idOf, keysOf, NOW, recordOf, rootOn, storeOn, tableOf } from "./support.ts";

/** A database whose driver, for the first condition that it is given, checks another that fails, and says that it held. */
function mistaken(database: LmdbDatabase): LmdbDatabase {
  let isTrue = false;
  const misled = (table: LmdbTable): LmdbTable =>
    new Proxy(table, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (name !== "ifVersion" || isTrue) return value.bind(target) as unknown;
        return (key: string, version: number, work: () => void) => {
          isTrue = true;
          return target.ifVersion(key, version + 1, work).then(() => true);
        };
      },
    });
  return {
    openDB: (options) => misled(database.openDB(options) as LmdbTable),
    close: () => database.close(),
  };
}

test("P1: a write of which the driver says that it took place is not acknowledged unless it did", async () => {
  const root = rootOn(freshFile());
  const store = lmdbStore(mistaken(root));
  await store.setup(call());
  await store.create(recordOf("a"), call());
  const change = { now: NOW, epoch: 1, ifVersion: 1, set: { a: "2" } };
  expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
  expect((await store.read(idOf("a"), call()))?.fields["a"]).toBe("2");
  await store.close();
});

test("P1: of two writes under one condition, one that failed for a mistaken driver is a conflict", async () => {
  const root = rootOn(freshFile());
  const store = lmdbStore(mistaken(root));
  await store.setup(call());
  await store.create(recordOf("a"), call());
  const outcomes = await Promise.all(
    ["2", "3"].map((text) =>
      store.update(idOf("a"), { now: NOW, epoch: 1, ifVersion: 1, set: { a: text } }, call()),
    ),
  );
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["conflict", "done"]);
  await store.close();
});

test("receipts of processes that ended long ago are removed by a sweep, and those of now stay", async () => {
  const file = freshFile();
  const store = await storeOn(file);
  await store.create(recordOf("a"), call());
  const table = tableOf(rootOn(file));
  await table.put("rofsomebody 7", "1000", 5);
  const receipts = (): string[] => [...table.getKeys({ start: "r", end: "s" })];
  expect(receipts()).toHaveLength(2);
  await store.sweep(NOW, 10, call());
  table.resetReadTxn();
  expect(receipts()).toHaveLength(1);
  expect(keysOf(table)).toContain(`s${idOf("a")}`);
});
