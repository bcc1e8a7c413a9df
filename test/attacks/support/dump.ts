// What somebody has who got hold of everything that an engine stores.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Redis } from "ioredis";
import { open } from "lmdb";
import { Client } from "pg";
import type { AnyStore } from "../../../src/index.ts";
import type { Place } from "../../races/support/places.ts";
import { type MysqlLocation, poolAt } from "../../stores/mysql/clients.ts";
import type { PostgresLocation } from "../../stores/postgres/clients.ts";
import type { RedisLocation } from "../../stores/redis/clients.ts";
import { quoted } from "../../stores/mysql/raw.ts";

/** Everything at a place, as text: files byte by byte and what the engine reads from them, keys with their values, all rows of all tables. */
export async function dumpOf(place: Place, store: AnyStore): Promise<string> {
  switch (place.store) {
    case "memory":
      return await recordsOf(store);
    case "directory":
      return await filesBelow(place.location);
    case "sqlite":
      return (await filesBelow(join(place.location, ".."))) + rowsOfSqlite(place.location);
    case "lmdb":
      return (await filesBelow(join(place.location, ".."))) + (await rowsOfLmdb(place.location));
    case "redis":
      return await keysOfRedis(JSON.parse(place.location) as RedisLocation);
    case "postgres":
      return await rowsOfPostgres(JSON.parse(place.location) as PostgresLocation);
    case "mysql":
      return await rowsOfMysql(JSON.parse(place.location) as MysqlLocation);
    case "defective":
      throw new Error("no engine");
  }
}

async function recordsOf(store: AnyStore): Promise<string> {
  const page = await store.all?.({ limit: 1000 }, { signal: new AbortController().signal });
  return JSON.stringify(page?.records);
}

async function filesBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const texts = entries.map(async (entry) =>
    entry.isFile()
      ? `${entry.name}\n${(await readFile(join(entry.parentPath, entry.name))).toString("latin1")}`
      : entry.name,
  );
  return (await Promise.all(texts)).join("\n");
}

function rowsOfSqlite(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const rows = tables.map(({ name }) => textOf(database.prepare(`SELECT * FROM "${String(name)}"`).all()));
  database.close();
  return rows.join("\n");
}

async function rowsOfLmdb(file: string): Promise<string> {
  const root = open({ path: file, noSubdir: true, overlappingSync: false });
  const table = root.openDB<string, string>({ name: "holdfast", encoding: "string", useVersions: true });
  const rows = Array.from(table.getRange(), ({ key, value }) => `${key}\n${value}`);
  await root.close();
  return rows.join("\n");
}

/** Of a cluster each node has a part, and a replica what its primary has. */
async function keysOfRedis({ ports, topology }: RedisLocation): Promise<string> {
  const texts = ports.map((port) => keysOfNode(new Redis({ port, host: "127.0.0.1" }), topology));
  return (await Promise.all(texts)).join("\n");
}

async function keysOfNode(redis: Redis, topology: RedisLocation["topology"]): Promise<string> {
  // Else a replica points to its primary.
  if (topology === "cluster") await redis.readonly();
  const texts: string[] = [];
  for (const key of await redis.keys("*")) {
    texts.push(key, (await redis.dumpBuffer(key))?.toString("latin1") ?? "");
    const type = await redis.type(key);
    if (type === "hash") texts.push(textOf(await redis.hgetall(key)));
    if (type === "set") texts.push(textOf(await redis.smembers(key)));
    if (type === "zset") texts.push(textOf(await redis.zrange(key, "0", "-1", "WITHSCORES")));
    if (type === "string") texts.push((await redis.get(key)) ?? "");
  }
  redis.disconnect();
  return texts.join("\n");
}

async function rowsOfPostgres({ host, port, user, database }: PostgresLocation): Promise<string> {
  const client = new Client({ host, port, user, database });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
  );
  const texts: string[] = [];
  for (const { name } of rows) texts.push(textOf((await client.query(`SELECT * FROM ${name}`)).rows));
  await client.end();
  return texts.join("\n");
}

async function rowsOfMysql(location: MysqlLocation): Promise<string> {
  const { pool, end } = poolAt({ ...location, driver: "mysql2" });
  const { query } = pool as unknown as { query(sql: string): Promise<[Record<string, unknown>[]]> };
  const rowsOf = async (sql: string) => (await query.call(pool, sql))[0];
  const texts: string[] = [];
  for (const table of await rowsOf("SHOW TABLES"))
    texts.push(textOf(await rowsOf(`SELECT * FROM ${quoted(String(Object.values(table)[0]))}`)));
  await end();
  return texts.join("\n");
}

/** As JSON whose quotes are not escaped again, with the bytes of columns that hold bytes. */
function textOf(value: unknown): string {
  const texts: string[] = [];
  const visit = (one: unknown): void => {
    if (one instanceof Uint8Array) return void texts.push(Buffer.from(one).toString("latin1"));
    if (typeof one !== "object" || one === null) return void texts.push(String(one));
    for (const [name, inner] of Object.entries(one)) {
      texts.push(name);
      visit(inner);
    }
  };
  visit(value);
  return texts.join("\n");
}
