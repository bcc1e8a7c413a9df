// Calls that overlap travel together. Each rule of that, for reads and for touches.
import mysql from "mysql2/promise";
import { describe, expect, onTestFinished, test } from "vitest";
import type { SessionChange, UpdateOutcome } from "../../../src/core/store.ts";
import { namesFor } from "../../../src/stores/mysql/schema.ts";
import { sqlFor } from "../../../src/stores/mysql/sql.ts";
import { type MysqlStore, mysqlStore } from "../../../src/stores/mysql.ts";
import { seededRandom } from "../../../src/testing/index.ts";
import { withServers } from "../../support/servers/programs.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { type MysqlLocation, poolAt } from "./clients.ts";
import { type Bench, benchOn, call, DRIVERS, idOf, KINDS, NOW, recordOf, until, watched } from "./support.ts";

/** So many of each kind go at once, each by itself, before others gather. */
const READS_AT_ONCE = 4;
const TOUCHES_AT_ONCE = 8;

interface Sent {
  readonly sql: string;
  readonly values: readonly unknown[];
}

interface Subject {
  readonly store: MysqlStore;
  readonly table: string;
  /** What was sent since it was last emptied. */
  readonly sent: Sent[];
}

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}x`);
}

function touch(later: number, given: Partial<SessionChange> = {}): SessionChange {
  return { now: NOW, epoch: 1, accessedAt: NOW + later, expiresAt: NOW + 1000 + later, ...given };
}

function isTouchTogether({ sql }: Sent): boolean {
  return sql.startsWith("UPDATE (SELECT");
}

function isReadTogether({ sql }: Sent): boolean {
  return sql.startsWith("SELECT") && sql.includes("s.id IN (") && sql.includes("f.name");
}

/** Touches `others` of which the first ones go at once, so that the rest, and `calls` with them, travel together. */
function overlapping<T>(
  store: MysqlStore,
  others: readonly string[],
  calls: readonly (() => Promise<T>)[],
): readonly [Promise<UpdateOutcome[]>, Promise<T>[]] {
  const touched = Promise.all(others.map((name) => store.update(idOf(name), touch(7), call())));
  return [touched, calls.map((start) => start())];
}

function done(count: number): UpdateOutcome[] {
  return Array.from({ length: count }, () => ({ kind: "done", version: 1 }));
}

async function holderOn({ server }: Bench): Promise<mysql.Connection> {
  const { host, port, user, password, database } = server;
  const connection = await mysql.createConnection({ host, port, user, password, database });
  onTestFinished(() => connection.destroy());
  return connection;
}

for (const kind of KINDS) {
  withServers([kind], () =>
    describe.each(DRIVERS)(`${kind} by %s, calls that overlap:`, (driver) => {
      const bench = benchOn(kind, { args: ["--innodb-lock-wait-timeout=50"] });

      /** A store with records of these names. */
      async function subject(
        records: readonly string[],
        given: Partial<MysqlLocation> = {},
      ): Promise<Subject> {
        const location = bench.location({ driver });
        const { table = "" } = location;
        const first = await bench.store(location);
        for (const name of records) await first.create(recordOf(name, { labels: [], fields: {} }), call());
        const { pool, end } = poolAt({ ...location, ...given });
        onTestFinished(end);
        const sent: Sent[] = [];
        const store = mysqlStore(
          watched(pool, (sql, values) => void sent.push({ sql, values })),
          { table },
        );
        return { store, table, sent };
      }

      test("the first reads go at once and by themselves; the others by one statement, an id named once, and each has a record of its own", async () => {
        const all = names("r", 20);
        const { store, sent } = await subject(all);
        const asked = [...all.slice(0, READS_AT_ONCE), ...all, ...all.slice(0, 10)];
        const records = await Promise.all(asked.map((name) => store.read(idOf(name), call())));
        expect(records).toEqual(asked.map((name) => recordOf(name, { labels: [], fields: {} })));
        const objects = records.flatMap((record) => [record, record?.fields, record?.labels]);
        expect(new Set(objects).size).toBe(3 * asked.length);
        const selects = sent.filter(({ sql }) => sql.startsWith("SELECT"));
        const alone = selects.filter((one) => !isReadTogether(one));
        // Each on a connection of its own, in whichever order those came.
        expect(alone.map(({ values }) => String(values)).sort()).toEqual(
          all.slice(0, READS_AT_ONCE).map((name) => idOf(name)),
        );
        expect(selects.filter(isReadTogether).map(({ values }) => values)).toEqual([
          [...all.map(idOf), ...Array.from({ length: 12 }, () => idOf("r19x"))],
        ]);
      });

      test("a read of garbage, of a newer format, of nothing and of no id has its own outcome beside the others", async () => {
        const all = names("r", 12);
        const { store, table, sent } = await subject([...all, "broken", "newer"]);
        await bench.raw.run(`UPDATE ${table} SET labels = '{' WHERE id = '${idOf("broken")}'`);
        await bench.raw.run(`UPDATE ${table} SET format = 9 WHERE id = '${idOf("newer")}'`);
        const asked = [...all, "broken", "newer", "none", "no id at all"];
        const read = await Promise.allSettled(asked.map((name) => store.read(idOf(name), call())));
        expect(read.map((one) => (one.status === "fulfilled" ? one.value : one.reason))).toEqual([
          ...all.map((name) => recordOf(name, { labels: [], fields: {} })),
          expect.objectContaining({ code: "ERR_SESSION_CORRUPT" }),
          expect.objectContaining({ code: "ERR_SESSION_FORMAT" }),
          null,
          null,
        ]);
        expect(sent.filter(isReadTogether)).toHaveLength(1);
      });

      test("a read whose signal aborts rejects at once, and its neighbours have their records", async () => {
        const all = names("r", 20);
        const { store } = await subject(all);
        const controller = new AbortController();
        const read = all.map((name, index) =>
          store.read(idOf(name), index % 3 === 0 ? { signal: controller.signal } : call()),
        );
        controller.abort(new Error("too late"));
        const settled = await Promise.allSettled(read);
        expect(settled.map(({ status }) => status)).toEqual(
          all.map((_, index) => (index % 3 === 0 ? "rejected" : "fulfilled")),
        );
      });

      test("the first touches go at once; the others by one statement, each with its own outcome and times", async () => {
        const all = names("t", 24);
        const { store, table, sent } = await subject([...all, "stale", "over", "newer", "renewed"]);
        await bench.raw.run(`UPDATE ${table} SET format = 9 WHERE id = '${idOf("newer")}'`);
        await bench.raw.run(`UPDATE ${table} SET version = 41, epoch = 3 WHERE id = '${idOf("renewed")}'`);
        const wanted: readonly (readonly [string, SessionChange])[] = [
          ...all.map((name, index) => [name, touch(index)] as const),
          ["stale", touch(1, { epoch: 2 })],
          ["over", touch(1, { now: NOW + 1000 })],
          ["newer", touch(1)],
          ["none", touch(1)],
          ["no id at all", touch(1)],
          ["renewed", { now: NOW, epoch: 3, expiresAt: Number.MAX_SAFE_INTEGER }],
        ];
        const settled = await Promise.allSettled(
          wanted.map(([name, change]) => store.update(idOf(name), change, call())),
        );
        expect(settled.map((one) => (one.status === "fulfilled" ? one.value : one.reason))).toEqual([
          ...done(24),
          { kind: "stale" },
          { kind: "gone" },
          expect.objectContaining({ code: "ERR_SESSION_FORMAT" }),
          { kind: "gone" },
          { kind: "gone" },
          { kind: "done", version: 41 },
        ]);
        // All that were to be done went in one; only what could not be decided so had a statement of its own.
        expect(sent.filter(isTouchTogether)).toHaveLength(1);
        expect(sent.filter(({ sql }) => sql.startsWith("UPDATE `")).length).toBe(TOUCHES_AT_ONCE + 4);
        const stored = await Promise.all(
          [...all, "stale", "over"].map((name) => store.read(idOf(name), call())),
        );
        expect(stored.map((record) => [record?.accessedAt, record?.expiresAt])).toEqual([
          ...all.map((_, index) => [NOW + index, NOW + 1000 + index]),
          [NOW, NOW + 1000],
          [NOW, NOW + 1000],
        ]);
        expect(await store.read(idOf("renewed"), call())).toMatchObject({
          version: 41,
          accessedAt: NOW,
          expiresAt: Number.MAX_SAFE_INTEGER,
        });
      });

      test("an id that is touched several times in a turn is touched once, to the latest that was asked, and never for another epoch's sake", async () => {
        const others = names("o", 16);
        const { store, sent } = await subject([...others, "a", "b"]);
        const steps = [
          touch(5),
          touch(90, { accessedAt: NOW + 1 }),
          touch(30, { now: NOW + 999 }),
          touch(2),
        ].map((change) => () => store.update(idOf("a"), change, call()));
        const expired = (): Promise<UpdateOutcome> =>
          store.update(idOf("b"), touch(3, { now: NOW + 1000 }), call());
        const stale = (): Promise<UpdateOutcome> => store.update(idOf("a"), touch(500, { epoch: 2 }), call());
        const live = (): Promise<UpdateOutcome> => store.update(idOf("b"), touch(4), call());
        const [touched, calls] = overlapping(store, others, [...steps, expired, stale, live]);
        expect(await touched).toEqual(done(16));
        // What is over by one clock is live by another: both answers were true when they were given.
        const outcomes = await Promise.all(calls);
        expect(outcomes.slice(0, 4)).toEqual(done(4));
        expect(["gone", "done"]).toContain(outcomes[4]?.kind);
        expect(outcomes.slice(5)).toEqual([{ kind: "stale" }, ...done(1)]);
        expect(await store.read(idOf("a"), call())).toMatchObject({
          version: 1,
          accessedAt: NOW + 30,
          expiresAt: NOW + 1090,
        });
        const [together] = sent.filter(isTouchTogether);
        // 16 ids are in the second statement, of which this is one: named in each of four lists.
        expect(together?.values.filter((value) => value === idOf("a"))).toHaveLength(4);
      });

      test("a touch that changes nothing writes nothing, and is done", async () => {
        const all = names("t", 24);
        const { store, sent } = await subject(all);
        const same = { now: NOW, epoch: 1, accessedAt: NOW - 5, expiresAt: NOW + 1000 };
        const outcomes = await Promise.all(all.map((name) => store.update(idOf(name), same, call())));
        expect(outcomes).toEqual(done(24));
        expect(sent.filter(isTouchTogether)).toHaveLength(0);
      });

      test("a session that was changed, renewed, ended or brought to its end since it was read is not touched with the others", async () => {
        const all = names("v", 8);
        const { table } = await subject(all);
        const ids = all.map(idOf);
        const changes = [
          `UPDATE ${table} SET version = 2 WHERE id = '${ids[1]}'`,
          `UPDATE ${table} SET epoch = 2 WHERE id = '${ids[2]}'`,
          `DELETE FROM ${table} WHERE id = '${ids[4]}'`,
          `UPDATE ${table} SET expires_at = ${NOW} WHERE id = '${ids[7]}'`,
        ];
        for (const change of changes) await bench.raw.run(change);
        const [read, now, later] = ["1 1", String(NOW), String(NOW + 3000)].map((text) =>
          ids.map(() => text),
        );
        const lists = [ids, ids, read, now, ids, ids, later, later].flatMap((list) => list ?? []);
        const connection = await holderOn(bench);
        const [answer] = await connection.execute(sqlFor(namesFor(table, undefined)).touches(8), lists);
        expect(answer).toMatchObject({ insertId: 0b01101001 });
        const rows = await bench.raw.rows(
          `SELECT id FROM ${table} WHERE expires_at = ${NOW + 3000} ORDER BY id`,
        );
        expect(rows.map(({ id }) => id)).toEqual([ids[0], ids[3], ids[5], ids[6]]);
      });

      test("sessions that somebody has locked, however many, keep nobody waiting but those who touch them", async () => {
        const others = names("o", 24);
        const locked = names("h", 12);
        const { store, table, sent } = await subject([...others, ...locked], { connections: 20 });
        const holder = await holderOn(bench);
        await holder.query("START TRANSACTION");
        // One by one: an engine that goes through a small table as a whole would lock all of it.
        for (const name of locked)
          await holder.query(`UPDATE ${table} SET version = 2 WHERE id = '${idOf(name)}'`);
        const [held, calls] = overlapping(
          store,
          locked,
          others.map((name) => () => store.update(idOf(name), touch(9), call())),
        );
        let isDone = false;
        void held.then(() => (isDone = true));
        expect(await Promise.all(calls)).toEqual(done(24));
        expect(isDone).toBe(false);
        expect(sent.filter(isTouchTogether)).toHaveLength(1);
        await holder.query("COMMIT");
        expect(await held).toEqual(locked.map(() => ({ kind: "done", version: 2 })));
      });

      test("a batch that the server refuses goes one by one, and only the bad call rejects", async () => {
        const others = names("o", 24);
        const { store, table, sent } = await subject([...others, "bad"]);
        await bench.raw.run(
          `ALTER TABLE ${table} ADD CONSTRAINT ${table}_limit CHECK (expires_at <> ${NOW + 1666})`,
        );
        const [touched, [bad]] = overlapping(store, others, [
          () => store.update(idOf("bad"), touch(666), call()),
        ]);
        const refused = expect(bad).rejects.toMatchObject({ errno: kind === "mysql" ? 3819 : 4025 });
        expect(await touched).toEqual(done(24));
        await refused;
        expect(sent.filter(isTouchTogether)).toHaveLength(1);
        expect((await store.read(idOf("bad"), call()))?.expiresAt).toBe(NOW + 1000);
      });

      test("a batch whose answer was lost is unknown for each of it, is not sent again, and is nothing to the others", async () => {
        const proxy = await TcpProxy.start(bench.server.port);
        onTestFinished(() => proxy.close());
        const others = names("o", TOUCHES_AT_ONCE);
        const unlucky = names("u", 16);
        const { store, sent } = await subject([...others, ...unlucky], { port: proxy.port });
        // As a text this number is in the statement of several touches alone, and in no number of another's bytes.
        const lost = proxy.loseReply((request) => request.includes(String(NOW + 1777)), "cut");
        const [touched, calls] = overlapping(
          store,
          others,
          unlucky.map((name) => () => store.update(idOf(name), touch(777), call())),
        );
        const settled = Promise.allSettled(calls);
        await lost;
        expect(await touched).toEqual(done(TOUCHES_AT_ONCE));
        expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(["rejected"]));
        expect(sent.filter(isTouchTogether)).toHaveLength(1);
        expect(sent.filter(({ sql }) => sql.startsWith("UPDATE `"))).toHaveLength(TOUCHES_AT_ONCE);
        await until("applied", async () =>
          (await Promise.all(unlucky.map((name) => store.read(idOf(name), call())))).every(
            (record) => record?.expiresAt === NOW + 1777,
          ),
        );
      });

      test("a touch whose signal aborts before its batch is sent is dropped, and nothing of it is written", async () => {
        const random = seededRandom(7);
        const all = names("t", 24);
        const { store } = await subject(all);
        for (let round = 1; round <= 20; round++) {
          const controller = new AbortController();
          const isLate = (index: number): boolean => (index + round) % 3 === 0;
          const before = await Promise.all(all.map((name) => store.read(idOf(name), call())));
          const calls = all.map((name, index) =>
            store.update(idOf(name), touch(round), isLate(index) ? { signal: controller.signal } : call()),
          );
          const settled = Promise.allSettled(calls);
          // At once, some microtasks later, or while statements are under way.
          const turns = random.below(4);
          for (let turn = turns; turn > 0; turn--)
            await (random.oneIn(2) ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
          controller.abort(new Error("too late"));
          const outcomes = await settled;
          const after = await Promise.all(all.map((name) => store.read(idOf(name), call())));
          for (const [index, outcome] of outcomes.entries()) {
            if (!isLate(index)) expect(outcome.status).toBe("fulfilled");
            // Nothing was sent in the turn in which it was asked for, but the first ones.
            else if (turns === 0 && index >= TOUCHES_AT_ONCE)
              expect(outcome).toMatchObject({ status: "rejected", reason: { message: DROPPED } });
            const written = after[index]?.expiresAt === NOW + 1000 + round;
            if (outcome.status === "fulfilled") expect(written).toBe(true);
            else if (index >= TOUCHES_AT_ONCE && isDropped(outcome.reason))
              expect(after[index]).toEqual(before[index]);
          }
          await new Promise((resolve) => setImmediate(resolve));
          expect(await Promise.all(all.map((name) => store.read(idOf(name), call())))).toEqual(after);
        }
      });

      test("a touch whose signal aborts while its batch waits on the server is ended there, and its neighbours are done", async () => {
        const others = names("o", TOUCHES_AT_ONCE);
        const all = names("t", 12);
        const { store, table, sent } = await subject([...others, ...all]);
        // Connections that are greeted and known, so that nothing but the statements is waited for.
        await Promise.all(all.map((name) => store.read(idOf(name), call())));
        const holder = await holderOn(bench);
        await holder.query(`LOCK TABLES ${table} READ`);
        const controller = new AbortController();
        const [touched, calls] = overlapping(
          store,
          others,
          all.map((name, index) => () => {
            const signal = index === 3 ? controller.signal : new AbortController().signal;
            return store.update(idOf(name), touch(5), { signal });
          }),
        );
        const settled = Promise.allSettled(calls);
        await until("it waits", async () => {
          const rows = await bench.raw.rows(
            "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE (SELECT%'",
          );
          return Number(rows[0]?.["n"]) === 1;
        });
        controller.abort(new Error("too late"));
        await until("ended", async () => sent.some(({ sql }) => sql.startsWith("KILL QUERY")));
        await holder.query("UNLOCK TABLES");
        expect(await touched).toEqual(done(TOUCHES_AT_ONCE));
        expect((await settled).map(({ status }) => status)).toEqual(
          all.map((_, index) => (index === 3 ? "rejected" : "fulfilled")),
        );
        const stored = await Promise.all(all.map((name) => store.read(idOf(name), call())));
        expect(stored.map((record) => record?.expiresAt)).toEqual(
          all.map((_, index) => (index === 3 ? NOW + 1000 : NOW + 1005)),
        );
      });

      test("in a storm no outcome is another's", async () => {
        const all = names("s", 48);
        const { store, sent } = await subject(all);
        await Promise.all(all.map((name, index) => liveThrough(store, name, index)));
        expect(sent.filter(isTouchTogether).length).toBeGreaterThan(0);
        expect(sent.filter(isReadTogether).length).toBeGreaterThan(0);
      });

      test("beside writers a touch is told a version that the session had meanwhile, and none brings a session back", async () => {
        const all = names("w", 24);
        const { store, sent } = await subject(all);
        const live = async (name: string): Promise<void> => {
          const id = idOf(name);
          let [started, acknowledged, latest] = [1, 1, NOW + 1000];
          const write = async (): Promise<void> => {
            for (let step = 0; step < 12; step++) {
              started += 1;
              const outcome = await store.update(id, { now: NOW, epoch: 1, set: {} }, call());
              expect(outcome).toEqual({ kind: "done", version: started });
              acknowledged = started;
            }
          };
          const slide = async (): Promise<void> => {
            for (let step = 1; step <= 24; step++) {
              const atLeast = acknowledged;
              latest = NOW + 1000 + step;
              const outcome = await store.update(id, { now: NOW, epoch: 1, expiresAt: latest }, call());
              expect(outcome.kind).toBe("done");
              if (outcome.kind !== "done") continue;
              expect(outcome.version).toBeGreaterThanOrEqual(atLeast);
              expect(outcome.version).toBeLessThanOrEqual(started);
            }
          };
          await Promise.all([write(), slide()]);
          expect(await store.read(id, call())).toMatchObject({ version: 13, expiresAt: latest });
          const late = [1, 2, 3].map((step) =>
            store.update(id, { now: NOW, epoch: 1, expiresAt: latest + step }, call()),
          );
          expect(await store.delete(id, {}, call())).toBe("done");
          const after = await store.update(id, { now: NOW, epoch: 1, expiresAt: latest + 9 }, call());
          expect(after).toEqual({ kind: "gone" });
          for (const { kind: outcome } of await Promise.all(late))
            expect(["done", "gone"]).toContain(outcome);
          expect(await store.read(id, call())).toBeNull();
        };
        await Promise.all(all.map(live));
        expect(sent.filter(isTouchTogether).length).toBeGreaterThan(0);
      });

      test("close waits for those that gather, and later ones reject", async () => {
        const all = names("t", 40);
        const { store } = await subject(all);
        const reads = Promise.allSettled(all.map((name) => store.read(idOf(name), call())));
        const touches = Promise.allSettled(all.map((name) => store.update(idOf(name), touch(3), call())));
        await store.close();
        const settled = [...(await reads), ...(await touches)].map(({ status }) => status);
        expect(new Set(settled)).toEqual(new Set(["fulfilled"]));
        await expect(store.read(idOf("t0x"), call())).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
      });
    }),
  );
}

