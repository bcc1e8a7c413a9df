// Stores that others wrote for express-session fit as they are, and Holdfast's fit where those are taken.
import type { MongoStore } from "connect-mongo";
import type { PGStore } from "connect-pg-simple";
import type { RedisStore } from "connect-redis";
import session from "express-session";
import { createSession } from "koa-session";
import { expressSessionBridge } from "../../src/bridges/express-session.ts";
import { koaSessionBridge } from "../../src/bridges/koa-session.ts";
import { expressSessionStore } from "../../src/stores/express-session.ts";
import { memoryStore } from "../../src/stores/memory.ts";

export function fit(redis: RedisStore, postgres: PGStore, mongo: MongoStore): void {
  for (const store of [redis, postgres, mongo, new session.MemoryStore()]) expressSessionStore(store);
  session({ store: expressSessionBridge(session, memoryStore()), secret: "s" });
  createSession({ store: koaSessionBridge(memoryStore()) });
}
