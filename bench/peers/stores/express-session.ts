import { createRequire } from "node:module";
import { join } from "node:path";
import session from "express-session";
import { type Engines, postgresPool, redisClient } from "./clients.ts";

type SqliteStoreMaker = (from: typeof session) => new (options: { client: unknown }) => session.Store;

/** The stores of express-session, each set up as its page has it. */
const STORES: Readonly<Record<string, (engines: Engines) => Promise<session.Store>>> = {
  memory: async () => new session.MemoryStore(),
  async sqlite({ folder }) {
    const { default: Database } = await import("better-sqlite3");
    const client = new Database(join(folder, "express-session.db"));
    // As durable as Holdfast's own, and with the faster log.
    client.pragma("journal_mode = WAL");
    client.pragma("synchronous = NORMAL");
    const make = createRequire(import.meta.url)("better-sqlite3-session-store") as SqliteStoreMaker;
    return new (make(session))({ client });
  },
  async redis(engines) {
    const { RedisStore } = await import("connect-redis");
    return new RedisStore({ client: await redisClient(engines) });
  },
  async postgres(engines) {
    const { default: connectPgSimple } = await import("connect-pg-simple");
    const Store = connectPgSimple(session);
    return new Store({ pool: await postgresPool(engines), createTableIfMissing: true });
  },
};

/** Opens one. Rejects for a name of which there is none. */
export async function expressSessionStore(name: string, engines: Engines): Promise<session.Store> {
  const open = STORES[name];
  if (open === undefined) throw new Error(`express-session has no store ${name} here.`);
  return await open(engines);
}
