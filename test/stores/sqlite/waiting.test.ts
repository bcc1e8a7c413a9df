import type { ChildProcess } from "node:child_process";
import { DatabaseSync } from "node:sqlite";
import Better from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import {
  call,
  DRIVERS,
  freshFile,
  idOf,
  message,
  NOW,
  rawOn,
  recordOf,
  start,
  storeOn,
  turns,
  watch,
} from "./support.ts";

const change = { now: NOW, epoch: 1, set: { a: "2" } };

async function holdLock(file: string): Promise<ChildProcess> {
  const holder = start("./holder.ts", file);
  expect(await message(holder)).toBe("held");
  return holder;
}

async function release(holder: ChildProcess): Promise<void> {
  const released = message(holder);
  holder.send("release");
  await released;
}

describe.each(DRIVERS)("sqlite by %s, locked by another process", (driver) => {
  test("a write waits while the event loop goes on, and is done once the lock is free", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    const holder = await holdLock(file);

    const outcome = store.update(idOf("a"), change, call());
    const state = watch(outcome);
    await turns(500);
    expect(state.settled).toBe(false);
    // Reading is not kept waiting by a writer.
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1" });
    // The answer of the other process is heard only by an event loop that is not stalled.
    await release(holder);
    expect(await outcome).toEqual({ kind: "done", version: 2 });
  });

  test("a write whose deadline comes first rejects, is never carried out, and holds up nobody", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    const holder = await holdLock(file);

    const deadline = new AbortController();
    const late = store.update(idOf("a"), change, { signal: deadline.signal });
    const other = store.update(idOf("a"), { ...change, set: { b: "3" } }, call());
    await turns(50);
    deadline.abort(new Error("too late"));
    await expect(late).rejects.toMatchObject({
      code: "ERR_SESSION_STORE_UNAVAILABLE",
      cause: new Error("too late"),
    });
    await release(holder);
    expect(await other).toEqual({ kind: "done", version: 2 });
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1", b: "3" });
  });

  test("close waits for the writes that wait", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    const holder = await holdLock(file);
    const created = store.create(recordOf("a"), call());
    await turns(10);
    const closed = store.close();
    const state = watch(closed);
    await turns(50);
    expect(state.settled).toBe(false);
    await expect(store.read(idOf("a"), call())).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
    await release(holder);
    expect(await created).toBe(true);
    await closed;
  });

  test("a database that was handed in keeps its busy timeout, and the store does not wait by it", async () => {
    const file = freshFile();
    const database = rawOn(file, driver);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 3600000");
    const store = sqliteStore(database);
    await store.setup(call());
    await store.create(recordOf("a"), call());
    const holder = await holdLock(file);
    const outcome = store.update(idOf("a"), change, call());
    const state = watch(outcome);
    await turns(500);
    expect(state.settled).toBe(false);
    expect(database.prepare("PRAGMA busy_timeout").get()).toEqual(
      expect.objectContaining({ timeout: 3_600_000 }),
    );
    await release(holder);
    expect(await outcome).toEqual({ kind: "done", version: 2 });
  });

  test("many processes that set up a new file at once all succeed", async () => {
    const file = freshFile();
    const founders = Array.from({ length: 5 }, () => start("./founder.ts", file, driver));
    for (const ready of founders.map(message)) expect(await ready).toBe("ready");
    const done = founders.map(message);
    for (const founder of founders) founder.send("go");
    expect(await Promise.all(done)).toEqual(founders.map(() => "done"));
    const store = await storeOn(file, driver);
    expect(await store.create(recordOf("a"), call())).toBe(true);
  });
});

