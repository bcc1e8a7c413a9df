import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { Client } from "pg";
import type { Random } from "../../../src/testing/index.ts";
import { until } from "../../support/servers/server-process.ts";
import type { PostgresServer } from "../../support/servers/postgres.ts";
import type { TcpProxy } from "../../support/tcp-proxy.ts";
import type { Pooled, Single, SingleMysql, SinglePostgres, SingleRedis } from "./deployments.ts";
import type { Load } from "./load.ts";

/** What goes wrong under load, until it is over. */
export type Outage<Where = Single> = (where: Where, load: Load, random: Random) => Promise<void>;

/** So many refusals show that an outage was felt by more than one request at a time. */
export const FELT = 10;

/** By the names of the fields that they write, which no request that only reads sends. */
const WRITES: readonly ((request: string) => boolean)[] = [
  (request) => request.includes("count"),
  (request) => request.includes("list"),
  (request) => request.includes("field"),
];

/** The server dies, and is not there for a while. */
async function killed({ server, proxy }: Single, load: Load): Promise<void> {
  await server.kill();
  proxy.refuse();
  await load.refuses(FELT);
  await server.start();
  await proxy.heal();
}

/** The server dies and is there again as soon as it can be. */
async function restarted({ server }: Single, load: Load): Promise<void> {
  await server.restart();
  await load.answers(FELT);
}

/** The server stands still for longer than the deadline, and then goes on with what was sent to it meanwhile. */
async function paused({ server }: Single, load: Load): Promise<void> {
  server.pause();
  await load.refuses(FELT);
  server.resume();
}

/** All connections are cut, again and again. */
async function cut({ proxy }: Single, load: Load): Promise<void> {
  for (let time = 0; time < 8; time += 1) {
    proxy.cut();
    await load.answers(FELT);
  }
}

/** Each connection is cut in the middle of an answer, at its first or somewhat later. */
async function cutInReplies({ proxy }: Single, load: Load, random: Random): Promise<void> {
  proxy.cutReplies(() => 1 + random.below(3000));
  await load.answers(80);
  proxy.cutReplies(() => 1 + random.below(100));
  await load.refuses(FELT);
  await proxy.heal();
}

/** The answers to some writes are lost after these were carried out, with their connections. */
async function repliesLost({ proxy }: Single, load: Load): Promise<void> {
  for (const matches of WRITES)
    for (let time = 0; time < 4; time += 1) await lose(proxy, load, matches, "cut");
}

/** The same, and the connections stay, and stay silent, until the system finds out in the end. */
async function repliesSwallowed({ proxy }: Single, load: Load): Promise<void> {
  for (const matches of WRITES) await proxy.loseReply(matches, "hang");
  await load.answers(FELT);
  proxy.cut();
}

/** The network is down for longer than the deadline, and sends again what was sent to it meanwhile. */
async function requestsHeld({ proxy }: Single, load: Load): Promise<void> {
  proxy.hold("requests");
  await load.refuses(FELT);
  await proxy.heal();
}

async function repliesHeld({ proxy }: Single, load: Load): Promise<void> {
  proxy.hold("replies");
  await load.refuses(FELT);
  await proxy.heal();
}

/** Everything is carried out, and every answer comes after the deadline. */
async function slow({ proxy }: Single, load: Load): Promise<void> {
  proxy.delay(300);
  await load.refuses(FELT);
  await proxy.heal();
}

/** The network forgets the connections: who sends by them never hears again. */
async function forgotten({ proxy }: Single, load: Load): Promise<void> {
  proxy.swallow("requests");
  proxy.swallow("replies");
  await load.refuses(FELT);
  await proxy.heal();
}

async function lose(
  proxy: TcpProxy,
  load: Load,
  matches: (request: string) => boolean,
  instead: "cut" | "hang",
): Promise<void> {
  await proxy.loseReply(matches, instead);
  await load.answers(5);
}

/** The server forgets its scripts, again and again. */
async function flushed({ redis }: SingleRedis, load: Load): Promise<void> {
  for (let time = 0; time < 8; time += 1) {
    await redis.cli("SCRIPT", "FLUSH");
    await load.answers(FELT);
  }
}

/** The server has no memory left for what is new. */
async function full({ redis }: SingleRedis, load: Load): Promise<void> {
  await redis.cli("CONFIG", "SET", "maxmemory", "1");
  await load.refuses(FELT);
  await redis.cli("CONFIG", "SET", "maxmemory", "0");
}

/** The server takes no writes for want of a replica. */
async function lonely({ redis }: SingleRedis, load: Load): Promise<void> {
  await redis.cli("CONFIG", "SET", "min-replicas-to-write", "1");
  await load.refuses(FELT);
  await redis.cli("CONFIG", "SET", "min-replicas-to-write", "0");
}

/** The server becomes another's replica, as after a fail-over that its clients did not hear of, and back. */
async function demoted({ redis }: SingleRedis, load: Load): Promise<void> {
  await redis.cli("REPLICAOF", "127.0.0.1", "1");
  await load.refuses(FELT);
  await redis.cli("REPLICAOF", "NO", "ONE");
}

