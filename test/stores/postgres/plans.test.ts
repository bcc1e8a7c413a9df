import type { Client } from "pg";
import { expect, test } from "vitest";
import { namesFor } from "../../../src/stores/postgres/names.ts";
import { type Statements, statementsFor } from "../../../src/stores/postgres/statements.ts";
import {
  arrayOf,
  changesValue,
  createsValue,
  createValues,
  updateValues,
  type Value,
} from "../../../src/stores/postgres/values.ts";
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
  until,
  useServer,
} from "./support.ts";

const server = useServer({ autovacuum: "off" });
const SESSIONS = 20_000;

interface Stage {
  readonly store: PostgresStore;
  readonly admin: Client;
  readonly schema: string;
  readonly statements: Statements;
}

/** Twenty thousand sessions of a thousand users and one tenant; every tenth is over. */
async function stage(): Promise<Stage> {
  const schema = freshSchema();
  const [store, admin] = [await storeOn(poolOn(server()), { schema }), await clientOn(server())];
  await admin.query(`SET search_path TO ${schema}`);
  await admin.query(`INSERT INTO holdfast_sessions
    SELECT 's' || lpad(i::text, 23, '0'), 1, 1, ${NOW}, ${NOW}, ${NOW} + (i % 10) * 1000, ${NOW} + 99999, ${NOW} + (i % 10) * 1000,
      'hash', ARRAY['user:' || i % 1000, 'tenant:1'], '{"a": "1", "~b": "2"}', false FROM generate_series(1, ${SESSIONS}) i`);
  await admin.query(
    `UPDATE holdfast_sessions SET long = true, fields = fields || '{"c": ["k"]}' WHERE id LIKE '%5'`,
  );
  await admin.query(
    "INSERT INTO holdfast_sessions_texts SELECT id, 'c', 'k', repeat('x', 500) FROM holdfast_sessions WHERE long",
  );
  await admin.query("VACUUM holdfast_sessions");
  await admin.query("INSERT INTO holdfast_sessions_labels SELECT unnest(labels), id FROM holdfast_sessions");
  return {
    store,
    admin,
    schema,
    statements: statementsFor(namesFor(schema, "holdfast_sessions"), "nothing"),
  };
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly PlanNode[];
}

