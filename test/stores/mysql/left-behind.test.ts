import { createPool as createMariadbPool } from "mariadb";
import mysql from "mysql2/promise";
import { describe, expect, onTestFinished, test } from "vitest";
import { type MysqlPool, type MysqlStore, mysqlStore } from "../../../src/stores/mysql.ts";
import { withServers } from "../../support/servers/programs.ts";
import { type Bench, benchOn, call, idOf, KINDS, NOW, recordOf } from "./support.ts";

const at = { now: NOW, epoch: 1 };
const CHANGE = { ...at, set: { a: "2" } };
const LOGIN = { ...at, renew: { secretHash: "n", nextEpoch: 2, labels: ["user:2"] } };
const LABELS = ["user:1"];

/** Pools of one connection, so that whatever was left on it is met. */
const POOLS: Readonly<Record<string, (bench: Bench) => MysqlPool>> = {
  mysql2: (bench) => {
    const pool = mysql.createPool({ ...accountOf(bench), connectionLimit: 1 });
    onTestFinished(() => pool.end());
    return pool;
  },
  mariadb: (bench) => mariadbPool(bench, {}),
  "mariadb without control after use": (bench) => mariadbPool(bench, { noControlAfterUse: true }),
};

function accountOf({ server }: Bench): object {
  const { host, port, user, password, database } = server;
  return { host, port, user, password, database };
}

function mariadbPool(bench: Bench, options: object): MysqlPool {
  const account = { ...accountOf(bench), connectionLimit: 1, allowPublicKeyRetrieval: true };
  const pool = createMariadbPool({ ...account, ...options });
  onTestFinished(() => pool.end());
  return pool;
}

/** Each way to write, and whether another store sees that it took place. */
const WRITES: Readonly<
  Record<string, readonly [(store: MysqlStore) => Promise<unknown>, (other: MysqlStore) => Promise<unknown>]>
> = {
  "a creation": [
    (store) => store.create(recordOf("b", { labels: LABELS }), call()),
    async (other) => (await other.read(idOf("b"), call()))?.labels.length === 1,
  ],
  "a change": [
    (store) => store.update(idOf("a"), CHANGE, call()),
    async (other) => (await other.read(idOf("a"), call()))?.fields["a"] === "2",
  ],
  "a login": [
    (store) => store.update(idOf("a"), LOGIN, call()),
    async (other) => (await other.listByLabel("user:2", { limit: 9 }, call())).records.length === 1,
  ],
  "a logout": [
    (store) => store.delete(idOf("a"), {}, call()),
    async (other) => (await other.read(idOf("a"), call())) === null,
  ],
  "a revocation": [
    (store) => store.deleteByLabel("user:1", [], call()),
    async (other) => (await other.read(idOf("a"), call())) === null,
  ],
  "a set-up": [(store) => store.setup(call()), async () => true],
};

for (const kind of KINDS) {
  withServers([kind], () => {
    describe.each(Object.entries(POOLS))(
      `${kind} by %s, and what the application left behind:`,
      (_name, poolOf) => {
        const bench = benchOn(kind);

        /** A store on the tables, another one on a pool where somebody has been, and how to be that somebody. */
        async function shared(table = bench.location().table ?? ""): Promise<{
          readonly store: MysqlStore;
          readonly other: MysqlStore;
          leave(...statements: readonly string[]): Promise<void>;
        }> {
          const other = await bench.store(bench.location({ table }));
          await other.create(recordOf("a", { labels: LABELS }), call());
          await bench.raw.run("CREATE TABLE IF NOT EXISTS notes (text VARCHAR(20)) ENGINE=InnoDB");
          await bench.raw.run("DELETE FROM notes");
          const pool = poolOf(bench);
          const store = mysqlStore(pool, { table });
          // The connection is known to the store before the other user has it.
          await store.read(idOf("a"), call());
          return {
            store,
            other,
            async leave(...statements) {
              const connection = await pool.getConnection();
              for (const sql of statements) await connection.query({ sql });
              await connection.release();
            },
          };
        }

        test.each(Object.keys(WRITES))(
          "%s beside an open transaction is stored for good, and what the transaction did is not",
          async (way) => {
            const { store, other, leave } = await shared();
            const [write, tookPlace] = WRITES[way] ?? [];
            await leave("START TRANSACTION", "INSERT INTO notes VALUES ('half done')");
            await write?.(store);
            expect(await tookPlace?.(other)).toBe(true);
            await leave("SELECT 1");
            expect(await bench.raw.rows("SELECT text FROM notes")).toEqual([]);
          },
        );

        test.each(Object.keys(WRITES))(
          "%s where autocommit was turned off is stored for good",
          async (way) => {
            const { store, other, leave } = await shared();
            const [write, tookPlace] = WRITES[way] ?? [];
            await leave("SET autocommit = 0");
            await write?.(store);
            await leave("ROLLBACK");
            expect(await tookPlace?.(other)).toBe(true);
          },
        );

        test.each([
          ["in an open transaction", ["START TRANSACTION"]],
          ["where autocommit was turned off", ["SET autocommit = 0"]],
        ])("no read sees an old snapshot, %s", async (_name, statements) => {
          const table = bench.location().table ?? "";
          const { store, other, leave } = await shared(table);
          await leave(...statements, `SELECT * FROM ${table}`);
          await other.delete(idOf("a"), {}, call());
          await other.create(recordOf("b", { labels: LABELS }), call());
          expect(await store.read(idOf("a"), call())).toBeNull();
          await leave(...statements, `SELECT * FROM ${table}`);
          await other.create(recordOf("c", { labels: LABELS }), call());
          expect(await store.deleteByLabel("user:1", [], call())).toBe(2);
        });

        test.each([
          ["tables that are locked for writing", ["LOCK TABLES notes WRITE"]],
          ["tables that are locked for reading", ["LOCK TABLES notes READ"]],
          [
            "a distributed transaction that is open",
            ["XA START 'x'", "INSERT INTO notes VALUES ('half done')"],
          ],
          ["a distributed transaction that waits for its end", ["XA START 'x'", "XA END 'x'"]],
        ])("%s left behind is in nobody's way", async (_name, statements) => {
          const { store, other, leave } = await shared();
          await leave(...statements);
          expect(await store.read(idOf("a"), call())).toMatchObject({ version: 1 });
          await leave(...statements);
          expect(await store.update(idOf("a"), CHANGE, call())).toEqual({ kind: "done", version: 2 });
          await leave(...statements);
          expect(await store.create(recordOf("b", { labels: LABELS }), call())).toBe(true);
          const { records } = await other.all({ limit: 9 }, call());
          expect(records.map(({ version }) => version)).toEqual([2, 1]);
          expect(await bench.raw.rows("SELECT text FROM notes")).toEqual([]);
        });
      },
    );
  });
}