export const OF_REDIS: Readonly<Record<string, Outage<SingleRedis>>> = {
  "scripts are flushed": flushed,
  "the memory is full": full,
  "no replica follows": lonely,
  "the server is made a replica": demoted,
};

/** The pooler dies, and starts again after a while. */
async function poolerKilled({ pooler, proxy }: Pooled, load: Load): Promise<void> {
  await pooler.kill();
  proxy.refuse();
  await load.refuses(FELT);
  await pooler.start();
  await proxy.heal();
}

export const OF_POOLERS: Readonly<Record<string, Outage<Pooled>>> = { "the pooler is killed": poolerKilled };

const GAVE_WAY = /deadlock|lock wait/i;

/** Somebody else locks the rows of sessions, some in one order and some in the other, for longer than the engine waits. */
async function locked({ mysql }: SingleMysql, load: Load): Promise<void> {
  const rivals = await Promise.all([0, 1].map(() => createConnection(mysql.url)));
  try {
    for (let time = 0; time < 4; time += 1) {
      await Promise.all(rivals.map((rival, index) => crossing(rival, index === 0 ? "ASC" : "DESC")));
      await load.answers(FELT);
    }
    await until("a rival has all rows", () => holdsAll(rivals[0]));
    await load.refuses(FELT);
    await rivals[0]?.query("ROLLBACK");
  } finally {
    for (const rival of rivals) await rival.end();
  }
}

/** Locks every row. Tells whether it could: the engine may roll it back in favour of a session's own change. */
async function holdsAll(rival: Connection | undefined): Promise<boolean> {
  await rival?.query("BEGIN");
  try {
    await rival?.query("SELECT id FROM holdfast_sessions FOR UPDATE");
    return true;
  } catch (error) {
    if (!GAVE_WAY.test(String(error))) throw error;
    return false;
  }
}

/** A transaction that takes row after row, and is rolled back: by the engine where it crosses another. */
async function crossing(rival: Connection, order: string): Promise<void> {
  await rival.query("BEGIN");
  try {
    const [rows] = await rival.query<RowDataPacket[]>(
      `SELECT id FROM holdfast_sessions ORDER BY id ${order} LIMIT 20`,
    );
    for (const { id } of rows)
      await rival.query("UPDATE holdfast_sessions SET accessed_at = accessed_at + 1 WHERE id = ?", [id]);
  } catch (error) {
    if (!GAVE_WAY.test(String(error))) throw error;
  } finally {
    await rival.query("ROLLBACK");
  }
}

/** The server is told to take no writes, and then to take them again. */
async function readOnly({ mysql }: SingleMysql, load: Load): Promise<void> {
  const other = await createConnection(mysql.url);
  try {
    await other.query("SET GLOBAL super_read_only = 1");
    await load.refuses(FELT);
  } finally {
    await other.query("SET GLOBAL read_only = 0");
    await other.end();
  }
}

/** The server is told to take no writes, as after a fail-over or where its disk is nearly full, and then to take them again. */
async function frozen({ postgres }: SinglePostgres, load: Load): Promise<void> {
  await withPostgres(postgres, "ALTER SYSTEM SET default_transaction_read_only = on");
  try {
    await load.refuses(FELT);
  } finally {
    await withPostgres(postgres, "ALTER SYSTEM RESET default_transaction_read_only");
  }
}

/** Changes a setting, for all connections that are open too. */
async function withPostgres({ url }: PostgresServer, change: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query("SET default_transaction_read_only = off");
    await client.query(change);
    await client.query("SELECT pg_reload_conf()");
  } finally {
    await client.end();
  }
}

export const OF_POSTGRES: Readonly<Record<string, Outage<SinglePostgres>>> = {
  "the server takes no writes": frozen,
};

export const LOCKS: Readonly<Record<string, Outage<SingleMysql>>> = { "others lock the rows": locked };

/** For MySQL: MariaDB knows no such switch for users who may do everything. */
export const READ_ONLY: Readonly<Record<string, Outage<SingleMysql>>> = {
  "the server takes no writes": readOnly,
};

/** Outages in which connections are lost. */
const CUTTING: Readonly<Record<string, Outage>> = {
  "the server is killed and stays away": killed,
  "the server is killed and starts again": restarted,
  "connections are cut": cut,
  "connections are cut in the middle of replies": cutInReplies,
  "replies to writes are lost": repliesLost,
  "replies to writes are swallowed": repliesSwallowed,
};

/** Outages that leave connections as they are. */
const LEAVING: Readonly<Record<string, Outage>> = {
  "the server stands still": paused,
  "requests are held up": requestsHeld,
  "replies are held up": repliesHeld,
  "everything takes too long": slow,
};

/** What every deployment has to survive. */
export const EVERYWHERE: Readonly<Record<string, Outage>> = { ...CUTTING, ...LEAVING };

/** For clients that find out by themselves that a connection is dead. */
export const FORGOTTEN: Readonly<Record<string, Outage>> = { "the network forgets connections": forgotten };
