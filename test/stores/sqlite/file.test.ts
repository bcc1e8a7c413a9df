import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import Better from "better-sqlite3";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { sqliteStore, type SqliteDatabase } from "../../../src/stores/sqlite.ts";
import { checkEngine } from "../../../src/stores/sqlite/driver.ts";
import { call, DRIVERS, freshFile, idOf, NOW, rawOn, recordOf, storeOn } from "./support.ts";

const change = { now: NOW, epoch: 1, set: { a: "2" } };
const config = expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error;

describe("sqlite refuses at construction, and names the mend:", () => {
  test("a folder that does not exist", () => {
    const file = join(dirname(freshFile()), "none", "sessions.db");
    expect(() => sqliteStore(file)).toThrow(config);
    expect(() => sqliteStore(file)).toThrow(/mkdir -p/);
    expect(existsSync(dirname(file))).toBe(false);
  });

  test("what is no path", () => {
    for (const path of ["", "  ", "file:sessions.db?mode=memory", "sessions.db "]) {
      expect(() => sqliteStore(path)).toThrow(config);
    }
  });

  test("a prefix that is no plain name", () => {
    for (const tablePrefix of [
      "",
      'x"; DROP TABLE users; --',
      "1st",
      "sqlite_x",
      "a-b",
      "é",
      "a".repeat(42),
    ]) {
      expect(() => sqliteStore(":memory:", { tablePrefix })).toThrow(config);
    }
  });

  test("options that are unknown or contradict each other", () => {
    expect(() => sqliteStore(":memory:", { durability: "none" as "power" })).toThrow(config);
    expect(() => sqliteStore(":memory:", { driver: "sqlite3" as "node:sqlite" })).toThrow(config);
    expect(() => sqliteStore(rawOn(":memory:", "node:sqlite"), { driver: "node:sqlite" })).toThrow(config);
  });

  test("a runtime without node:sqlite, where that was asked for", () => {
    const without = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    onTestFinished(() => without.mockRestore());
    expect(() => sqliteStore(":memory:", { driver: "node:sqlite" })).toThrow(/npm install better-sqlite3/);
  });
});

test("sqlite takes better-sqlite3 by itself on a runtime without node:sqlite", async () => {
  const without = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
  onTestFinished(() => without.mockRestore());
  const store = sqliteStore(freshFile());
  await store.setup(call());
  expect(await store.create(recordOf("a"), call())).toBe(true);
  await store.close();
});

test("the databases of both drivers fit the structural type", () => {
  const databases: readonly SqliteDatabase[] = [new DatabaseSync(":memory:"), new Better(":memory:")];
  for (const database of databases) {
    expect(sqliteStore(database).traits.expires).toBe(false);
    database.close();
  }
});

