import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type Engines, postgresPool, redisClient } from "./clients.ts";

/** Texts by their key, with as little as one can do for it. */
export interface Values {
  get(key: string): Promise<string | null>;
  set(key: string, text: string): Promise<unknown>;
}

export const BY_HAND: Readonly<Record<string, (engines: Engines) => Promise<Values>>> = {
  async sqlite({ folder }) {
    const database = new DatabaseSync(join(folder, "by-hand.db"));
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    database.exec("CREATE TABLE texts (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID");
    const select = database.prepare("SELECT text FROM texts WHERE key = ?");
    const insert = database.prepare("INSERT INTO texts VALUES (?, ?)");
    return {
      get: async (key) => (select.get(key)?.["text"] as string | undefined) ?? null,
      set: async (key, text) => insert.run(key, text),
    };
  },

  async redis(engines) {
    const client = await redisClient(engines);
    return {
      get: (key) => client.get(`hand:${key}`),
      set: (key, text) => client.set(`hand:${key}`, text, { expiration: { type: "EX", value: 86_400 } }),
    };
  },

  async postgres(engines) {
    const pool = await postgresPool(engines);
    await pool.query("CREATE TABLE IF NOT EXISTS by_hand (key text PRIMARY KEY, text text NOT NULL)");
    return {
      async get(key) {
        const { rows } = await pool.query<{ text: string }>("SELECT text FROM by_hand WHERE key = $1", [key]);
        return rows[0]?.text ?? null;
      },
      set: (key, text) => pool.query("INSERT INTO by_hand VALUES ($1, $2)", [key, text]),
    };
  },
};