describe.each(DRIVERS)("sqlite on a database of %s that was handed in", (driver) => {
  test("a transaction that the application left open is neither joined nor read, but waited for", async () => {
    const database = rawOn(freshFile(), driver);
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE mine (n INTEGER)");
    const store = sqliteStore(database);
    await store.setup(call());
    await store.create(recordOf("a"), call());

    database.exec("BEGIN; INSERT INTO mine VALUES (1); UPDATE holdfast_sessions SET version = 9");
    const outcome = store.update(idOf("a"), change, call());
    const read = Promise.resolve(store.read(idOf("a"), call()));
    const states = [watch(outcome), watch(read)];
    await turns(100);
    expect(states).toEqual([{ settled: false }, { settled: false }]);
    database.exec("ROLLBACK");
    expect(await outcome).toEqual({ kind: "done", version: 2 });
    expect((await read)?.version).toBeLessThanOrEqual(2);
    expect(database.prepare("SELECT count(*) AS n FROM mine").get()).toEqual(
      expect.objectContaining({ n: 0 }),
    );
  });

  test("nothing of it is changed, and close leaves it open", async () => {
    const database = rawOn(freshFile(), driver);
    database.exec("PRAGMA user_version = 77; PRAGMA synchronous = EXTRA; PRAGMA busy_timeout = 1234");
    const settings = (): unknown[] =>
      ["user_version", "synchronous", "busy_timeout", "journal_mode", "foreign_keys"].map((name) =>
        database.prepare(`PRAGMA ${name}`).get(),
      );
    const before = settings();
    const store = sqliteStore(database, { tablePrefix: "shop_" });
    expect(store.traits).toMatchObject({ durability: "power", shared: true });
    await store.setup(call());
    await store.create(recordOf("a"), call());
    await store.update(idOf("a"), change, call());
    await store.close();
    expect(settings()).toEqual(before);
    expect(database.prepare("SELECT count(*) AS n FROM shop_sessions").get()).toEqual(
      expect.objectContaining({ n: 1 }),
    );
  });

  test("deleting leaves no field and no label, whether foreign keys are on or off", async () => {
    for (const foreignKeys of ["ON", "OFF"]) {
      const database = rawOn(freshFile(), driver);
      database.exec(`PRAGMA foreign_keys = ${foreignKeys}`);
      const store = sqliteStore(database);
      await store.setup(call());
      for (const name of ["a", "b", "c"]) await store.create(recordOf(name), call());
      await store.delete(idOf("a"), {}, call());
      await store.deleteByLabel("user:1", [idOf("c")], call());
      await store.sweep(NOW + 1000, 10, call());
      for (const table of ["sessions", "fields", "labels"]) {
        const count = database.prepare(`SELECT count(*) AS n FROM holdfast_${table}`).get();
        expect(count).toEqual(expect.objectContaining({ n: 0 }));
      }
    }
  });

  test("durability is what it promises, and asking for more throws and names the mend", () => {
    const database = rawOn(freshFile(), driver);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    expect(sqliteStore(database).traits.durability).toBe("process");
    expect(() => sqliteStore(database, { durability: "power" })).toThrow(/PRAGMA synchronous = FULL/);
    expect(sqliteStore(rawOn(":memory:", driver)).traits).toMatchObject({
      durability: "none",
      shared: false,
    });
  });
});

test("sqlite waits while the application walks over rows of a better-sqlite3 database", async () => {
  const database = new Better(freshFile());
  database.exec("CREATE TABLE mine (n INTEGER); INSERT INTO mine VALUES (1), (2)");
  const store = sqliteStore(database);
  await store.setup(call());
  const rows = database.prepare("SELECT n FROM mine").iterate();
  rows.next();
  const created = store.create(recordOf("a"), call());
  const state = watch(created);
  await turns(100);
  expect(state.settled).toBe(false);
  rows.return?.();
  expect(await created).toBe(true);
  database.close();
});

test("sqlite reads right on databases whose defaults are big integers and arrays", async () => {
  const builtIn = new DatabaseSync(":memory:", { readBigInts: true, returnArrays: true });
  const better = new Better(":memory:").defaultSafeIntegers(true);
  for (const database of [builtIn, better]) {
    const store = sqliteStore(database);
    await store.setup(call());
    const record = recordOf("a", { expiresAt: Number.MAX_SAFE_INTEGER, endsAt: Number.MAX_SAFE_INTEGER });
    await store.create(record, call());
    expect(await store.read(idOf("a"), call())).toEqual(record);
    database.close();
  }
});