describe.each(DRIVERS)("a file of sqlite by %s", (driver) => {
  test("is made for its owner alone, whatever the umask, with -wal and -shm", async () => {
    for (const mask of [0o000, 0o777]) {
      const file = freshFile();
      const before = process.umask(mask);
      try {
        const store = await storeOn(file, driver);
        await store.create(recordOf("a"), call());
      } finally {
        process.umask(before);
      }
      for (const suffix of ["", "-wal", "-shm"]) expect(statSync(file + suffix).mode & 0o777).toBe(0o600);
    }
  });

  test("is in WAL mode, which a handle that never sets up uses too", async () => {
    const file = freshFile();
    await storeOn(file, driver);
    expect(rawOn(file, driver).prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
    const second = sqliteStore(file, { driver });
    onTestFinished(() => second.close());
    expect(await second.create(recordOf("a"), call())).toBe(true);
  });

  test("that nobody set up rejects every call and says what to do", async () => {
    const store = sqliteStore(freshFile(), { driver });
    onTestFinished(() => store.close());
    for (let time = 0; time < 2; time++) {
      await expect(store.read(idOf("a"), call())).rejects.toThrow(/Call setup\(\)/);
      await expect(store.create(recordOf("a"), call())).rejects.toThrow(/Call setup\(\)/);
    }
    await store.setup(call());
    expect(await store.create(recordOf("a"), call())).toBe(true);
  });

  test("that is no database makes calls reject, stays as it is, and serves again once it was replaced", async () => {
    const file = freshFile();
    const junk = "this is not a database ".repeat(500);
    writeFileSync(file, junk);
    const store = sqliteStore(file, { driver });
    onTestFinished(() => store.close());
    await expect(store.setup(call())).rejects.toThrow(/not a database/);
    await expect(store.read(idOf("a"), call())).rejects.toThrow(/not a database/);
    await expect(store.create(recordOf("a"), call())).rejects.toThrow(/not a database/);
    expect(readFileSync(file, "utf8")).toBe(junk);
    rmSync(file);
    await store.setup(call());
    expect(await store.create(recordOf("a"), call())).toBe(true);
  });

  test("that was spoilt under the open store makes calls reject, and serves again once it was replaced", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    const raw = rawOn(file, driver);
    raw.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
    writeFileSync(file, "x".repeat(statSync(file).size));
    await expect(store.read(idOf("a"), call())).rejects.toThrow();
    await expect(store.update(idOf("a"), change, call())).rejects.toThrow();
    raw.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
    await store.setup(call());
    expect(await store.create(recordOf("a"), call())).toBe(true);
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
  });

  test("set up again keeps everything, also where an index was dropped by hand", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    rawOn(file, driver).exec("DROP INDEX holdfast_sessions_by_expiry");
    await store.setup(call());
    const index = rawOn(file, driver).prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = ?");
    expect(index.get("holdfast_sessions_by_expiry")).toMatchObject({ n: 1 });
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
  });

  test("with a newer schema is an outage for who opens it and for who has it open", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    rawOn(file, driver).exec("UPDATE holdfast_schema SET version = 2");
    const format = { code: "ERR_SESSION_FORMAT" };
    const second = sqliteStore(file, { driver });
    onTestFinished(() => second.close());
    await expect(second.setup(call())).rejects.toMatchObject(format);
    await expect(second.read(idOf("a"), call())).rejects.toMatchObject(format);
    await expect(store.update(idOf("a"), change, call())).rejects.toMatchObject(format);
    rawOn(file, driver).exec("DROP TABLE holdfast_labels");
    await expect(second.setup(call())).rejects.toMatchObject(format);
    const tables = rawOn(file, driver).prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = ?");
    expect(tables.get("holdfast_labels")).toMatchObject({ n: 0 });
  });

  test("two prefixes in one file share nothing", async () => {
    const file = freshFile();
    const one = await storeOn(file, driver);
    const two = sqliteStore(file, { driver, tablePrefix: "other_" });
    onTestFinished(() => two.close());
    await two.setup(call());
    await one.create(recordOf("a"), call());
    expect(await two.read(idOf("a"), call())).toBeNull();
    expect(await two.deleteByLabel("user:1", [], call())).toBe(0);
    expect(await one.read(idOf("a"), call())).toEqual(recordOf("a"));
  });
});

