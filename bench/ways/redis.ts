import { createClient } from "redis";
import type { SessionId, SessionRecord } from "../../src/core/record.ts";
import { SessionManager } from "../../src/index.ts";
import { cached } from "../../src/stores/cached.ts";
import { type RedisStore, redisStore } from "../../src/stores/redis.ts";
import { RedisServer } from "../../test/support/servers/redis.ts";
import { cookieAfter, testExchange } from "../../test/support/exchange.ts";
import { CALL, LARGE, recordWith, SMALL } from "./records.ts";
import { atOnce, type Both, type Way } from "./way.ts";

const MANY = 64;
const ONE_BY_ONE = 50;

type Client = Awaited<ReturnType<typeof connected>>;

/** What a Redis store gains by how it asks. */
export const REDIS_WAYS: readonly Way[] = [
  {
    name: "field-level writes, Redis",
    deed: "one small field of a session of 100 kB is written",
    with: "that field is sent, and set",
    without: "the whole session is, as one text",
    open: () =>
      redisWay(async (store, client) => {
        const record = await stored(store, LARGE);
        const whole = JSON.stringify(LARGE);
        return {
          with: () => inTurn(() => setOne(store, record)),
          without: () => inTurn(() => client.set("whole", whole, { KEEPTTL: true })),
        };
      }),
  },
  {
    name: "one script call",
    deed: "a field is written under the condition that the session still lives and its epoch is the same",
    with: "one script, in one round trip",
    without: "`WATCH`, a look, `MULTI` and `EXEC`, on a connection of its own",
    open: () =>
      redisWay(async (store, client) => {
        const record = await stored(store, SMALL);
        await client.hSet("watched", { epoch: "1", theme: "dark" });
        return {
          with: () => inTurn(() => setOne(store, record)),
          without: () => inTurn(() => watched(client)),
        };
      }),
  },
  {
    name: "pipelining of reads that overlap, Redis",
    deed: `${MANY} sessions are read`,
    with: "at once: the client writes them in one go",
    without: "each when the one before is answered",
    open: () =>
      redisWay(async (store) => {
        const ids = await idsOfNew(store);
        return {
          with: () => atOnce(MANY, (place) => store.read(ids[place] as SessionId, CALL)),
          without: async () => {
            for (const id of ids) await store.read(id, CALL);
            return MANY;
          },
        };
      }),
  },
  {
    name: "a near cache, Redis",
    deed: `${MANY} sessions are read at once that nobody changes`,
    with: "`cached(store)` has them, and the engine tells it of changes",
    without: "the engine is asked",
    open: () =>
      redisWay(async (store) => {
        const near = cached(store, { staleness: "1h" });
        await near.setup(CALL);
        const ids = await idsOfNew(store);
        const kept = { ...CALL, kept: true as const };
        return {
          with: () => atOnce(MANY, async (place) => await near.read(ids[place] as SessionId, kept)),
          without: () => atOnce(MANY, (place) => store.read(ids[place] as SessionId, CALL)),
        };
      }),
  },
  {
    name: "touches beside the response",
    deed: "a request reads its session, whose access time is due to be noted",
    with: "the response does not wait for the touch",
    without: "it does",
    open: () =>
      redisWay(async (store) => {
        let now = Date.now();
        const clock = { now: () => (now += 10), after: () => () => undefined };
        const manager = new SessionManager({ store, clock, accessTimeResolution: 1, sweepEvery: false });
        const first = testExchange();
        (await manager.startRequest(first)).login("ann");
        await manager.finishSuccessfulRequest(first);
        const cookie = cookieAfter(first);
        const request = async (waits: boolean): Promise<void> => {
          const exchange = testExchange({ cookie });
          const shown = waits ? { ...exchange, waitUntil: undefined as never } : exchange;
          const session = await manager.startRequest(shown);
          session.has("theme");
          await manager.finishSuccessfulRequest(shown);
        };
        return { with: () => inTurn(() => request(false)), without: () => inTurn(() => request(true)) };
      }),
  },
  {
    name: "one write for commits that wait",
    deed: `${MANY} requests add to one counter of one session`,
    with: "they overlap: those that wait in line for the session are one write",
    without: "each begins when the one before is answered, and is a write of its own",
    open: () =>
      redisWay(async (store) => {
        const manager = new SessionManager<{ count: number }>({ store, sweepEvery: false });
        const first = testExchange();
        (await manager.startRequest(first)).increment("count");
        await manager.finishSuccessfulRequest(first);
        const cookie = cookieAfter(first);
        const add = async (): Promise<void> => {
          const exchange = testExchange({ cookie });
          (await manager.startRequest(exchange)).increment("count");
          await manager.finishSuccessfulRequest(exchange);
        };
        return {
          with: () => atOnce(MANY, add),
          without: () => inTurn(add),
        };
      }),
  },
];

async function redisWay(open: (store: RedisStore, client: Client) => Promise<Both>): Promise<Both> {
  const server = await RedisServer.start({ kind: "redis" });
  const client = await connected(server.port);
  const store = redisStore(client, { durability: "none", allowEviction: true });
  await store.setup(CALL);
  const both = await open(store, client);
  return {
    ...both,
    close: async () => {
      await store.close();
      await client.close();
      await server.stop();
    },
  };
}

/** By default node-redis 6 arms a timer for each command, which costs three times what the command does. */
async function connected(port: number) {
  const client = createClient({ url: `redis://127.0.0.1:${port}`, commandOptions: { timeout: 0 } });
  await client.connect();
  return client;
}

async function stored(store: RedisStore, fields: SessionRecord["fields"]): Promise<SessionRecord> {
  const record = recordWith(fields);
  await store.create(record, CALL);
  return record;
}

async function idsOfNew(store: RedisStore): Promise<SessionId[]> {
  return await Promise.all(Array.from({ length: MANY }, () => idOfNew(store)));
}

async function idOfNew(store: RedisStore): Promise<SessionId> {
  return (await stored(store, SMALL)).id;
}

async function setOne(store: RedisStore, { id }: SessionRecord): Promise<void> {
  const set = { theme: JSON.stringify(String(Math.random())) };
  const { kind } = await store.update(id, { now: Date.now(), epoch: 1, set }, CALL);
  if (kind !== "done") throw new Error(`The session could not be written: ${kind}.`);
}

async function watched(client: Client): Promise<void> {
  await client.watch("watched");
  const { epoch } = await client.hGetAll("watched");
  if (epoch !== "1") throw new Error("The hash is not what it was.");
  await client
    .multi()
    .hSet("watched", { theme: String(Math.random()) })
    .expire("watched", 3600)
    .exec();
}

async function inTurn(deed: () => Promise<unknown>): Promise<number> {
  for (let done = 0; done < ONE_BY_ONE; done += 1) await deed();
  return ONE_BY_ONE;
}
