import { createPool } from "mysql2/promise";
import { describe, expect, onTestFinished, test } from "vitest";
import { type MysqlStoreOptions, mysqlStore } from "../../../src/stores/mysql.ts";
import { withServers } from "../../support/servers/programs.ts";
import { openAt, poolAt } from "./clients.ts";
import { benchOn, call, DRIVERS, idOf, KINDS, message, NOW, recordOf, start } from "./support.ts";

const config = expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error;
const format = expect.objectContaining({ code: "ERR_SESSION_FORMAT" }) as Error;

describe("mysql refuses at construction, and names the mend:", () => {
  const pool = createPool({ host: "127.0.0.1", port: 1 });

  test("what is no pool", () => {
    for (const wrong of [null, "mysql://localhost", {}, { query: () => undefined }, () => pool]) {
      const given = wrong as unknown as typeof pool;
      expect(() => mysqlStore(given)).toThrow(config);
      expect(() => mysqlStore(given)).toThrow(/createPool/);
    }
  });

  test("names that the engines do not take", () => {
    for (const name of [
      "",
      "a".repeat(50),
      "a/b",
      "a.b",
      "a\\b",
      "a ",
      "a\0b",
      "🍪",
      7 as unknown as string,
    ]) {
      expect(() => mysqlStore(pool, { table: name })).toThrow(config);
    }
    expect(() => mysqlStore(pool, { database: "" })).toThrow(config);
  });

  test("options that are unknown or make no sense", () => {
    for (const options of [{ tables: "x" }, { durability: "disk" }])
      expect(() => mysqlStore(pool, options as MysqlStoreOptions)).toThrow(config);
  });
});

