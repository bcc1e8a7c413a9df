import { createHash } from "node:crypto";
import mysql from "mysql2/promise";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { namesFor } from "../../../src/stores/mysql/schema.ts";
import { type Sql, sqlFor } from "../../../src/stores/mysql/sql.ts";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { withServers } from "../../support/servers/programs.ts";
import { openAt, poolAt } from "./clients.ts";
import { type Bench, benchOn, call, idOf, KINDS, NOW, recordOf, watched } from "./support.ts";

const SESSIONS = 20_000;
const USERS = 2_000;
const AT_ONCE = 100;
const TABLE = "plans";

type Value = string | number | Buffer | null;

function nth(index: number): string {
  return idOf(`s${String(index).padStart(6, "0")}`);
}

function keyOf(label: string): Buffer {
  return createHash("sha256").update(JSON.stringify(label)).digest();
}

/** Each statement with values as the store gives them. */
function statements(sql: Sql): Readonly<Record<string, readonly [sql: string, values: Value[]]>> {
  const met = [nth(77), NOW, 1, 0, 9];
  const label = keyOf("user:7");
  const ids = Array.from({ length: 128 }, (_, index) => nth(index * 9));
  const many = ids.slice(0, 32);
  const [read, now, later] = ["1 1", String(NOW), String(NOW + 90_000)].map((text) => many.map(() => text));
  const touches = [many, many, read, now, many, many, later, later].flatMap((list) => list ?? []);
  const names = [Buffer.from("cart"), Buffer.from("~auth"), Buffer.from("theme")];
  return {
    read: [sql.read, [nth(77)]],
    "reads together": [sql.reads(32), many],
    "what touches together are judged by": [sql.standing(32), many],
    "touches together": [sql.touches(32), touches],
    touch: [sql.touch, [NOW, NOW, ...met]],
    write: [sql.write(2, 1), [...names, null, NOW, NOW, "1", "2", ...met]],
    renew: [sql.renew(2, 1), [...names, null, 2, "h", NOW, NOW, NOW, null, "1", "2", ...met]],
    remove: [sql.remove, [nth(77)]],
    "remove on a condition": [sql.removeIf, [nth(77), 1, 1]],
    "remove on condition of a label": [sql.removeLabelled, [nth(77), 1, 1, label]],
    "a page by label": [sql.listed, [label, "", AT_ONCE]],
    "a page of all": [sql.walked, [nth(500), AT_ONCE]],
    "what a revocation finds": [sql.labelled, [label, "", AT_ONCE]],
    "what a revocation removes": [sql.removeBearers(128), [...ids, label]],
    "what a sweep finds": [sql.expired, [NOW + 300, AT_ONCE]],
    "what a sweep removes": [sql.removeExpired(128), [...ids, NOW + 300]],
    "fields removed": [sql.removeFields(2), [nth(77), ...names.slice(0, 2)]],
    "labels replaced": [sql.keepLabels(1), [nth(77), label]],
  };
}

/** How many rows and entries of indexes a statement reads, as the engine counts them. */
async function reads({ server }: Bench, text: string, values: Value[]): Promise<number> {
  const { host, port, user, password, database } = server;
  const connection = await mysql.createConnection({ host, port, user, password, database });
  try {
    await connection.query("FLUSH STATUS");
    await connection.query(mysql.format(text, values));
    const [counts] = await connection.query("SHOW SESSION STATUS LIKE 'Handler_read%'");
    return (counts as { readonly Value: string }[]).reduce((sum, { Value }) => sum + Number(Value), 0);
  } finally {
    await connection.end();
  }
}