describe.each(DRIVERS)("sqlite by %s, written to by hand", (driver) => {
  test("refuses values of a wrong type, whoever writes them", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    await store.create(recordOf("a"), call());
    const raw = rawOn(file, driver);
    for (const sql of [
      "UPDATE holdfast_sessions SET version = 'three'",
      "UPDATE holdfast_sessions SET expires_at = NULL",
      "UPDATE holdfast_sessions SET expires_at = 1.5",
      "UPDATE holdfast_sessions SET labels = x'00'",
      "UPDATE holdfast_fields SET text = x'00'",
      "UPDATE holdfast_fields SET name = NULL",
    ]) {
      expect(() => raw.exec(sql)).toThrow();
    }
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
  });

  test("does not use tables of its names that somebody else made", async () => {
    const file = freshFile();
    rawOn(file, driver).exec("CREATE TABLE holdfast_sessions (id, anything)");
    const store = sqliteStore(file, { driver });
    onTestFinished(() => store.close());
    await expect(store.setup(call())).rejects.toThrow();
    const others = rawOn(file, driver).prepare(
      "SELECT count(*) AS n FROM sqlite_schema WHERE name LIKE 'holdfast%'",
    );
    expect(others.get()).toMatchObject({ n: 1 });
  });

  test("a field or a label without a session becomes part of no session", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    const id = idOf("a");
    rawOn(file, driver).exec(
      `INSERT INTO holdfast_fields VALUES ('${id}', 'admin', 'true'); INSERT INTO holdfast_labels VALUES ('user:2', '${id}')`,
    );
    expect(await store.read(id, call())).toBeNull();
    expect(await store.listByLabel("user:2", { limit: 10 }, call())).toEqual({ records: [] });
    await store.create(recordOf("a"), call());
    expect(await store.read(id, call())).toEqual(recordOf("a"));
    expect(await store.deleteByLabel("user:2", [], call())).toBe(0);
    expect(await store.read(id, call())).toEqual(recordOf("a"));
  });

  test("a record of a newer format is an outage to read and to change, and can be deleted", async () => {
    const store = await storeOn(freshFile(), driver);
    await store.create(recordOf("a", { fields: { "~format": "2" } }), call());
    const format = { code: "ERR_SESSION_FORMAT" };
    await expect(store.read(idOf("a"), call())).rejects.toMatchObject(format);
    await expect(store.update(idOf("a"), change, call())).rejects.toMatchObject(format);
    expect(await store.delete(idOf("a"), {}, call())).toBe("done");
  });

  test("a whole page of what is no record does not end a walk", async () => {
    const file = freshFile();
    const store = await storeOn(file, driver);
    for (const name of ["a", "b", "c", "d"]) await store.create(recordOf(name), call());
    rawOn(file, driver).exec(
      `UPDATE holdfast_sessions SET version = 9223372036854775807 WHERE id IN ('${idOf("a")}', '${idOf("b")}')`,
    );
    const first = await store.all({ limit: 2 }, call());
    expect(first.records).toEqual([]);
    const second = await store.all({ limit: 2, after: first.next ?? "" }, call());
    expect(second).toEqual({ records: [recordOf("c"), recordOf("d")] });
  });
});

describe.each(DRIVERS)("sqlite by %s, writes that travel together", (driver) => {
  test("one that cannot be stored fails alone, and a full disk fails who needs the room", async () => {
    const database = rawOn(freshFile(), driver);
    const store = sqliteStore(database);
    await store.setup(call());
    database.exec("PRAGMA max_page_count = 40");
    const outcomes = await Promise.allSettled([
      store.create(recordOf("a"), call()),
      store.create(recordOf("huge", { fields: { a: "x".repeat(1_000_000) } }), call()),
      store.create(recordOf("odd", { expiresAt: Number.NaN }), call()),
      store.create(recordOf("a"), call()),
      store.update(idOf("a"), change, call()),
      store.delete(idOf("b"), {}, call()),
    ]);
    expect(outcomes.map((one) => (one.status === "fulfilled" ? one.value : "rejected"))).toEqual([
      true,
      "rejected",
      "rejected",
      false,
      { kind: "done", version: 2 },
      "gone",
    ]);
    expect(await store.read(idOf("huge"), call())).toBeNull();
    expect(await store.read(idOf("odd"), call())).toBeNull();
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "2" });
  });

  test("a commit that fails is reported to each, and nothing of it is stored", async () => {
    const database = rawOn(freshFile(), driver);
    const store = sqliteStore(database);
    await store.setup(call());
    // A deferred constraint is judged by COMMIT and nowhere else.
    database.exec(`
      PRAGMA foreign_keys = ON;
      CREATE TABLE parent (id INTEGER PRIMARY KEY);
      CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER spoil AFTER INSERT ON holdfast_sessions BEGIN INSERT INTO child VALUES (1); END;
    `);
    const both = [store.create(recordOf("a"), call()), store.create(recordOf("b"), call())];
    for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe("rejected");
    expect((await store.all({ limit: 10 }, call())).records).toEqual([]);
    database.exec("DROP TRIGGER spoil");
    expect(await store.create(recordOf("a"), call())).toBe(true);
  });

  test("several of one session follow one another in the order of the calls", async () => {
    const store = await storeOn(freshFile(), driver);
    await store.create(recordOf("a", { fields: {} }), call());
    const writes = Array.from({ length: 200 }, (_, n) =>
      store.update(idOf("a"), { ...change, set: { n: `${n}` } }, call()),
    );
    const versions = await Promise.all(writes);
    expect(versions).toEqual(writes.map((_, n) => ({ kind: "done", version: n + 2 })));
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ n: "199" });
  });

  test("what cannot be kept as it is is refused before anything is written", async () => {
    const store = await storeOn(freshFile(), driver);
    const value = { code: "ERR_SESSION_VALUE" };
    await expect(store.create(recordOf("a", { fields: { a: "\ud800" } }), call())).rejects.toMatchObject(
      value,
    );
    await store.create(recordOf("a"), call());
    await expect(
      store.update(idOf("a"), { ...change, set: { "\udfff": "1" } }, call()),
    ).rejects.toMatchObject(value);
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
  });

  test("labels that differ only in what UTF-8 cannot tell apart stay apart", async () => {
    const store = await storeOn(freshFile(), driver);
    await store.create(recordOf("a", { labels: ["user:\ud800"] }), call());
    await store.create(recordOf("b", { labels: ["user:\ufffd"] }), call());
    expect(await store.deleteByLabel("user:\ufffd", [], call())).toBe(1);
    expect((await store.read(idOf("a"), call()))?.labels).toEqual(["user:\ud800"]);
  });
});

