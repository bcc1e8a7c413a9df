import { createPool as createMariadbPool } from "mariadb";
import mysql from "mysql2/promise";
import { describe, expect, onTestFinished, test } from "vitest";
import { type MysqlPool, type MysqlStore, mysqlStore } from "../../../src/stores/mysql.ts";
import { withServers } from "../../support/servers/programs.ts";
import { type Bench, benchOn, call, idOf, KINDS, NOW, recordOf, watched } from "./support.ts";

const config = expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error;

const FIELDS = {
  cart: '{"a":"\\"quoted\\" \\\\ \\n"}',
  empty: "",
  "é 名 🍪 ": "ü 名 🍪 \u2028 '; -- \\' \"",
  null: "null",
  "a ": "trailing",
  a: "bare",
  A: "upper",
  á: "composed",
  "a\u0301": "decomposed",
};

/** What an application may have chosen for its own queries. */
const MYSQL2_OPTIONS = {
  "numbers as strings": { supportBigNumbers: true, bigNumberStrings: true },
  "rows as arrays": { rowsAsArray: true },
  "named placeholders": { namedPlaceholders: true },
  "no type cast": { typeCast: false },
  "a type cast of its own": { typeCast: () => "mine" },
  "nested tables": { nestTables: "_" },
  "dates as strings": { dateStrings: true, timezone: "+09:00" },
  latin1: { charset: "LATIN1_SWEDISH_CI" },
  "found rows": { flags: ["+FOUND_ROWS"] },
  "changed rows": { flags: ["-FOUND_ROWS"] },
  "one prepared statement": { maxPreparedStatements: 1 },
  "no eval": { disableEval: true },
} as const;

const MARIADB_OPTIONS = {
  "numbers as numbers": { bigIntAsNumber: true, insertIdAsNumber: true, checkNumberRange: true },
  "numbers as strings": { supportBigNumbers: true, bigNumberStrings: true },
  "rows as arrays": { rowsAsArray: true, metaAsArray: true },
  "named placeholders": { namedPlaceholders: true },
  "a type cast of its own": { typeCast: () => "mine" },
  "nested tables": { nestTables: true },
  latin1: { collation: "LATIN1_SWEDISH_CI" },
  "found rows": { foundRows: true },
  "changed rows": { foundRows: false },
  "reset after use": { resetAfterUse: true },
  "no prepared statements": { prepareCacheLength: 0 },
  "no pipelining": { pipelining: false },
} as const;

const BEARABLE: readonly string[] = [
  "sql_mode = ''",
  "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
  "sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE'",
  "SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
  "SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
  "sql_safe_updates = 1",
  "time_zone = '+09:00'",
  // In these a backslash is another sign, or no text comes as text.
  "NAMES sjis",
  "NAMES gbk",
  "NAMES binary",
  "character_set_results = NULL",
];

const UNBEARABLE: readonly string[] = [
  "autocommit = 0",
  "SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
  "foreign_key_checks = 0",
  "sql_select_limit = 2",
  "completion_type = 1",
  "completion_type = 2",
];

function mysql2Pool(bench: Bench, options: object, setting?: string): MysqlPool {
  const { host, port, user, password, database } = bench.server;
  const pool = mysql.createPool({ host, port, user, password, database, connectionLimit: 3, ...options });
  if (setting !== undefined)
    pool.pool.on("connection", (connection) => void connection.query(`SET ${setting}`));
  onTestFinished(() => pool.end());
  return pool;
}

function mariadbPool(bench: Bench, options: object): MysqlPool {
  const { host, port, user, password, database } = bench.server;
  const account = { host, port, user, password, database, connectionLimit: 3, allowPublicKeyRetrieval: true };
  const pool = createMariadbPool({ ...account, ...options });
  onTestFinished(() => pool.end());
  return pool;
}

async function storeOn(bench: Bench, pool: MysqlPool): Promise<MysqlStore> {
  const { table = "" } = bench.location();
  const store = mysqlStore(pool, { table });
  await store.setup(call());
  return store;
}

/** One life of a session, with every outcome that a count of rows could blur. */
async function liveThrough(store: MysqlStore): Promise<void> {
  const largest = Number.MAX_SAFE_INTEGER;
  const record = recordOf("a", { fields: FIELDS, version: largest - 9, labels: ["user:名", "b"] });
  expect(await store.create(record, call())).toBe(true);
  expect(await store.create(record, call())).toBe(false);
  expect(await store.read(idOf("a"), call())).toEqual(record);
  const at = { now: NOW, epoch: 1 };
  const touch = { ...at, accessedAt: NOW, expiresAt: NOW + 1000 };
  // A touch that changes nothing is done, as one that changes something is.
  expect(await store.update(idOf("a"), touch, call())).toEqual({ kind: "done", version: largest - 9 });
  expect(await store.update(idOf("none"), touch, call())).toEqual({ kind: "gone" });
  const same = { ...at, set: { cart: FIELDS.cart } };
  expect(await store.update(idOf("a"), same, call())).toEqual({ kind: "done", version: largest - 8 });
  expect(await store.update(idOf("a"), { ...at, epoch: 2 }, call())).toEqual({ kind: "stale" });
  expect((await store.update(idOf("a"), { ...at, ifVersion: 1 }, call())).kind).toBe("conflict");
  const change = { ...at, set: { new: "'\\", a: "2" }, remove: ["A", "absent"] };
  expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: largest - 7 });
  const { A: _removed, ...kept } = FIELDS;
  const now = { ...record, version: largest - 7, fields: { ...kept, a: "2", new: "'\\" } };
  expect(await store.read(idOf("a"), call())).toEqual(now);
  expect((await store.all({ limit: 5 }, call())).records).toEqual([now]);
  const listed = await store.listByLabel("user:名", { limit: 5 }, call());
  expect(listed.records).toEqual([{ ...now, fields: {} }]);
  const renew = { secretHash: "", nextEpoch: 2, labels: ["c"] };
  expect(await store.update(idOf("a"), { ...at, renew }, call())).toEqual({
    kind: "done",
    version: largest - 6,
  });
  expect(await store.delete(idOf("a"), { label: "b" }, call())).toBe("conflict");
  expect(await store.sweep(NOW + 999, 5, call())).toEqual({ deleted: 0, more: false });
  expect(await store.deleteByLabel("c", [], call())).toBe(1);
  expect(await store.delete(idOf("a"), {}, call())).toBe("gone");
}

