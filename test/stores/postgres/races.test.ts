import { describe, expect, test } from "vitest";
import type { PostgresStore } from "../../../src/stores/postgres.ts";
import {
  call,
  changeOf,
  clientOn,
  freshSchema,
  idOf,
  NOW,
  poolOn,
  recordOf,
  storeOn,
  useServer,
  waitersAre,
} from "./support.ts";

const server = useServer({ deadlock_timeout: "50ms" });

/** A store whose next statement waits behind a transaction that does `meanwhile` and commits. */
async function behind(
  meanwhile: (sessions: string) => string,
  waiting: (store: PostgresStore) => Promise<unknown>,
  given: Parameters<typeof recordOf>[1] = {},
): Promise<{ outcome: unknown; store: PostgresStore }> {
  const schema = freshSchema();
  const store = await storeOn(poolOn(server()), { schema });
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  await store.create(recordOf("a", given), call());
  await holder.query("BEGIN");
  await holder.query(meanwhile(`${schema}.holdfast_sessions`));
  const outcome = waiting(store);
  await waitersAre(admin, 1);
  await holder.query("COMMIT");
  return { outcome: await outcome, store };
}

describe("a statement that waited for the row judges it as it is by then", () => {
  const update = (given: object) => (store: PostgresStore) =>
    store.update(idOf("a"), changeOf({ set: { b: "2" }, ...given }), call());

  test("another field was changed: both changes are there, each with its version", async () => {
    const { outcome, store } = await behind(
      (sessions) => `UPDATE ${sessions} SET version = version + 1, fields = fields || '{"c": "3"}'`,
      update({}),
    );
    expect(outcome).toEqual({ kind: "done", version: 3 });
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1", b: "2", c: "3" });
  });

  test("another version: conflict", async () => {
    const { outcome } = await behind(
      (sessions) => `UPDATE ${sessions} SET version = 2`,
      update({ ifVersion: 1 }),
    );
    expect(outcome).toEqual({ kind: "conflict" });
  });

  test("the version that was asked for came while it waited: done, and not the conflict of before", async () => {
    const { outcome } = await behind(
      (sessions) => `UPDATE ${sessions} SET fields = fields || '{"c": "3"}'`,
      update({ ifVersion: 1 }),
    );
    expect(outcome).toEqual({ kind: "done", version: 2 });
  });

  test("another epoch: stale", async () => {
    const { outcome } = await behind(
      (sessions) => `UPDATE ${sessions} SET epoch = 2, version = 2`,
      update({ ifVersion: 1 }),
    );
    expect(outcome).toEqual({ kind: "stale" });
  });

  test("deleted: gone", async () => {
    const { outcome, store } = await behind((sessions) => `DELETE FROM ${sessions}`, update({}));
    expect(outcome).toEqual({ kind: "gone" });
    expect(await store.read(idOf("a"), call())).toBeNull();
  });

  test("deleted and made anew: it is the new record that is judged", async () => {
    const { outcome } = await behind(
      (sessions) => `WITH old AS (SELECT * FROM ${sessions}), gone AS (DELETE FROM ${sessions}) SELECT;
        CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM ${sessions}; DELETE FROM ${sessions};
        INSERT INTO ${sessions} SELECT * FROM kept; UPDATE ${sessions} SET epoch = 5`,
      update({}),
    );
    expect(["gone", "stale"]).toContain((outcome as { kind: string }).kind);
  });

  test("a delete on condition of the version: conflict", async () => {
    const { outcome, store } = await behind(
      (sessions) => `UPDATE ${sessions} SET version = 2`,
      (store) => store.delete(idOf("a"), { ifVersion: 1 }, call()),
    );
    expect(outcome).toBe("conflict");
    expect(await store.read(idOf("a"), call())).not.toBeNull();
  });

  test("a revocation: who lost the label stays", async () => {
    const { outcome, store } = await behind(
      (sessions) => `UPDATE ${sessions} SET labels = '{}'`,
      (store) => store.deleteByLabel("user:1", [], call()),
    );
    expect(outcome).toBe(0);
    expect(await store.read(idOf("a"), call())).not.toBeNull();
  });

  test("a removal and a set of long texts: only the last is there, and nothing of the others stays when the session goes", async () => {
    const schema = freshSchema();
    const store = await storeOn(poolOn(server()), { schema });
    const [holder, admin] = [await clientOn(server()), await clientOn(server())];
    const long = (letter: string): string => letter.repeat(5000);
    await store.create(recordOf("a", { fields: { a: long("a") } }), call());
    // One store sends what is asked of one id one after the other.
    const stores = await Promise.all(["b", "c", "d"].map(() => storeOn(poolOn(server()), { schema })));
    await holder.query(`BEGIN; SELECT FROM ${schema}.holdfast_sessions FOR UPDATE`);
    const writes = stores.map((each, index) =>
      each.update(idOf("a"), changeOf({ set: { a: long("bcd".charAt(index)) } }), call()),
    );
    await waitersAre(admin, 3);
    await holder.query("COMMIT");
    const outcomes = await Promise.all(writes);
    const last = outcomes.findIndex((outcome) => outcome.kind === "done" && outcome.version === 4);
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: long("bcd".charAt(last)) });
    await store.update(idOf("a"), changeOf({ remove: ["a"] }), call());
    expect((await admin.query(`SELECT FROM ${schema}.holdfast_sessions_texts`)).rows).toEqual([]);
    await store.delete(idOf("a"), {}, call());
  });
});