for (const kind of KINDS) {
  withServers([kind], () => {
    describe(`on ${kind}`, () => {
      const bench = benchOn(kind);
      const sql = sqlFor(namesFor(TABLE, undefined));

      beforeAll(async () => {
        const store = openAt(bench.location({ table: TABLE }));
        await store.setup(call());
        await store.close();
        const { host, port, user, password, database } = bench.server;
        const loader = await mysql.createConnection({ host, port, user, password, database });
        for (let start = 0; start < SESSIONS; start += 5000) {
          const some = Array.from({ length: 5000 }, (_, index) => start + index);
          const rows = some.map((n) => [
            nth(n),
            1,
            1,
            "h",
            `["user:${n % USERS}"]`,
            NOW,
            NOW,
            NOW + n,
            NOW + n,
            1,
          ]);
          await loader.query(`INSERT INTO ${TABLE} VALUES ?`, [rows]);
          const fields = some.flatMap((n) =>
            ["cart", "~auth"].map((name) => [nth(n), name, "x".repeat(200)]),
          );
          await loader.query(`INSERT INTO ${TABLE}_fields VALUES ?`, [fields]);
          const labels = some.map((n) => [keyOf(`user:${n % USERS}`), nth(n)]);
          await loader.query(`INSERT INTO ${TABLE}_labels VALUES ?`, [labels]);
        }
        for (const end of ["", "_fields", "_labels"]) await loader.query(`ANALYZE TABLE ${TABLE}${end}`);
        await loader.end();
      }, 120_000);

      test.each(Object.keys(statements(sql)))(
        "%s touches what it is about, by an index, among 20 000 sessions",
        async (name) => {
          const [text, values] = statements(sql)[name] ?? ["", []];
          const plan = await bench.raw.rows(mysql.format(`EXPLAIN FORMAT=TRADITIONAL ${text}`, values));
          expect(plan.length).toBeGreaterThan(0);
          for (const { table, type, key, rows } of plan) {
            // The page itself, which was found by an index in another line of the plan.
            if (table === "p" || String(table).startsWith("<derived")) continue;
            // A row that is not there is found missing while the plan is made.
            if (table === null) continue;
            expect(
              ["const", "eq_ref", "ref", "range", "ref_or_null"],
              `${String(table)}: ${String(type)}`,
            ).toContain(type);
            expect(key).not.toBeNull();
            // A range that ends by its LIMIT is estimated to its own end; the test below counts what is read.
            if (type !== "range") expect(Number(rows)).toBeLessThanOrEqual(2 * AT_ONCE);
          }
        },
      );

      test("a page costs the page, however far into a listing or a walk it is", async () => {
        for (const start of [0, 10_000, 19_000])
          expect(await reads(bench, sql.walked, [nth(start), 50])).toBeLessThan(50 * 12);
        expect(await reads(bench, sql.listed, [keyOf("user:7"), nth(9000), 3])).toBeLessThan(3 * 12);
        // A sweep of nothing, and one of ten.
        expect(await reads(bench, sql.expired, [NOW - 1, 100])).toBeLessThan(5);
        expect(await reads(bench, sql.expired, [NOW + 9, 100])).toBeLessThan(25);
        expect(await reads(bench, sql.read, [nth(5)])).toBeLessThan(8);
      });
    });

    describe(`on ${kind}, whose tables nobody has counted since they were filled,`, () => {
      const bench = benchOn(kind);

      test("what travels together costs what it asks for", async () => {
        const table = "uncounted";
        const store = await bench.store(bench.location({ table }));
        for (const end of ["", "_fields"])
          await bench.raw.run(`ALTER TABLE ${table}${end} STATS_AUTO_RECALC = 0, STATS_PERSISTENT = 1`);
        for (const end of ["", "_fields"]) await bench.raw.run(`ANALYZE TABLE ${table}${end}`);
        const fields = { a: "1", b: "2" };
        const created = Array.from({ length: 600 }, (_, index) =>
          store.create(recordOf(`s${String(index).padStart(6, "0")}`, { labels: [], fields }), call()),
        );
        await Promise.all(created);
        const sql = sqlFor(namesFor(table, undefined));
        for (const count of [2, 8, 32]) {
          const ids = Array.from({ length: count }, (_, index) => nth(index * 7));
          expect(await reads(bench, sql.reads(count), ids)).toBeLessThan(count * 8);
          expect(await reads(bench, sql.standing(count), ids)).toBeLessThan(count * 4);
          const [read, now, later] = ["1 1", String(NOW), String(NOW + 2000)].map((text) =>
            ids.map(() => text),
          );
          const lists = [ids, ids, read, now, ids, ids, later, later].flatMap((list) => list ?? []);
          expect(await reads(bench, sql.touches(count), lists)).toBeLessThan(count * 16 + 32);
        }
        const touched = await store.read(idOf("s000217"), call());
        expect(touched).toMatchObject({ version: 1, accessedAt: NOW + 2000, expiresAt: NOW + 2000 });
      });
    });

    describe(`the cost of a request on ${kind}`, () => {
      const bench = benchOn(kind);

      test("statements and bytes go by what is changed, not by what is stored", async () => {
        const location = bench.location();
        await bench.store(location);
        const { pool, end } = poolAt(location);
        onTestFinished(end);
        let sent: { sql: string; bytes: number }[] = [];
        const store = mysqlStore(
          watched(pool, (text, values) => {
            const bytes = values.reduce<number>((sum, value) => sum + Buffer.byteLength(String(value)), 0);
            if (!text.startsWith("SHOW")) sent.push({ sql: text.split(" ")[0] ?? "", bytes });
          }),
          { table: location.table ?? "" },
        );
        const cost = async (work: () => Promise<unknown>): Promise<string> => {
          sent = [];
          await work();
          return sent.map(({ sql: verb }) => verb).join(" ");
        };
        const big = Object.fromEntries(
          Array.from({ length: 100 }, (_, index) => [`f${index}`, "x".repeat(1000)]),
        );
        const at = { now: NOW, epoch: 1 };
        const id = idOf("a");
        // A connection that the store does not know, or that somebody used meanwhile, is asked first what was left open on it.
        expect(await cost(() => store.read(id, call()))).toBe("DO SELECT");
        expect(await cost(() => store.create(recordOf("a", { fields: big }), call()))).toBe(
          "START INSERT INSERT INSERT COMMIT",
        );
        expect(await cost(() => store.read(id, call()))).toBe("SELECT");
        expect(await cost(() => store.update(id, { ...at, set: { f7: "2" } }, call()))).toBe("UPDATE");
        expect(sent[0]?.bytes).toBeLessThan(200);
        expect(await cost(() => store.update(id, { ...at, accessedAt: NOW + 1 }, call()))).toBe("UPDATE");
        expect(await cost(() => store.update(id, { ...at, set: { fresh: "1" } }, call()))).toBe(
          "UPDATE SELECT INSERT UPDATE",
        );
        expect(await cost(() => store.update(id, { ...at, set: { fresh: "2" } }, call()))).toBe("UPDATE");
        expect(await cost(() => store.update(id, { ...at, remove: ["fresh"] }, call()))).toBe(
          "UPDATE DELETE",
        );
        expect(await cost(() => store.update(id, { ...at, ifVersion: 1, set: {} }, call()))).toBe(
          "UPDATE SELECT",
        );
        const renew = { secretHash: "n", nextEpoch: 1 };
        expect(await cost(() => store.update(id, { ...at, renew }, call()))).toBe("UPDATE");
        const login = { ...renew, labels: ["user:2"] };
        expect(await cost(() => store.update(id, { ...at, renew: login }, call()))).toBe(
          "START UPDATE INSERT DELETE COMMIT",
        );
        expect(await cost(() => store.listByLabel("user:2", { limit: 9 }, call()))).toBe("SELECT");
        expect(await cost(() => store.delete(id, {}, call()))).toBe("DELETE");
        expect(await cost(() => store.sweep(NOW, 100, call()))).toBe("SELECT");
      });
    });
  });
}