const CROWD: readonly string[] = Array.from({ length: 16 }, (_, index) => `c${index}x`);

/** How many statements carried touches of several sessions, and how many those of one, each time that a crowd came. */
type Carried = readonly (readonly [together: number, alone: number])[];

const TOGETHER: Carried = [
  [1, 8],
  [1, 8],
];

/** Under this setting MariaDB refuses every update that begins with a derived table. That is learnt once. */
const REFUSED_ONCE: Carried = [
  [1, 16],
  [0, 16],
];

/** Reads and touches that overlap, which travel together whatever was set. */
async function crowdThrough(bench: Bench, pool: MysqlPool): Promise<Carried> {
  let sent: string[] = [];
  const store = await storeOn(
    bench,
    watched(pool, (sql) => void sent.push(sql)),
  );
  const largest = Number.MAX_SAFE_INTEGER;
  const given = { labels: [], fields: {}, version: largest - 9 };
  for (const name of CROWD) await store.create(recordOf(name, given), call());
  const carried: [number, number][] = [];
  for (const later of [1, 2]) {
    sent = [];
    // What came back is not under way any more.
    await new Promise((resolve) => setImmediate(resolve));
    const touch = { now: NOW, epoch: 1, accessedAt: NOW + later, expiresAt: largest };
    const touched = await Promise.all(CROWD.map((name) => store.update(idOf(name), touch, call())));
    expect(touched).toEqual(CROWD.map(() => ({ kind: "done", version: largest - 9 })));
    const counted = ["UPDATE (SELECT", "UPDATE `"].map(
      (start) => sent.filter((sql) => sql.startsWith(start)).length,
    );
    carried.push(counted as [number, number]);
  }
  const records = await Promise.all(CROWD.map((name) => store.read(idOf(name), call())));
  const times = { accessedAt: NOW + 2, expiresAt: largest };
  expect(records).toEqual(CROWD.map((name) => recordOf(name, { ...given, ...times })));
  return carried;
}

for (const kind of KINDS) {
  withServers([kind], () => {
    describe(`on ${kind} the store is exact`, () => {
      const bench = benchOn(kind);

      test.each(Object.entries(MYSQL2_OPTIONS))("with a pool of mysql2 set to %s", async (_name, options) => {
        await liveThrough(await storeOn(bench, mysql2Pool(bench, options)));
        expect(await crowdThrough(bench, mysql2Pool(bench, options))).toEqual(TOGETHER);
      });

      test.each(Object.entries(MARIADB_OPTIONS))(
        "with a pool of mariadb set to %s",
        async (_name, options) => {
          await liveThrough(await storeOn(bench, mariadbPool(bench, options)));
          expect(await crowdThrough(bench, mariadbPool(bench, options))).toEqual(TOGETHER);
        },
      );

      const bearable =
        kind === "mariadb" ? [...BEARABLE, "sql_mode = 'ORACLE,SIMULTANEOUS_ASSIGNMENT'"] : BEARABLE;
      test.each(bearable)("on connections with %s", async (setting) => {
        await liveThrough(await storeOn(bench, mysql2Pool(bench, {}, setting)));
        await liveThrough(await storeOn(bench, mariadbPool(bench, { initSql: `SET ${setting}` })));
        const isRefused = kind === "mariadb" && setting === "sql_safe_updates = 1";
        const carried = isRefused ? REFUSED_ONCE : TOGETHER;
        expect(await crowdThrough(bench, mysql2Pool(bench, {}, setting))).toEqual(carried);
        const other = mariadbPool(bench, { initSql: `SET ${setting}` });
        expect(await crowdThrough(bench, other)).toEqual(carried);
      });

      const refused = kind === "mariadb" ? [...UNBEARABLE, "sql_mode = 'EMPTY_STRING_IS_NULL'"] : UNBEARABLE;
      test.each(refused)("or refuses to work: on connections with %s", async (setting) => {
        const { table = "" } = bench.location();
        const store = mysqlStore(mysql2Pool(bench, {}, setting), { table });
        await expect(store.setup(call())).rejects.toThrow(config);
        // Also without a setup: each connection is looked at before its first statement.
        await expect(store.read(idOf("a"), call())).rejects.toThrow(config);
      });

      test("what a column could not hold is refused before it is sent, also without a strict mode", async () => {
        const store = await storeOn(bench, mysql2Pool(bench, {}, "sql_mode = ''"));
        const wrong = [
          recordOf("a", { fields: { ["n".repeat(513)]: "1" } }),
          recordOf("a", { fields: { a: "\ud800" } }),
          recordOf("a", { secretHash: "h".repeat(65) }),
          { ...recordOf("a"), id: `${idOf("a")}x` as ReturnType<typeof idOf> },
        ];
        for (const record of wrong)
          await expect(store.create(record, call())).rejects.toMatchObject({ code: "ERR_SESSION_VALUE" });
        expect((await store.all({ limit: 5 }, call())).records).toEqual([]);
      });
    });
  });
}