for (const kind of KINDS) {
  withServers([kind], () => {
    describe(`setup on ${kind}`, () => {
      const bench = benchOn(kind);

      test("twenty processes that set up at once make one set of tables, and each can go on", async () => {
        const location = bench.location();
        const founders = Array.from({ length: 20 }, () => start("./founder.ts", JSON.stringify(location)));
        await Promise.all(founders.map(message));
        const answers = founders.map(message);
        for (const founder of founders) founder.send("found");
        expect(new Set(await Promise.all(answers))).toEqual(new Set(["done"]));
        const store = await bench.store(location);
        expect(await store.create(recordOf("a"), call())).toBe(true);
      }, 60_000);

      test("names that need quoting, and another database, are honoured", async () => {
        await bench.raw.run("CREATE DATABASE `odd ``name`");
        const { pool, end } = poolAt(bench.location());
        onTestFinished(end);
        for (const table of ["a`b", "select", "名 前", "'; DROP TABLE users; --", "t".repeat(49)]) {
          const store = mysqlStore(pool, { table, database: "odd `name" });
          await store.setup(call());
          await store.setup(call());
          expect(await store.create(recordOf("a"), call())).toBe(true);
          expect((await store.listByLabel("user:1", { limit: 9 }, call())).records).toHaveLength(1);
        }
        const tables = await bench.raw.rows(
          "SELECT COUNT(*) AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'odd `name'",
        );
        expect(Number(tables[0]?.["n"])).toBe(20);
      });

      test("a set-up that was cut short anywhere is completed by the next one, which takes nothing away", async () => {
        const location = bench.location();
        const store = await bench.store(location);
        const record = recordOf("a", { fields: {}, labels: [] });
        await store.create(record, call());
        const { table = "" } = location;
        for (const missing of [[], ["_schema"], ["_schema", "_labels"], ["_schema", "_labels", "_fields"]]) {
          await bench.raw.run(`DELETE FROM ${table}_schema`);
          for (const end of missing) await bench.raw.run(`DROP TABLE ${table}${end}`);
          await store.setup(call());
          expect(await store.read(idOf("a"), call())).toEqual(record);
          expect(await bench.raw.rows(`SELECT version FROM ${table}_schema`)).toEqual([{ version: 1 }]);
        }
        const change = { now: NOW, epoch: 1, set: { a: "1" } };
        expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
      });

      test("tables of a newer version are refused, and left as they are", async () => {
        const location = bench.location();
        const store = await bench.store(location);
        await store.create(recordOf("a"), call());
        await bench.raw.run(`UPDATE ${location.table}_schema SET version = 2`);
        await expect(store.setup(call())).rejects.toThrow(format);
        expect(await store.read(idOf("a"), call())).toMatchObject({ version: 1 });
      });

      test("tables of our names that are somebody else's are refused, and left as they are", async () => {
        const others = {
          "id INT PRIMARY KEY": /columns/,
          [`id CHAR(24) PRIMARY KEY, epoch BIGINT, version BIGINT, secret_hash TEXT, labels TEXT, created_at BIGINT,
            accessed_at BIGINT, expires_at BIGINT, ends_at BIGINT, format BIGINT`]: /InnoDB/,
        };
        for (const [columns, reason] of Object.entries(others)) {
          const location = bench.location();
          await bench.raw.run(`CREATE TABLE ${location.table} (${columns}) ENGINE=MyISAM`);
          await bench.raw.run(
            `CREATE TABLE ${location.table}_schema (one TINYINT PRIMARY KEY, version BIGINT)`,
          );
          await bench.raw.run(`INSERT INTO ${location.table}_schema VALUES (1, 1)`);
          const store = openAt(location);
          onTestFinished(() => store.close());
          await expect(store.setup(call())).rejects.toThrow(config);
          await expect(store.setup(call())).rejects.toThrow(reason);
        }
      });

      test("tables whose rows would not go with their session are refused", async () => {
        const location = bench.location();
        const store = await bench.store(location);
        await bench.raw.run(
          `ALTER TABLE ${location.table}_labels DROP FOREIGN KEY ${location.table}_labels_session`,
        );
        await expect(store.setup(call())).rejects.toThrow(config);
      });

      test.each(["", "_fields"])(
        "a trigger on updates of sessions%s, under which no answer tells the version, is refused; a change beside one is made once at most",
        async (end) => {
          const location = bench.location();
          const store = await bench.store(location);
          const { table = "" } = location;
          await store.create(recordOf("a", { labels: ["user:1"] }), call());
          const before = await store.read(idOf("a"), call());
          await bench.raw.run(
            `CREATE TRIGGER ${table}_watch AFTER UPDATE ON ${table}${end} FOR EACH ROW SET @seen = 1`,
          );
          const at = { now: NOW, epoch: 1 };
          if (end === "") {
            const renew = { secretHash: "n", nextEpoch: 2, labels: ["user:2"] };
            await expect(store.update(idOf("a"), { ...at, renew }, call())).rejects.toThrow(/trigger/);
            expect(await store.read(idOf("a"), call())).toEqual(before);
          }
          const change = {
            ...at,
            set: Object.fromEntries(Object.keys(before?.fields ?? {}).map((name) => [name, "9"])),
          };
          await expect(store.update(idOf("a"), change, call())).rejects.toThrow(config);
          expect((await store.read(idOf("a"), call()))?.version).toBe(2);
          await expect(store.setup(call())).rejects.toThrow(/trigger/);
        },
      );

      test.each(DRIVERS)(
        "a user who may only read and write rows suffices once the tables are there, by %s",
        async (driver) => {
          const location = bench.location({ driver });
          await bench.store(location);
          const user = `low_${driver}`;
          await bench.raw.run(`CREATE USER '${user}'@'%' IDENTIFIED BY 'low'`);
          const low = { ...location, user, password: "low" };
          for (const end of ["", "_fields", "_labels", "_schema"]) {
            await bench.raw.run(
              `GRANT SELECT, INSERT, UPDATE, DELETE ON ${location.database}.${location.table}${end} TO '${user}'@'%'`,
            );
          }
          const store = await bench.store(low);
          expect(await store.create(recordOf("a"), call())).toBe(true);
          const missing = openAt({ ...low, table: "missing" });
          onTestFinished(() => missing.close());
          await expect(missing.setup(call())).rejects.toThrow(/denied/);
        },
      );

      test("a server that promises less than is asked for is refused", async () => {
        const location = bench.location();
        const { pool, end } = poolAt(location);
        onTestFinished(end);
        const store = mysqlStore(pool, { durability: "power" });
        await expect(store.setup(call())).rejects.toThrow(/innodb_flush_log_at_trx_commit = 1/);
        try {
          await bench.raw.run("SET GLOBAL innodb_flush_log_at_trx_commit = 1");
          await store.setup(call());
          expect(store.traits.durability).toBe("power");
          await bench.raw.run("SET GLOBAL innodb_flush_log_at_trx_commit = 0");
          await expect(mysqlStore(pool).setup(call())).rejects.toThrow(config);
          await mysqlStore(pool, { durability: "none" }).setup(call());
        } finally {
          await bench.raw.run("SET GLOBAL innodb_flush_log_at_trx_commit = 2");
        }
      });
    });
  });
}