test("sqlite on a database that may only be read rejects writes and reads on", async () => {
  const file = freshFile();
  const store = await storeOn(file, "node:sqlite");
  await store.create(recordOf("a"), call());
  const locked = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => locked.close());
  const reader = sqliteStore(locked);
  await reader.setup(call());
  expect(await reader.read(idOf("a"), call())).toEqual(recordOf("a"));
  await expect(reader.update(idOf("a"), change, call())).rejects.toThrow(/readonly/);
  await expect(reader.delete(idOf("a"), {}, call())).rejects.toThrow(/readonly/);
});

describe.each(DRIVERS)("sqlite by %s writes no more than changed", (driver) => {
  test("one small field of a large session rewrites that field and the row, and a touch the row alone", async () => {
    const database = rawOn(freshFile(), driver);
    const store = sqliteStore(database);
    await store.setup(call());
    const fields = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, "x".repeat(1000)]));
    await store.create(recordOf("a", { fields }), call());
    database.exec(`
      CREATE TABLE seen (what TEXT);
      CREATE TRIGGER a1 AFTER UPDATE ON holdfast_sessions BEGIN INSERT INTO seen VALUES ('row'); END;
      CREATE TRIGGER a2 AFTER UPDATE ON holdfast_fields BEGIN INSERT INTO seen VALUES ('field ' || new.name); END;
      CREATE TRIGGER a3 AFTER INSERT ON holdfast_fields BEGIN INSERT INTO seen VALUES ('new ' || new.name); END;
      CREATE TRIGGER a4 AFTER DELETE ON holdfast_fields BEGIN INSERT INTO seen VALUES ('gone ' || old.name); END;
      CREATE TRIGGER a5 AFTER DELETE ON holdfast_labels BEGIN INSERT INTO seen VALUES ('label'); END;
    `);
    const seen = (): unknown => {
      const all = database.prepare("SELECT group_concat(what) AS seen FROM seen").get();
      database.exec("DELETE FROM seen");
      return all;
    };
    await store.update(idOf("a"), { ...change, set: { f7: "1" } }, call());
    expect(seen()).toMatchObject({ seen: "row,field f7" });
    await store.update(idOf("a"), { now: NOW, epoch: 1, accessedAt: NOW + 1, expiresAt: NOW + 1500 }, call());
    expect(seen()).toMatchObject({ seen: "row" });
    await store.update(idOf("a"), { ...change, epoch: 2 }, call());
    expect(seen()).toMatchObject({ seen: null });
  });
});

describe("a better-sqlite3 that wants a newer Node", () => {
  test("is refused before its native part is loaded, which would end the process", () => {
    expect(() => checkEngine({ engines: { node: ">=999" } })).toThrow("wants Node >=999");
    for (const node of [">=20", "20.x || 22.x || 24.x", undefined]) {
      expect(() => checkEngine(node === undefined ? {} : { engines: { node } })).not.toThrow();
    }
  });
});