/** Runs a statement as a prepared one whose plan knows no parameters, and gives all parts of its plan, the whole first. */
async function planOf(admin: Client, text: string, values: readonly Value[]): Promise<readonly PlanNode[]> {
  await admin.query("SET plan_cache_mode = force_generic_plan");
  const types = values.map(() => "text").join(", ");
  const given = values.map((value) => (value === null ? "NULL" : admin.escapeLiteral(value))).join(", ");
  await admin.query(`PREPARE one (${types}) AS ${text}`);
  try {
    const { rows } = await admin.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE one (${given})`,
    );
    const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
    return plan === undefined ? [] : flattened(plan);
  } finally {
    await admin.query("DEALLOCATE one");
  }
}

function flattened(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(flattened)];
}

/** Pages that were looked at, and rows that passed by in the largest part. */
function costOf(plan: readonly PlanNode[]): { readonly pages: number; readonly rows: number } {
  const [whole] = plan;
  const rows = plan.map((node) => node["Actual Rows"] * node["Actual Loops"]);
  return {
    pages: (whole?.["Shared Hit Blocks"] ?? 0) + (whole?.["Shared Read Blocks"] ?? 0),
    rows: Math.max(...rows),
  };
}

test("each statement finds its rows by an index and touches what it needs, with statistics and without", async () => {
  const { admin, statements } = await stage();
  const record = recordOf("new", { labels: ["user:1", "tenant:1"] });
  const [id] = [`s${"7".padStart(23, "0")}`];
  const change = updateValues(id, changeOf({ set: { a: "2" }, remove: ["z"] })).values;
  const renew = { secretHash: "x", nextEpoch: 2, labels: ["user:2"] };
  const many = Array.from({ length: 64 }, (_, index) => `s${String(index * 313 + 5).padStart(23, "0")}`);
  const touchOf = (each: string): readonly Value[] =>
    updateValues(each, changeOf({ now: NOW - 1, accessedAt: NOW + 1 })).values;
  const longOf = (each: string): readonly Value[] =>
    updateValues(each, changeOf({ now: NOW - 1, set: { c: "y".repeat(500), d: "1" } })).values;
  const relabel = updateValues(id, changeOf({ renew })).values;
  const cases: readonly (readonly [
    keyof Statements,
    readonly Value[],
    { readonly pages: number; readonly rows: number },
  ])[] = [
    ["read", [id], { pages: 8, rows: 1 }],
    ["reads", [arrayOf(many)], { pages: 100 * 8, rows: 100 }],
    ["changes", [changesValue(many.map((each) => touchOf(each)))], { pages: 60 * 20, rows: 100 }],
    ["changes", [changesValue(many.map((each) => longOf(each)))], { pages: 60 * 50, rows: 100 }],
    ["touch", updateValues(id, changeOf({ accessedAt: NOW + 1 })).values, { pages: 20, rows: 1 }],
    ["change", change, { pages: 20, rows: 1 }],
    ["relabel", relabel, { pages: 80, rows: 3 }],
    ["create", createValues(record), { pages: 80, rows: 2 }],
    [
      "creates",
      [createsValue([createValues(record), createValues({ ...record, id: idOf("new2") })])],
      { pages: 160, rows: 100 },
    ],
    ["delete", [id, null, null], { pages: 20, rows: 1 }],
    ["list", ["user:5", "user:5", "", "11"], { pages: 150, rows: 30 }],
    ["list", ["tenant:1", "tenant:1", `s${"9000".padStart(23, "0")}`, "11"], { pages: 150, rows: 30 }],
    ["all", [`s${"9000".padStart(23, "0")}`, "11"], { pages: 40, rows: 11 }],
    ["revoke", ["user:5", "user:5", "", "{}"], { pages: 500, rows: 60 }],
    ["revoke", ["nobody", "nobody", "", "{}"], { pages: 10, rows: 1 }],
    ["sweep", [String(NOW), "10"], { pages: 200, rows: 10 }],
    ["sweep", [String(NOW - 1), "10"], { pages: 10, rows: 1 }],
  ];
  for (const analyzed of [false, true]) {
    if (analyzed) await admin.query("ANALYZE");
    for (const [kind, values, bound] of cases) {
      await admin.query("BEGIN");
      const plan = await planOf(admin, statements[kind].text, values);
      await admin.query("ROLLBACK");
      const told = `${kind} ${String(values[0]).slice(0, 50)}, ${analyzed ? "with" : "without"} statistics: ${JSON.stringify(plan)}`;
      const kinds = plan.map((node) => node["Node Type"]);
      expect(kinds, told).not.toContain("Seq Scan");
      expect(costOf(plan).pages, told).toBeLessThanOrEqual(bound.pages);
      expect(costOf(plan).rows, told).toBeLessThanOrEqual(bound.rows);
    }
  }
}, 60_000);

test("a touch and a change of a field write no index", async () => {
  const { store, admin } = await stage();
  await admin.query("VACUUM holdfast_sessions");
  const stats = async (): Promise<{ all: number; hot: number }> => {
    const { rows } = await admin.query<{ all: string; hot: string }>(
      `SELECT pg_stat_clear_snapshot(), n_tup_upd AS all, n_tup_hot_upd AS hot FROM pg_stat_user_tables WHERE relid = 'holdfast_sessions'::regclass`,
    );
    return { all: Number(rows[0]?.all), hot: Number(rows[0]?.hot) };
  };
  await until(
    async () => (await stats()).all === SESSIONS / 10,
    "the statistics tell of how the stage was made",
  );
  await admin.query("SELECT pg_stat_reset_single_table_counters('holdfast_sessions'::regclass)");
  const ids = Array.from({ length: 200 }, (_, index) =>
    idOf("x").replace(/.*/, `s${String(index * 97 + 1).padStart(23, "0")}`),
  );
  for (const [index, id] of ids.entries()) {
    const times = { accessedAt: NOW + index, expiresAt: NOW + 50_000 + index, now: NOW - 1 };
    await store.update(id as never, changeOf(times), call());
    await store.update(id as never, changeOf({ ...times, set: { a: String(index) } }), call());
  }
  await until(async () => (await stats()).all >= 400, "the statistics tell of 400 updates");
  const { all, hot } = await stats();
  // A page that is full sends a row elsewhere; fillfactor makes that rare.
  expect([all, hot / all > 0.95]).toEqual([400, true]);
}, 60_000);

test("a sweep moves what lives once, and does not look at it again before its expiry", async () => {
  const { store, admin } = await stage();
  await admin.query(`UPDATE holdfast_sessions SET expires_at = ${NOW} + 99000`);
  expect(await store.sweep(NOW + 10_000, 30_000, call())).toEqual({ deleted: 0, more: false });
  const { rows } = await admin.query(`SELECT FROM holdfast_sessions WHERE due < ${NOW} + 99000`);
  expect(rows).toEqual([]);
}, 60_000);

test("a small change of a large session writes little, and a field that grows or shrinks comes back as it is", async () => {
  const schema = freshSchema();
  const [store, admin] = [await storeOn(poolOn(server()), { schema }), await clientOn(server())];
  const words = (seed: number): string =>
    Array.from({ length: 200 }, (_, index) => Math.sin(seed * 1000 + index)).join();
  const fields: Record<string, string> = { small: "1" };
  for (let index = 0; index < 25; index += 1) fields[`large${index}`] = words(index);
  await store.create(recordOf("a", { fields }), call());
  const written = async (work: () => Promise<unknown>): Promise<number> => {
    const place = async (): Promise<string> =>
      String((await admin.query<{ at: string }>("SELECT pg_current_wal_insert_lsn() AS at")).rows[0]?.at);
    const before = await place();
    await work();
    const { rows } = await admin.query<{ bytes: string }>("SELECT pg_wal_lsn_diff($1, $2) AS bytes", [
      await place(),
      before,
    ]);
    return Number(rows[0]?.bytes);
  };
  // The first change after a checkpoint logs whole pages, of 8 kB.
  await store.update(idOf("a"), changeOf({ set: { small: "2" } }), call());
  expect(JSON.stringify(fields).length).toBeGreaterThan(90_000);
  expect(
    await written(() => store.update(idOf("a"), changeOf({ set: { small: "3" } }), call())),
  ).toBeLessThan(8000);
  const texts = async (): Promise<number> =>
    (await admin.query(`SELECT FROM ${schema}.holdfast_sessions_texts`)).rows.length;
  expect(await texts()).toBe(25);
  await store.update(
    idOf("a"),
    changeOf({ set: { large0: "short", large1: words(99) }, remove: ["large2"] }),
    call(),
  );
  const { large2: _gone, ...rest } = fields;
  const expected = { ...rest, small: "3", large0: "short", large1: words(99) };
  expect((await store.read(idOf("a"), call()))?.fields).toEqual(expected);
  expect(await texts()).toBe(23);
  await store.delete(idOf("a"), {}, call());
  expect(await texts()).toBe(0);
});

test("long texts are read as they are, beside those of the others that are read with them", async () => {
  const schema = freshSchema();
  const [store, admin] = [await storeOn(poolOn(server()), { schema }), await clientOn(server())];
  const long = JSON.stringify(Array.from({ length: 99 }, (_, place) => ({ place, note: '"é😀\\' })));
  const kinds = { a: { one: long, two: `${long}!`, short: "1" }, b: { short: "2" }, c: { one: `${long}?` } };
  for (const [name, fields] of Object.entries(kinds)) await store.create(recordOf(name, { fields }), call());

  const all = Object.keys(kinds).map((name) => store.read(idOf(name), call()));
  const none = store.read(idOf("none"), call());
  expect((await Promise.all(all)).map((record) => record?.fields)).toEqual(Object.values(kinds));
  expect(await none).toBeNull();

  const { read } = statementsFor(namesFor(schema, "holdfast_sessions"), "nothing");
  const { rows } = await admin.query<{ text: string | null }>(read.text, [idOf("a")]);
  expect(new Set(rows.map(({ text }) => text))).toEqual(new Set([null, long, `${long}!`]));
});

test("a long text that a hand took away makes the record corrupt, and others are listed beside it", async () => {
  const schema = freshSchema();
  const [store, admin] = [await storeOn(poolOn(server()), { schema }), await clientOn(server())];
  for (const name of ["a", "b"])
    await store.create(recordOf(name, { fields: { "~long": "x".repeat(999) } }), call());
  await admin.query(`DELETE FROM ${schema}.holdfast_sessions_texts WHERE session_id = '${idOf("a")}'`);
  await expect(store.read(idOf("a"), call())).rejects.toMatchObject({ code: "ERR_SESSION_CORRUPT" });
  const { records } = await store.listByLabel("user:1", { limit: 9 }, call());
  expect(records.map((record) => [record.id, record.fields])).toEqual([
    [idOf("b"), { "~long": "x".repeat(999) }],
  ]);
  expect((await store.all({ limit: 9 }, call())).records).toHaveLength(1);
});
