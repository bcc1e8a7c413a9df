import type { Pool } from "pg";
import type { createClient } from "redis";
import type { EngineAddresses } from "../../compare/words.ts";

export type Engines = EngineAddresses;

type RedisClient = ReturnType<typeof createClient>;

/** The same client for every subject. Without the option each command costs a timer and an `AbortSignal` of node-redis 6. */
export async function redisClient({ redis }: Engines): Promise<RedisClient> {
  const { createClient } = await import("redis");
  const client = createClient({ url: redis ?? "", commandOptions: { timeout: 0 } });
  client.on("error", (error) => console.error(error));
  await client.connect();
  return client as RedisClient;
}

/** The same pool for every subject. */
export async function postgresPool({ postgres }: Engines): Promise<Pool> {
  const { default: pg } = await import("pg");
  return new pg.Pool({ connectionString: postgres, max: 10 });
}