const DROPPED = "The deadline of the call passed before the statement was sent; nothing was read or written.";

function isDropped(reason: unknown): boolean {
  return reason instanceof Error && reason.message === DROPPED;
}

/** What one client does with its own session, knowing what it must be told each time. */
async function liveThrough(store: MysqlStore, name: string, seed: number): Promise<void> {
  const random = seededRandom(seed + 1);
  const id = idOf(name);
  let [version, epoch, accessedAt, expiresAt] = [1, 1, NOW, NOW + 1000];
  for (let step = 0; step < 25; step++) {
    const chosen = random.below(10);
    if (chosen < 5) {
      const [later, longer] = [NOW + random.below(500), NOW + 1000 + random.below(1000)];
      const now = random.oneIn(8) ? NOW + 5000 : NOW;
      const asked = random.oneIn(8) ? epoch + 1 : epoch;
      const outcome = await store.update(
        id,
        { now, epoch: asked, accessedAt: later, expiresAt: longer },
        call(),
      );
      if (now > NOW) expect(outcome).toEqual({ kind: "gone" });
      else if (asked !== epoch) expect(outcome).toEqual({ kind: "stale" });
      else {
        expect(outcome).toEqual({ kind: "done", version });
        accessedAt = Math.max(accessedAt, later);
        expiresAt = Math.max(expiresAt, longer);
      }
    } else if (chosen === 5) {
      const renew = { secretHash: "n", nextEpoch: (epoch += 1) };
      const outcome = await store.update(id, { now: NOW, epoch: epoch - 1, renew }, call());
      expect(outcome).toEqual({ kind: "done", version: (version += 1) });
    } else {
      expect(await store.read(id, call())).toMatchObject({ id, version, epoch, accessedAt, expiresAt });
    }
  }
  expect(await store.delete(id, {}, call())).toBe("done");
  expect(await store.update(id, { now: NOW, epoch, expiresAt: NOW + 9000 }, call())).toEqual({
    kind: "gone",
  });
  expect(await store.read(id, call())).toBeNull();
}
