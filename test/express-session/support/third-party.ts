import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { Pool } from "pg";
import { createClient } from "redis";
import { PostgresServer } from "../../support/servers/postgres.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import { require } from "./subjects.ts";
import type { SessionModule, Store } from "./types.ts";

/** A store of others that runs, empty at first. */
export interface OpenStore {
  readonly store: Store;
  /** Another store upon the same engine, as a second process would have it. */
  again(session: SessionModule): Store;
  close(): Promise<void>;
}

export type Opening = (session: SessionModule) => Promise<OpenStore>;

type Make = (session: SessionModule) => new (options: object) => Store;

/** Stores that need no server. */
export const LOCAL: Readonly<Record<string, Opening>> = {
  MemoryStore: async (session) => {
    const store = new session.MemoryStore();
    return { store, again: () => store, close: async () => {} };
  },

  memorystore: async (session) => {
    const make = require("memorystore") as Make;
    const store = new (make(session))({});
    return { store, again: () => store, close: async () => {} };
  },

  "session-file-store": async (session) => {
    const make = require("session-file-store") as Make;
    const path = await mkdtemp(join(tmpdir(), "holdfast-session-files-"));
    const options = { path, reapInterval: -1, retries: 0, logFn: () => {} };
    return {
      store: new (make(session))(options),
      again: (other) => new (make(other))(options),
      close: () => rm(path, { recursive: true, force: true }),
    };
  },

  "better-sqlite3-session-store": async (session) => {
    const make = require("better-sqlite3-session-store") as Make;
    const client = new Database(":memory:");
    const open = (of: SessionModule): Store => withoutTimer(() => new (make(of))({ client }));
    return {
      store: open(session),
      again: open,
      close: async () => void client.close(),
    };
  },
};

/** Stores upon a server, which is started once for all that is opened; each opening has a place of its own there. */
export class Servers {
  #redis: RedisServer | undefined;
  #postgres: PostgresServer | undefined;
  #opened = 0;

  async start(): Promise<void> {
    [this.#redis, this.#postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#redis?.stop(), this.#postgres?.stop()]);
  }

  readonly stores: Readonly<Record<string, Opening>> = {
    "connect-redis": async () => {
      const { RedisStore } = require("connect-redis") as { RedisStore: new (options: object) => Store };
      const client = createClient({ url: this.#redis?.url ?? "" });
      await client.connect();
      const options = { client, prefix: `sess${(this.#opened += 1)}:` };
      return {
        store: new RedisStore(options),
        again: () => new RedisStore(options),
        close: async () => void client.destroy(),
      };
    },

    "connect-pg-simple": async (session) => {
      const make = require("connect-pg-simple") as Make;
      const pool = new Pool({ connectionString: this.#postgres?.url, max: 4 });
      // The pool has ended before its connections have, and the server must not go first.
      const ended: Promise<void>[] = [];
      pool.on("connect", (client) => ended.push(new Promise((resolve) => client.once("end", resolve))));
      await pool.query(TABLE);
      const options = { pool, pruneSessionInterval: false };
      return {
        store: new (make(session))(options),
        again: (other) => new (make(other))(options),
        close: async () => {
          await pool.end();
          await Promise.all(ended);
        },
      };
    },
  };
}

/** As its page says that the table is to be made. */
const TABLE = `
  CREATE TABLE IF NOT EXISTS session (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);
  TRUNCATE session`;

/** It sweeps by a timer that it never stops, and that would keep a process alive. */
function withoutTimer<T>(make: () => T): T {
  const { setInterval } = globalThis;
  globalThis.setInterval = ((...args: Parameters<typeof setInterval>) =>
    setInterval(...args).unref()) as never;
  try {
    return make();
  } finally {
    globalThis.setInterval = setInterval;
  }
}
