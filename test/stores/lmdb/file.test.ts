import { existsSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { open } from "lmdb";
import { describe, expect, onTestFinished, test } from "vitest";
import { lmdbStore } from "../../../src/stores/lmdb.ts";
import { LAYOUT_KEY } from "../../../src/stores/lmdb/keys.ts";
import { SmallDisk } from "../../support/small-disk.ts";
import { call, freshFile, idOf, message, NOW, recordOf, rootOn, start, storeOn, tableOf } from "./support.ts";

const change = { now: NOW, epoch: 1, set: { a: "2" } };
const config = expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error;

describe("lmdb refuses at construction, and names the mend:", () => {
  test("a folder that does not exist", () => {
    const file = join(dirname(freshFile()), "none", "sessions.lmdb");
    expect(() => lmdbStore(file)).toThrow(config);
    expect(() => lmdbStore(file)).toThrow(/mkdir -p/);
    expect(existsSync(dirname(file))).toBe(false);
  });

  test("what is no path and no database", () => {
    for (const path of ["", "  ", ":memory:", "sessions.lmdb "])
      expect(() => lmdbStore(path)).toThrow(config);
    expect(() => lmdbStore({} as never)).toThrow(config);
    expect(() => lmdbStore(undefined as never)).toThrow(config);
  });

  test("options that are unknown or cannot work", () => {
    const file = freshFile();
    expect(() => lmdbStore(file, { durability: "none" as "power" })).toThrow(config);
    expect(() => lmdbStore(file, { table: "x" } as never)).toThrow(config);
    for (const databaseName of ["", "a b", "é", "x".repeat(101), 7 as never])
      expect(() => lmdbStore(file, { databaseName })).toThrow(config);
  });

  test("a database that may only be read, or that promises less than is asked for", async () => {
    const file = freshFile();
    rootOn(file);
    const reader = open({ path: file, noSubdir: true, overlappingSync: false, readOnly: true });
    expect(() => lmdbStore(reader)).toThrow(/readOnly/);
    await reader.close();
    const lax = open({ path: freshFile(), noSubdir: true, overlappingSync: false, noSync: true });
    onTestFinished(() => lax.close());
    expect(lmdbStore(lax).traits.durability).toBe("process");
    expect(() => lmdbStore(lax, { durability: "power" })).toThrow(/noSync/);
  });
});

test("what is acknowledged survives what the traits say", async () => {
  expect(lmdbStore(freshFile()).traits).toEqual({
    durability: "power",
    shared: true,
    expires: false,
    resends: false,
  });
  expect(lmdbStore(freshFile(), { durability: "process" }).traits.durability).toBe("process");
  expect(lmdbStore(rootOn(freshFile())).traits.durability).toBe("power");
  const temporary = open({});
  onTestFinished(() => temporary.close());
  expect(lmdbStore(temporary).traits).toMatchObject({ durability: "none", shared: false });
});

describe("a file of lmdb", () => {
  test("is made for its owner alone, whatever the umask, with its lock", async () => {
    for (const mask of [0o000, 0o777]) {
      const file = freshFile();
      const before = process.umask(mask);
      try {
        await (await storeOn(file)).create(recordOf("a"), call());
      } finally {
        process.umask(before);
      }
      for (const suffix of ["", "-lock"]) expect(statSync(file + suffix).mode & 0o777).toBe(0o600);
    }
  });

  test("that nobody set up rejects every call and says what to do", async () => {
    const store = lmdbStore(freshFile());
    onTestFinished(() => store.close());
    for (let time = 0; time < 2; time++) {
      await expect(store.read(idOf("a"), call())).rejects.toThrow(/Call setup\(\)/);
      await expect(store.create(recordOf("a"), call())).rejects.toThrow(/Call setup\(\)/);
    }
    await store.setup(call());
    expect(await store.create(recordOf("a"), call())).toBe(true);
  });

  const junk = "this is not a database ".repeat(500);
  test.each([
    ["text", (file: string) => writeFileSync(file, junk)],
    ["a few bytes", (file: string) => writeFileSync(file, "abc")],
    ["zeros", (file: string) => writeFileSync(file, Buffer.alloc(8192))],
    ["a folder", (file: string) => mkdirSync(file)],
    ["a folder where its lock has to be", (file: string) => mkdirSync(`${file}-lock`)],
  ])(
    "that is none of LMDB's but %s makes calls reject, and serves once it was replaced",
    async (_, spoil) => {
      const file = freshFile();
      spoil(file);
      const store = lmdbStore(file);
      onTestFinished(() => store.close());
      const unavailable = { code: "ERR_SESSION_STORE_UNAVAILABLE" };
      await expect(store.setup(call())).rejects.toMatchObject(unavailable);
      await expect(store.read(idOf("a"), call())).rejects.toMatchObject(unavailable);
      await expect(store.create(recordOf("a"), call())).rejects.toMatchObject(unavailable);
      for (const suffix of ["", "-lock"]) rmSync(file + suffix, { recursive: true, force: true });
      await store.setup(call());
      expect(await store.create(recordOf("a"), call())).toBe(true);
    },
  );

  test("that was cut short makes calls reject, and stays as it is", async () => {
    const file = freshFile();
    const before = await storeOn(file);
    await before.create(recordOf("a"), call());
    await before.close();
    truncateSync(file, 4096);
    const store = lmdbStore(file);
    await expect(store.setup(call())).rejects.toThrow(/cut short/);
    expect(statSync(file).size).toBe(4096);
  });

  test("with another layout is an outage, and somebody else's database is refused", async () => {
    const file = freshFile();
    await storeOn(file);
    await tableOf(rootOn(file)).put(LAYOUT_KEY, '{"holdfast":2}', 1);
    const store = lmdbStore(file);
    onTestFinished(() => store.close());
    for (const work of [
      () => store.setup(call()),
      () => store.read(idOf("a"), call()),
      () => store.create(recordOf("a"), call()),
    ])
      await expect(work()).rejects.toMatchObject({ code: "ERR_SESSION_FORMAT" });

    const other = rootOn(freshFile());
    await tableOf(other, "mine").put("key", "value", 1);
    await expect(lmdbStore(other, { databaseName: "mine" }).setup(call())).rejects.toThrow(config);
    expect(tableOf(other, "mine").get("key")).toBe("value");
  });

  test("that was handed in stays open, and holds what else is in it", async () => {
    const root = open({ path: freshFile(), compression: true, noSubdir: true });
    onTestFinished(() => root.close());
    await root.put("mine", { n: 1 });
    const stores = ["one", "two"].map((databaseName) => lmdbStore(root, { databaseName }));
    for (const store of stores) await store.setup(call());
    const [one, two] = stores;
    await one?.create(recordOf("a", { fields: { long: "x".repeat(9000) } }), call());
    expect(await two?.read(idOf("a"), call())).toBeNull();
    await one?.close();
    expect(await two?.create(recordOf("a"), call())).toBe(true);
    expect(root.get("mine")).toEqual({ n: 1 });
  });

  test("that two processes make grow at once serves both", { timeout: 60_000 }, async () => {
    const file = freshFile();
    const store = await storeOn(file, { durability: "process" });
    const writers = ["p", "q"].map((name) => start("./writer.ts", file, name));
    expect(await Promise.all(writers.map(message))).toEqual(["done", "done"]);
    const before = statSync(file).size;
    expect(before).toBeGreaterThan(30 * 1024 * 1024);
    let after: string | undefined;
    let count = 0;
    do {
      const page = await store.all({ limit: 1_000_000, ...(after !== undefined && { after }) }, call());
      count += page.records.length;
      after = page.next;
    } while (after !== undefined);
    expect(count).toBe(600);
    expect(await store.sweep(NOW + 2000, 1_000_000, call())).toEqual({ deleted: 600, more: false });
    // What was deleted is used again.
    const padding = "x".repeat(50_000);
    const records = Array.from({ length: 400 }, (_, index) =>
      recordOf(`n${index}x`, { fields: { padding } }),
    );
    for (const record of records) await store.create(record, call());
    expect(statSync(file).size).toBeLessThanOrEqual(before * 1.1);
  });
});

test("what cannot be kept as it is is refused before anything is written", async () => {
  const store = await storeOn(freshFile());
  const value = { code: "ERR_SESSION_VALUE" };
  await expect(store.create(recordOf("a", { fields: { a: "\ud800" } }), call())).rejects.toMatchObject(value);
  await store.create(recordOf("a"), call());
  await expect(store.update(idOf("a"), { ...change, set: { "\udfff": "1" } }, call())).rejects.toMatchObject(
    value,
  );
  expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
});

test("labels that differ only in what UTF-8 cannot tell apart stay apart, also long ones", async () => {
  const store = await storeOn(freshFile());
  const long = "l".repeat(3000);
  const labels = ["user:\ud800", "user:\ufffd", `${long}\ud800`, `${long}\ufffd`];
  for (const [index, label] of labels.entries())
    await store.create(recordOf(`${index}x`, { labels: [label] }), call());
  for (const label of labels.slice(1)) expect(await store.deleteByLabel(label, [], call())).toBe(1);
  expect((await store.read(idOf("0x"), call()))?.labels).toEqual(["user:\ud800"]);
});

test("a record of a newer format can neither be read nor written, and is deleted and swept like any other", async () => {
  const store = await storeOn(freshFile());
  const fields = { "~format": "2" };
  for (const name of ["a", "b"]) await store.create(recordOf(name, { fields }), call());
  const format = { code: "ERR_SESSION_FORMAT" };
  await expect(store.read(idOf("a"), call())).rejects.toMatchObject(format);
  await expect(store.update(idOf("a"), change, call())).rejects.toMatchObject(format);
  expect(await store.delete(idOf("a"), {}, call())).toBe("done");
  expect(await store.sweep(NOW + 1000, 10, call())).toEqual({ deleted: 1, more: false });
});

test("one call that cannot be carried out spoils none of its neighbours", async () => {
  const store = await storeOn(freshFile());
  await store.create(recordOf("new", { fields: { "~format": "2" } }), call());
  await store.create(recordOf("a"), call());
  const settled = await Promise.allSettled([
    store.update(idOf("a"), change, call()),
    store.update(idOf("new"), change, call()),
    store.update(idOf("a"), { ...change, set: { b: "3" } }, call()),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "2", b: "3" });
});

test.runIf(SmallDisk.isPossible)(
  "on a full disk writes reject and write nothing, reads go on, and writes are done again once there is room",
  { timeout: 60_000 },
  async () => {
    const disk = await SmallDisk.mount(16);
    onTestFinished(() => disk.unmount());
    const store = lmdbStore(join(disk.path, "sessions.lmdb"));
    await store.setup(call());
    const padding = "x".repeat(100_000);
    await store.create(recordOf("a"), call());
    await disk.fill();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        store.create(recordOf(`${index}x`, { fields: { padding } }), call()),
      ),
    );
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: "rejected",
        reason: { code: "ERR_SESSION_STORE_UNAVAILABLE" },
      });
    }
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
    expect(await store.read(idOf("0x"), call())).toBeNull();
    await disk.free();
    expect(await store.create(recordOf("0x", { fields: { padding } }), call())).toBe(true);
    expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
    await store.close();
  },
);
