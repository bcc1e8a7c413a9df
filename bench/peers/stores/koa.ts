import { type Engines, redisClient } from "./clients.ts";

interface KoaStore {
  get(key: string): Promise<unknown>;
  set(key: string, session: unknown, maxAge: number): Promise<unknown>;
  destroy(key: string): Promise<unknown>;
}

/** koa-session has no stores of its own but the cookie: these are the ones of its page, in as few words. */
export async function koaStore(name: string, engines: Engines): Promise<KoaStore> {
  if (name === "redis") return redisStore(engines);
  if (name === "memory") return memoryStore();
  throw new Error(`koa-session has no store ${name} here.`);
}

function memoryStore(): KoaStore {
  const texts = new Map<string, string>();
  return {
    async get(key) {
      const text = texts.get(key);
      return text === undefined ? undefined : JSON.parse(text);
    },
    set: async (key, session) => texts.set(key, JSON.stringify(session)),
    destroy: async (key) => texts.delete(key),
  };
}

async function redisStore(engines: Engines): Promise<KoaStore> {
  const client = await redisClient(engines);
  return {
    async get(key) {
      const text = await client.get(`koa:${key}`);
      return text === null ? undefined : JSON.parse(text);
    },
    set: (key, session, maxAge) =>
      client.set(`koa:${key}`, JSON.stringify(session), {
        expiration: { type: "PX", value: Math.ceil(maxAge) },
      }),
    destroy: (key) => client.del(`koa:${key}`),
  };
}
