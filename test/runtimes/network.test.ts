import { afterAll, beforeAll } from "vitest";
import { PostgresServer } from "../support/servers/postgres.ts";
import { withServers } from "../support/servers/programs.ts";
import { RedisServer } from "../support/servers/redis.ts";
import { BUN, DENO, NODE20, NODE26 } from "./support/runtimes.ts";
import { contractOn } from "./support/suites.ts";

const PROGRAM = { contract: "store", program: "test/runtimes/programs/network.ts" } as const;

withServers(["redis", "postgres"], () => {
  let redis: RedisServer;
  let postgres: PostgresServer;

  beforeAll(async () => {
    [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
  }, 60_000);
  afterAll(async () => {
    await redis.stop();
    await postgres.stop();
  });

  function environment(): Record<string, string> {
    const { host, port, user, database } = postgres;
    return {
      HOLDFAST_REDIS: String(redis.port),
      HOLDFAST_POSTGRES: JSON.stringify({ host, port, user, database }),
    };
  }

  // Node 24 meets every client in test/stores.
  for (const runtime of [NODE20, NODE26])
    contractOn(runtime, { ...PROGRAM, subjects: ["ioredis6", "pg-pool"], environment });
  for (const runtime of [BUN, DENO])
    contractOn(runtime, {
      ...PROGRAM,
      subjects: ["redis6", "ioredis6", "pg-pool", "postgres.js"],
      environment,
    });
});
