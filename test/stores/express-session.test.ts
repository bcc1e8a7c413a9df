import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import pgSimple from "connect-pg-simple";
import { MongoStore } from "connect-mongo";
import { RedisStore } from "connect-redis";
import session from "express-session";
import memorystore from "memorystore";
import { Pool } from "pg";
import { createClient } from "redis";
import { afterAll, beforeAll, describe, test } from "vitest";
import { expressSessionStore, type ExpressSessionStoreLike } from "../../src/stores/express-session.ts";
import { storeContract, type StoreSubject } from "../../src/testing/index.ts";
import { until } from "../support/servers/server-process.ts";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { standInClient } from "./key-value/mongo.ts";
import { type OpenedEngine, unconditionalSubject } from "./key-value/subject.ts";
import { keyOf } from "../../src/stores/key-value/keys.ts";

const require = createRequire(import.meta.url);

function engine(
  foreign: ExpressSessionStoreLike,
  close: () => Promise<void> = async () => {},
  damage?: OpenedEngine["damage"],
): OpenedEngine {
  return { store: () => expressSessionStore(foreign), close, ...(damage && { damage }) };
}

const NO_LISTING = { iterate: "the store has no `all`", labels: "the store has no `all`" };

function contractOf(subject: StoreSubject): void {
  storeContract({ test, describe }, subject);
}

contractOf(
  unconditionalSubject("express-session's MemoryStore", async () => {
    const store = new session.MemoryStore();
    const { sessions } = store as unknown as { readonly sessions: Record<string, string> };
    return engine(store, undefined, {
      async "of another application"(id) {
        sessions[keyOf(id)] = '{"cookie":{},"user":1}';
      },
      async "of another kind"(id) {
        sessions[keyOf(id)] = '{"cookie":{},"holdfast":{"record":1}}';
      },
    });
  }),
);

contractOf(
  unconditionalSubject(
    "memorystore",
    async () => {
      const MemoryStore = memorystore(session);
      return engine(new MemoryStore({ checkPeriod: 0 }));
    },
    { damage: "tried on express-session's own" },
  ),
);

contractOf(
  unconditionalSubject(
    "better-sqlite3-session-store",
    async () => {
      const SqliteStore = require("better-sqlite3-session-store")(session);
      const database = new Database(":memory:");
      const store = new SqliteStore({ client: database });
      return engine(store, async () => void database.close(), {
        async "of another application"(id) {
          database.prepare("UPDATE sessions SET sess = '{}' WHERE sid = ?").run(keyOf(id));
        },
      });
    },
    {},
    0.5,
  ),
);

contractOf(
  unconditionalSubject(
    "session-file-store",
    async () => {
      const FileStore = require("session-file-store")(session);
      const path = mkdtempSync(join(tmpdir(), "holdfast-files-"));
      // Without retries, for it waits for files that are not there.
      const store = new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => {} });
      return engine(store, async () => rmSync(path, { recursive: true }));
    },
    { ...NO_LISTING, damage: "the store removes what it cannot read" },
    0.2,
  ),
);

for (const stringify of [true, false]) {
  contractOf(
    unconditionalSubject(
      `connect-mongo's own code, ${stringify ? "with texts" : "with objects"}`,
      async () => {
        const store = MongoStore.create({ client: standInClient(), stringify });
        return engine(store, () => store.close());
      },
      { damage: "what is stored stands in for MongoDB" },
      0.5,
    ),
  );
}

withServers(["redis"], () => {
  describe("on Redis", () => {
    let server: RedisServer | undefined;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server?.stop());

    contractOf(
      unconditionalSubject(
        "connect-redis",
        async () => {
          const client = createClient({ url: `redis://127.0.0.1:${server?.port}` });
          await client.connect();
          const prefix = `${randomUUID()}:`;
          const store = new RedisStore({ client, prefix });
          return engine(store, async () => client.destroy(), {
            async "of another application"(id) {
              await client.set(prefix + keyOf(id), '{"cookie":{}}');
            },
          });
        },
        {},
        0.3,
      ),
    );
  });
});

withServers(["postgres"], () => {
  describe("on PostgreSQL", () => {
    let server: PostgresServer | undefined;
    beforeAll(async () => {
      server = await PostgresServer.start({});
    }, 90_000);
    afterAll(() => server?.stop());

    contractOf(
      unconditionalSubject(
        "connect-pg-simple",
        async () => {
          const { host, port, user, database } = server as PostgresServer;
          const pool = new Pool({ host, port, user, database, max: 4 });
          let connections = 0;
          pool.on("connect", () => (connections += 1));
          pool.on("remove", () => (connections -= 1));
          const PgStore = pgSimple(session);
          const tableName = `t${randomUUID().replaceAll("-", "")}`;
          await pool.query(
            `CREATE TABLE ${tableName} (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)`,
          );
          const store = new PgStore({ pool, tableName, pruneSessionInterval: false });
          // The pool has ended before its connections have, and the server must not go first.
          const close = async (): Promise<void> => {
            await pool.end();
            await until("the connections have ended", () => connections === 0);
          };
          return engine(store, close, {
            async "of another application"(id) {
              await pool.query(`UPDATE ${tableName} SET sess = '{"cookie":{}}' WHERE sid = $1`, [keyOf(id)]);
            },
          });
        },
        { ...NO_LISTING },
        0.3,
      ),
    );
  });
});
