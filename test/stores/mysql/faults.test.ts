import mysql from "mysql2/promise";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Call } from "../../../src/core/store.ts";
import { mysqlStore } from "../../../src/stores/mysql.ts";
import { withServers } from "../../support/servers/programs.ts";
import { noUnhandledRejections } from "../../races/rig.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { poolAt } from "./clients.ts";
import { type Bench, benchOn, call, DRIVERS, idOf, KINDS, NOW, recordOf, until, watched } from "./support.ts";

noUnhandledRejections();

const change = { now: NOW, epoch: 1, set: { a: "2" } };
const touch = { now: NOW, epoch: 1, expiresAt: NOW + 5000 };

/** A connection of somebody else's, which holds locks until it is told otherwise. */
async function holderOn({ server }: Bench, table: string): Promise<mysql.Connection> {
  const { host, port, user, password, database } = server;
  const connection = await mysql.createConnection({ host, port, user, password, database });
  onTestFinished(() => connection.destroy());
  await connection.query("START TRANSACTION");
  await connection.query(`SELECT * FROM ${table} FOR UPDATE`);
  return connection;
}

/** How many statements of the store wait at the table now. */
async function waiting({ raw }: Bench, table: string): Promise<number> {
  const rows = await raw.rows(
    `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE \`${table}%'`,
  );
  return Number(rows[0]?.["n"]);
}

/** Answers the first creation or logout with an error, as a cluster does that refuses a transaction, and counts them. */
async function refusingOnce({ raw }: Bench, table: string, number: number): Promise<() => Promise<number>> {
  // Of an engine without transactions, so that the count outlives what is rolled back.
  await raw.run(`CREATE TABLE ${table}_writes (n INT) ENGINE=MyISAM`);
  for (const event of ["INSERT", "DELETE"]) {
    await raw.run(`CREATE TRIGGER ${table}_${event} BEFORE ${event} ON ${table} FOR EACH ROW BEGIN
      INSERT INTO ${table}_writes VALUES (1);
      IF (SELECT COUNT(*) FROM ${table}_writes) = 1 THEN SIGNAL SQLSTATE '40000' SET MYSQL_ERRNO = ${number}; END IF;
    END`);
  }
  return async () => {
    const [counted] = await raw.rows(`SELECT COUNT(*) AS n FROM ${table}_writes`);
    return Number(counted?.["n"]);
  };
}

function deadline(): { readonly call: Call; pass(): void } {
  const controller = new AbortController();
  return { call: { signal: controller.signal }, pass: () => controller.abort(new Error("too late")) };
}