test("what overlapping renewals leave in the index shows nothing, and goes with the next renewal or the session", async () => {
  const schema = freshSchema();
  const store = await storeOn(poolOn(server()), { schema });
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  await store.create(recordOf("a"), call());
  await holder.query(`BEGIN; SELECT FROM ${schema}.holdfast_sessions FOR UPDATE`);
  const renew = (label: string): Promise<unknown> =>
    store.update(idOf("a"), changeOf({ renew: { secretHash: "x", nextEpoch: 1, labels: [label] } }), call());
  const renewals = [renew("user:2"), renew("user:3"), renew("user:4")];
  await waitersAre(admin, 3);
  await holder.query("COMMIT");
  await Promise.all(renewals);
  const [label] = (await store.read(idOf("a"), call()))?.labels ?? [];
  for (const each of ["user:1", "user:2", "user:3", "user:4"]) {
    const { records } = await store.listByLabel(each, { limit: 9 }, call());
    expect(records).toHaveLength(each === label ? 1 : 0);
    if (each !== label) expect(await store.deleteByLabel(each, [], call())).toBe(0);
  }
  const entries = async (): Promise<number> =>
    (await admin.query(`SELECT FROM ${schema}.holdfast_sessions_labels`)).rows.length;
  await renew("user:5");
  expect(await entries()).toBe(1);
  await store.delete(idOf("a"), {}, call());
  expect(await entries()).toBe(0);
});

test.for(["repeatable read", "serializable"])(
  "a session whose isolation is %s by default loses nothing",
  async (level) => {
    const options = `-c default_transaction_isolation=${level.replace(" ", "\\ ")}`;
    const store = await storeOn(poolOn(server(), { options, max: 8 }));
    await store.create(recordOf("a", { fields: {} }), call());
    const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
    await Promise.all(
      names.map((name) => store.update(idOf("a"), changeOf({ set: { [name]: "1" } }), call())),
    );
    const record = await store.read(idOf("a"), call());
    expect([record?.version, Object.keys(record?.fields ?? {}).length]).toEqual([41, 40]);
    const made = await Promise.all(names.map(() => store.create(recordOf("b"), call())));
    expect(made.filter(Boolean)).toHaveLength(1);
  },
);

test("a deadlock with somebody else's transaction is tried again", async () => {
  const schema = freshSchema();
  const store = await storeOn(poolOn(server()), { schema });
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  for (const name of ["a", "b"]) await store.create(recordOf(name), call());
  const sessions = `${schema}.holdfast_sessions`;
  await holder.query("SET deadlock_timeout = '1min'");
  await holder.query(`BEGIN; UPDATE ${sessions} SET version = 9 WHERE id = '${idOf("b")}'`);
  const revoked = store.deleteByLabel("user:1", [], call());
  await waitersAre(admin, 1);
  // The store holds a and waits for b: now the other way round.
  await holder.query(`UPDATE ${sessions} SET version = 9 WHERE id = '${idOf("a")}'; COMMIT`);
  expect(await revoked).toBe(2);
});

test("revocations of labels that overlap do not lock each other up", async () => {
  const store = await storeOn(poolOn(server(), { max: 8 }));
  const names = Array.from({ length: 60 }, (_, index) => `n${index}x`);
  for (const name of names) await store.create(recordOf(name, { labels: ["one", "two", "three"] }), call());
  const counts = await Promise.all(
    ["one", "two", "three", "one"].map((label) => store.deleteByLabel(label, [], call())),
  );
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(60);
});

test("sweeps by many at once beside traffic delete what is over, once, and nothing that lives", async () => {
  const stores = await Promise.all(
    [1, 2, 3].map(() => poolOn(server())).map((pool) => storeOn(pool, { schema: "swept" })),
  );
  const [first] = stores;
  if (first === undefined) throw new Error("There are three.");
  const due = Array.from({ length: 300 }, (_, index) => recordOf(`d${index}x`, { expiresAt: NOW }));
  const live = Array.from({ length: 60 }, (_, index) => recordOf(`l${index}x`, { expiresAt: NOW + 10 }));
  await Promise.all([...due, ...live].map((record) => first.create(record, call())));
  const touches = live.map((record) =>
    first.update(record.id, changeOf({ expiresAt: NOW + 1_000_000 }), call()),
  );
  const swept = await Promise.all(stores.map((store) => store.sweep(NOW, 1000, call())));
  await Promise.all(touches);
  const rest = await first.sweep(NOW + 10, 1000, call());
  expect(swept.reduce((sum, { deleted }) => sum + deleted, rest.deleted)).toBe(300);
  expect((await first.all({ limit: 1000 }, call())).records).toHaveLength(60);
});
