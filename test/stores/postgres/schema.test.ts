import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { postgresStore } from "../../../src/stores/postgres.ts";
import {
  addressOf,
  call,
  changeOf,
  clientOn,
  freshSchema,
  poolOn,
  recordOf,
  storeOn,
  useServer,
} from "./support.ts";

const server = useServer();

test("twenty processes that set up at once all succeed, and one set of tables is there", async () => {
  const schema = freshSchema();
  const location = JSON.stringify({ driver: "pg-pool", ...addressOf(server()), schema });
  const founder = fileURLToPath(new URL("founder.ts", import.meta.url));
  const children = Array.from({ length: 20 }, () => fork(founder, [location], { execArgv: [] }));
  await Promise.all(children.map((child) => once(child, "message")));
  // All have connected and wait for one word.
  for (const child of children) child.send("now");
  const codes = await Promise.all(children.map(async (child) => (await once(child, "exit"))[0] as unknown));
  expect(codes).toEqual(Array.from({ length: 20 }, () => 0));
  const admin = await clientOn(server());
  const { rows } = await admin.query("SELECT count(*) FROM pg_tables WHERE schemaname = $1", [schema]);
  expect(rows).toEqual([{ count: "3" }]);
}, 60_000);

test.for(['We "are" Ünïque', "UPPER case", "semi;colon--", "back\\slash", "select", "it's"])(
  "names are taken as they are: %s",
  async (name) => {
    const pool = poolOn(server());
    const store = await storeOn(pool, { schema: `${name} ${freshSchema()}`, table: name });
    const record = recordOf("a", { fields: { long: "x".repeat(1000) } });
    await store.create(record, call());
    expect(await store.read(record.id, call())).toEqual(record);
    expect((await store.listByLabel("user:1", { limit: 1 }, call())).records).toHaveLength(1);
    expect(await store.deleteByLabel("user:1", [], call())).toBe(1);
    await store.setup(call());
  },
);

test("a name that PostgreSQL would cut off is refused, and the longest that it would not is taken", async () => {
  const pool = poolOn(server());
  expect(() => postgresStore(pool, { table: "t".repeat(46) })).toThrow(/longer than 45 bytes/);
  expect(() => postgresStore(pool, { table: "é".repeat(23) })).toThrow(/longer than 45 bytes/);
  expect(() => postgresStore(pool, { schema: "s".repeat(64) })).toThrow(/longer than 63 bytes/);
  for (const bad of ["", "a\0b", "a\nb", "\ud800"])
    expect(() => postgresStore(pool, { table: bad })).toThrow(/must be a name/);
  const schema = freshSchema();
  for (const last of ["a", "b"]) {
    const store = await storeOn(pool, { schema, table: `${"t".repeat(44)}${last}` });
    expect(await store.create(recordOf("a"), call())).toBe(true);
  }
});