for (const kind of KINDS) {
  withServers([kind], () =>
    describe(kind, () => {
      const bench = benchOn(kind, { args: ["--innodb-lock-wait-timeout=1"] });

      describe.each(DRIVERS)(`${kind} by %s, in trouble:`, (driver) => {
        test("a lock that is not free in time is waited for again", async () => {
          const location = bench.location({ driver });
          await (await bench.store(location)).create(recordOf("a"), call());
          const { table = "" } = location;
          const { pool, end } = poolAt(location);
          onTestFinished(end);
          let sent = 0;
          const store = mysqlStore(
            watched(pool, (sql) => void (sent += Number(sql.startsWith("UPDATE")))),
            { table },
          );
          const holder = await holderOn(bench, table);
          const late = store.update(idOf("a"), change, call());
          // The server gives up after its second, and the same statement comes again.
          await until("sent again", async () => sent >= 2);
          await holder.query("COMMIT");
          expect(await late).toEqual({ kind: "done", version: 2 });
        });

        test("a statement that waits for a lock at the deadline is ended, and never takes place", async () => {
          const location = bench.location({ driver });
          const store = await bench.store(location);
          const { table = "" } = location;
          await bench.raw.run("SET GLOBAL innodb_lock_wait_timeout = 50");
          const patient = await bench.store({ ...location, connections: 3 });
          await store.create(recordOf("a"), call());
          const holder = await holderOn(bench, table);
          const { call: bounded, pass } = deadline();
          const calls = [change, touch, change].map((one) => patient.update(idOf("a"), one, bounded));
          const settled = Promise.allSettled(calls);
          await until("all wait", async () => (await waiting(bench, table)) === 3);
          pass();
          expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
          await until("none waits", async () => (await waiting(bench, table)) === 0);
          await holder.query("COMMIT");
          expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
          // The pool goes on with as many connections as before.
          const again = await Promise.all([1, 2, 3].map(() => patient.update(idOf("a"), change, call())));
          expect(again.map(({ kind: outcome }) => outcome)).toEqual(["done", "done", "done"]);
          await bench.raw.run("SET GLOBAL innodb_lock_wait_timeout = 1");
        });

        test("a deadlock is not the caller's business", async () => {
          const location = bench.location({ driver });
          const store = await bench.store(location);
          const { table = "" } = location;
          await bench.raw.run("SET GLOBAL innodb_lock_wait_timeout = 50");
          const patient = await bench.store(location);
          const fields = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, "1"]));
          await store.create(recordOf("a", { fields }), call());
          await store.create(recordOf("b", { labels: [] }), call());
          const { host, port, user, password, database } = bench.server;
          const rival = await mysql.createConnection({ host, port, user, password, database });
          onTestFinished(() => rival.destroy());
          // The rival holds a field and then wants the session; the store's transaction goes the other way round.
          await rival.query("START TRANSACTION");
          // Much work done, so that the engine takes the store's transaction for its victim.
          await rival.query(`UPDATE ${table}_fields SET text = '9' WHERE session_id = '${idOf("a")}'`);
          const set = Object.fromEntries(Object.keys(fields).map((name) => [name, "2"]));
          const written = patient.update(idOf("a"), { now: NOW, epoch: 1, set }, call());
          await until("it waits", async () => {
            const rows = await bench.raw.rows(
              `SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE INFO LIKE 'INSERT INTO \`${table}_fields%'`,
            );
            return Number(rows[0]?.["n"]) === 1;
          });
          await rival.query(`UPDATE ${table} SET ends_at = ends_at + 1 WHERE id = '${idOf("a")}'`);
          await rival.query("COMMIT");
          expect(await written).toEqual({ kind: "done", version: 2 });
          const after = await store.read(idOf("a"), call());
          expect(after).toMatchObject({ version: 2, endsAt: NOW + 2001, fields: set });
          await bench.raw.run("SET GLOBAL innodb_lock_wait_timeout = 1");
        });

        test.each([1020, 1213, 3101])(
          "a transaction that was surely refused, by error %i, comes again",
          async (number) => {
            const born = bench.location({ driver });
            const store = await bench.store(born);
            const writes = await refusingOnce(bench, born.table ?? "", number);
            expect(await store.create(recordOf("a"), call())).toBe(true);
            expect(await writes()).toBe(2);
            const ended = bench.location({ driver });
            const other = await bench.store(ended);
            await other.create(recordOf("a"), call());
            const ends = await refusingOnce(bench, ended.table ?? "", number);
            expect(await other.delete(idOf("a"), {}, call())).toBe("done");
            expect(await ends()).toBe(2);
          },
        );

        test("a commit that failed in a way which leaves open whether it took place is not repeated", async () => {
          const location = bench.location({ driver });
          const store = await bench.store(location);
          const writes = await refusingOnce(bench, location.table ?? "", 1180);
          await expect(store.create(recordOf("a"), call())).rejects.toMatchObject({ errno: 1180 });
          expect(await writes()).toBe(1);
        });

        test("a call that waits for a connection at the deadline is never sent, and leaves no connection behind", async () => {
          const location = bench.location({ driver, connections: 1 });
          const { pool, end } = poolAt(location);
          onTestFinished(end);
          const store = mysqlStore(pool, { table: location.table ?? "" });
          await store.setup(call());
          await store.create(recordOf("a"), call());
          const source = "promise" in pool ? pool.promise() : pool;
          const taken = await source.getConnection();
          const { call: bounded, pass } = deadline();
          const calls = Array.from({ length: 50 }, () => store.update(idOf("a"), change, bounded));
          const settled = Promise.allSettled(calls);
          pass();
          for (const one of await settled)
            expect(one).toMatchObject({
              status: "rejected",
              reason: { code: "ERR_SESSION_STORE_UNAVAILABLE" },
            });
          await taken.release();
          expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
        });

        test("a network that swallows everything costs each call its deadline, and nothing after it", async () => {
          const proxy = await TcpProxy.start(bench.server.port);
          onTestFinished(() => proxy.close());
          const store = await bench.store({ driver, port: proxy.port, connections: 3, connectTimeout: 500 });
          await store.create(recordOf("a"), call());
          proxy.swallow("requests");
          const { call: bounded, pass } = deadline();
          const calls = Array.from({ length: 10 }, () => store.read(idOf("a"), bounded));
          const settled = Promise.allSettled(calls);
          await until("lost", async () => proxy.lost("requests") > 0);
          pass();
          expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(["rejected"]));
          await proxy.heal();
          // Connection attempts that began in the bad time fail by the pool's own time limit.
          const served = (): Promise<boolean> =>
            store.read(idOf("a"), call()).then(
              () => true,
              () => false,
            );
          await until("served", served);
          const again = await Promise.all([1, 2, 3].map(() => store.update(idOf("a"), touch, call())));
          expect(again.map(({ kind: outcome }) => outcome)).toEqual(["done", "done", "done"]);
        });

        test("connections cut under a read are replaced within the call; a write cut under way rejects, and is done once at most", async () => {
          const proxy = await TcpProxy.start(bench.server.port);
          onTestFinished(() => proxy.close());
          const store = await bench.store({ driver, port: proxy.port, connections: 2 });
          await store.create(recordOf("a"), call());
          const lost = proxy.loseReply(() => true, "cut");
          const read = store.read(idOf("a"), call());
          await lost;
          expect(await read).toEqual(recordOf("a"));
          // Not a greeting or a question before: what was surely not carried out is done again.
          const lostToo = proxy.loseReply((request) => request.includes("unmistakable"), "cut");
          const written = store.update(idOf("a"), { ...change, set: { a: "unmistakable" } }, call());
          await lostToo;
          await expect(written).rejects.toThrow();
          expect([1, 2]).toContain((await store.read(idOf("a"), call()))?.version);
        });

        test("a connection that the server forgot is given up without a word to it, which would be to nobody, or to another", async () => {
          const proxy = await TcpProxy.start(bench.server.port);
          onTestFinished(() => proxy.close());
          const store = await bench.store({ driver, port: proxy.port, connections: 2 });
          await store.create(recordOf("a"), call());
          const lost = proxy.loseReply((request) => request.includes("unmistakable"), "hang");
          const { call: bounded, pass } = deadline();
          const written = store.update(idOf("a"), { ...change, set: { a: "unmistakable" } }, bounded);
          await lost;
          const others = "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()";
          for (const { id } of await bench.raw.rows(others))
            await bench.raw.run(`KILL ${String(id)}`).catch(() => undefined);
          pass();
          await expect(written).rejects.toThrow();
          for (let count = 0; count < 20; count += 1) await store.read(idOf("a"), call());
          // That no rejection was left to nobody is looked at after each test.
        });

        test("a server that is killed and comes back is served again without a restart of the application", async () => {
          const store = await bench.store({ driver, connections: 4 });
          await store.create(recordOf("a"), call());
          await Promise.all([1, 2, 3, 4].map(() => store.read(idOf("a"), call())));
          await bench.server.process.restart();
          await until("served", async () => (await store.read(idOf("a"), call()).catch(() => null)) !== null);
          expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
          expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
        }, 60_000);

        test("a server that takes no writes is a store failure, not an outcome", async () => {
          const location = bench.location({ driver });
          const store = await bench.store(location);
          await store.create(recordOf("a"), call());
          const { host, port, user, password, database } = bench.server;
          const pool = mysql.createPool({ host, port, user, password, database });
          pool.pool.on(
            "connection",
            (connection) => void connection.query("SET SESSION TRANSACTION READ ONLY"),
          );
          onTestFinished(() => pool.end());
          const readOnly = mysqlStore(pool, { table: location.table ?? "" });
          expect(await readOnly.read(idOf("a"), call())).toEqual(recordOf("a"));
          await expect(readOnly.update(idOf("a"), change, call())).rejects.toMatchObject({ errno: 1792 });
          await expect(readOnly.create(recordOf("b"), call())).rejects.toThrow();
          await expect(readOnly.delete(idOf("a"), {}, call())).rejects.toThrow();
        });

        test("a record larger than the server takes is a store failure, and leaves nothing half written", async () => {
          await bench.raw.run("SET GLOBAL max_allowed_packet = 1048576");
          const store = await bench.store({ driver });
          const fields = { small: "1", big: "x".repeat(2_000_000) };
          await expect(store.create(recordOf("a", { fields }), call())).rejects.toThrow();
          expect(await store.read(idOf("a"), call())).toBeNull();
          await bench.raw.run("SET GLOBAL max_allowed_packet = 67108864");
        });
      });

      describe(`${kind}, and a pool whose connections come back with a transaction open:`, () => {
        test("what was acknowledged is stored for good, on mysql2 whose pool does not roll back", async () => {
          const location = bench.location();
          const store = await bench.store(location);
          await store.create(recordOf("a"), call());
          const { pool, end } = poolAt({ ...location, connections: 1 });
          onTestFinished(end);
          const shared = mysqlStore(pool, { table: location.table ?? "" });
          const source = "promise" in pool ? pool.promise() : pool;
          const careless = await source.getConnection();
          await careless.query({ sql: "START TRANSACTION" });
          await careless.release();
          expect(await shared.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
          expect(await store.read(idOf("a"), call())).toMatchObject({ version: 2, fields: { a: "2" } });
        });
      });
    }),
  );
}