test("a role that may create nothing sets up where all is there, and works", async () => {
  const admin = await clientOn(server());
  const schema = freshSchema();
  const owner = await storeOn(poolOn(server()), { schema });
  await owner.create(recordOf("a"), call());
  await admin.query(`CREATE ROLE modest LOGIN`);
  await admin.query(`GRANT USAGE ON SCHEMA ${schema} TO modest`);
  await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO modest`);
  const pool = poolOn({ ...addressOf(server()), user: "modest" });
  const modest = await storeOn(pool, { schema });
  const fields = { long: "x".repeat(1000) };
  expect(await modest.create(recordOf("b", { fields }), call())).toBe(true);
  expect(await modest.deleteByLabel("user:1", [], call())).toBe(2);
  await expect(storeOn(pool)).rejects.toThrow(/may not create/);
});

test("tables and indexes of somebody else are refused, and left alone", async () => {
  const admin = await clientOn(server());
  for (const foreign of [
    "TABLE holdfast_sessions (a int)",
    "VIEW holdfast_sessions_texts AS SELECT 1",
    "TABLE holdfast_sessions_due (a int)",
  ]) {
    const schema = freshSchema();
    await admin.query(`CREATE SCHEMA ${schema}; SET search_path TO ${schema}; CREATE ${foreign}`);
    await expect(storeOn(poolOn(server()), { schema }), foreign).rejects.toThrow(
      /Use another table or schema/,
    );
    const { rows } = await admin.query(
      "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1",
      [schema],
    );
    expect(rows).toHaveLength(1);
  }
});

test("functions of somebody else's that fit better than PostgreSQL's own are not called", async () => {
  const admin = await clientOn(server());
  const schema = freshSchema();
  const owner = await storeOn(poolOn(server()), { schema });
  await admin.query(`CREATE SCHEMA foreign_functions; SET search_path TO foreign_functions;
    CREATE FUNCTION array_position(text[], text) RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE FUNCTION array_to_json(text[]) RETURNS json LANGUAGE sql AS $$ SELECT '["admin"]'::json $$;
    CREATE FUNCTION unnest(text[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'admin' $$;
    CREATE FUNCTION starts_with(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'`);
  const pool = poolOn(server(), { options: "-c search_path=foreign_functions,pg_catalog" });
  const store = await storeOn(pool, { schema });
  const record = recordOf("a", { fields: { a: "1" } });
  await store.create(record, call());
  expect(await store.read(record.id, call())).toEqual(record);
  expect((await store.update(record.id, changeOf({ set: { b: "2" } }), call())).kind).toBe("done");
  const { records } = await store.listByLabel("user:1", { limit: 9 }, call());
  expect(records.map(({ fields }) => fields)).toEqual([{}]);
  expect(await owner.deleteByLabel("user:1", [], call())).toBe(1);
});

test("tables of a newer version are an outage", async () => {
  const admin = await clientOn(server());
  const schema = freshSchema();
  await storeOn(poolOn(server()), { schema });
  await admin.query(`COMMENT ON TABLE ${schema}.holdfast_sessions IS 'Holdfast sessions, schema 2'`);
  await expect(storeOn(poolOn(server()), { schema })).rejects.toMatchObject({ code: "ERR_SESSION_FORMAT" });
});

test("a server that promises less than is asked for is refused at setup", async () => {
  const pool = poolOn(server());
  await expect(storeOn(pool, { durability: "power" })).rejects.toThrow(/fsync is off/);
  const lax = poolOn(server(), { options: "-c synchronous_commit=off" });
  await expect(storeOn(lax)).rejects.toThrow(/synchronous_commit is off/);
  const store = await storeOn(lax, { durability: "none" });
  expect(store.traits.durability).toBe("none");
});

test("without tables a call says what to do", async () => {
  const store = postgresStore(poolOn(server()), { schema: freshSchema() });
  await expect(store.read(recordOf("a").id, call())).rejects.toThrow(/Call setup\(\)/);
});

test("a database in another encoding than UTF8 is refused", async () => {
  const admin = await clientOn(server());
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  await expect(storeOn(poolOn({ ...addressOf(server()), database: "latin" }))).rejects.toThrow(/LATIN1/);
});

test("the SQL on the page makes what setup makes", async () => {
  const page = await readFile(new URL("../../../docs/stores/postgres.md", import.meta.url), "utf8");
  const sql = /```sql\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const layouts: unknown[] = [];
  for (const database of ["by_hand", "by_setup"]) {
    await (await clientOn(server())).query(`CREATE DATABASE ${database}`);
    const address = { ...addressOf(server()), database };
    const admin = await clientOn(address);
    if (database === "by_hand") await admin.query(sql);
    await storeOn(poolOn(address), { schema: "public" });
    const { rows } = await admin.query(LAYOUT);
    layouts.push(rows);
  }
  expect(layouts[0]).toEqual(layouts[1]);
  expect(layouts[0]).toHaveLength(3 + 18 + 5 + 5);
});

/** Tables with their settings and comments, columns, indexes and constraints, as PostgreSQL tells them. */
const LAYOUT = `
  SELECT format('%s %s %s', relname, reloptions, obj_description(oid)) AS told FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
  UNION ALL
  SELECT format('%s %s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
  UNION ALL
  SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL
  SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f')
  ORDER BY told`;
