import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { createClient } from "redis";
import { afterAll, describe, expect, test } from "vitest";
import { migrate } from "../../../src/migration.ts";
import { SessionError, SessionManager } from "../../../src/index.ts";
import { movingStore } from "../../../src/stores/moving.ts";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { sqliteStore } from "../../../src/stores/sqlite.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { seededRandom } from "../../../src/testing/index.ts";
import { PostgresServer } from "../../support/servers/postgres.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import { testExchange, cookieAfter } from "../../support/exchange.ts";

const CLIENTS = 24;
const ROUNDS = Number(process.env["HOLDFAST_SOAK"] ?? "1");
/** So often is what was created in the old store meanwhile fetched from there. */
const WALKS = 20;
const START_MS = 120_000;

/** What a client knows of its session: its cookie, and what was acknowledged. */
interface Client {
  readonly user: string;
  cookie: string | null;
  /** Acknowledged increments of the session that the cookie opens. */
  count: number;
  /** Ids of sessions that are over, acknowledged. */
  readonly over: string[];
}

/** One request: what the handler gave, once the whole was acknowledged. */
async function request<T>(
  manager: SessionManager,
  cookie: string | null,
  handler: (session: Awaited<ReturnType<SessionManager["getSession"]>>) => T,
): Promise<{ readonly given: T; readonly cookie: string | null }> {
  const exchange = testExchange(cookie === null ? {} : { cookie });
  const session = await manager.startRequest(exchange);
  const given = handler(session);
  await manager.finishSuccessfulRequest(exchange);
  await Promise.all(exchange.background);
  if (exchange.cookies.length === 0) return { given, cookie };
  return { given, cookie: exchange.cookies[0]?.maxAge === 0 ? null : cookieAfter(exchange) };
}

class Storm {
  readonly clients: readonly Client[] = Array.from({ length: CLIENTS }, (_, index) => ({
    user: `user-${index}`,
    cookie: null,
    count: 0,
    over: [],
  }));
  readonly random = seededRandom(Number(process.env["HOLDFAST_SEED"] ?? "20261201"));
  readonly problems: string[] = [];
  /** The managers of the processes that serve at the moment: a deployment replaces them one by one. */
  managers: SessionManager[] = [];
  requests = 0;
  #running = true;
  #done: Promise<unknown> = Promise.resolve();

  start(): void {
    this.#done = Promise.all(this.clients.map((client) => this.#live(client)));
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  /** Resolves when so many more requests were answered: what a deployment waits for between its steps. */
  async passed(count: number): Promise<void> {
    const goal = this.requests + count;
    while (this.requests < goal && this.problems.length === 0)
      await new Promise((resolve) => setImmediate(resolve));
  }

  get #manager(): SessionManager {
    return this.random.pick(this.managers);
  }

  async #live(client: Client): Promise<void> {
    while (this.#running) {
      try {
        await this.#step(client);
      } catch (error) {
        this.problems.push(`${client.user}: ${String(error)} ${String((error as Error).cause ?? "")}`);
        return;
      }
      this.requests += 1;
    }
  }

  async #step(client: Client): Promise<void> {
    if (client.cookie === null) return await this.#logIn(client);
    const dice = this.random.below(20);
    if (dice === 0) return await this.#logOut(client);
    if (dice === 1) return await this.#revoked(client);
    // Three requests of one browser at the same time.
    const { cookie } = client;
    const answers = await Promise.all(
      Array.from({ length: 3 }, () =>
        request(this.#manager, cookie, (session) => {
          if (session.user !== client.user) this.problems.push(`${client.user} was logged out`);
          session.increment("count");
          session.set(`field${this.random.below(4)}`, this.random.below(1000));
        }),
      ),
    );
    client.count += answers.length;
  }

  async #logIn(client: Client): Promise<void> {
    // As a visitor first: the login changes a stored session.
    const visitor = await request(this.#manager, null, (session) => void session.set("count", 0));
    const { cookie } = await request(this.#manager, visitor.cookie, (session) => session.login(client.user));
    client.cookie = cookie;
    client.count = 0;
  }

  async #logOut(client: Client): Promise<void> {
    const { cookie } = client;
    // Beside the logout, a request that would bring the session back.
    const late = request(this.#manager, cookie, (session) => void session.set("late", 1)).catch(
      () => undefined,
    );
    const { given } = await request(this.#manager, cookie, (session) => {
      const { id } = session;
      session.logout();
      return id;
    });
    if (given !== null) client.over.push(given);
    client.cookie = null;
    await late;
    await this.#checkOver(client, cookie);
  }

  async #revoked(client: Client): Promise<void> {
    const { cookie } = client;
    const { given: id } = await request(this.#manager, cookie, (session) => session.id);
    const ended = await this.#manager.revokeUser(client.user);
    if (ended !== 1) this.problems.push(`${client.user}: ${ended} sessions were revoked`);
    if (id !== null) client.over.push(id);
    client.cookie = null;
    await this.#checkOver(client, cookie);
  }

  async #checkOver(client: Client, cookie: string | null): Promise<void> {
    const { given } = await request(this.#manager, cookie, (session) => session.user);
    if (given !== null) this.problems.push(`${client.user}: a session that ended was opened again`);
  }
}

/** A process begins to serve from another store. */
async function replaced(storm: Storm, index: number, open: () => AnyStore): Promise<void> {
  storm.managers[index] = new SessionManager({ store: open(), sweepEvery: false, deadline: "20s" });
  await storm.passed(40);
  expect(storm.problems).toEqual([]);
}

/** All processes do, one after the other, as a deployment has it. */
async function deployed(storm: Storm, open: () => AnyStore): Promise<void> {
  for (const index of storm.managers.keys()) await replaced(storm, index, open);
}

/** Moves from one store to another while the storm goes on: nobody is told. */
async function moved(storm: Storm, from: () => AnyStore, to: () => AnyStore): Promise<void> {
  await deployed(storm, () => movingStore({ from: from(), to: to(), stage: "prepare" }));
  // The walk begins while processes of both stages serve, where a record has writers in the old store while it leaves.
  await replaced(storm, 0, () => movingStore({ from: from(), to: to() }));
  for (let walk = 0; walk < WALKS; walk += 1) {
    await migrate(from(), to(), { pageSize: 5, samples: 0 });
    await storm.passed(10);
  }
  await replaced(storm, 1, () => movingStore({ from: from(), to: to() }));
  const stopped = new AbortController();
  const first = await migrate(from(), to(), {
    pageSize: 5,
    onProgress: ({ done }) => void (done > 10 && stopped.abort()),
    signal: stopped.signal,
  });
  const report = await migrate(from(), to(), {
    pageSize: 5,
    ...(first.after !== null && { after: first.after }),
  });
  expect(report).toMatchObject({ complete: true, left: 0, failed: 0, failures: [], samples: { wrong: [] } });
  await deployed(storm, to);
}

async function balanced(storm: Storm, store: AnyStore): Promise<void> {
  const manager = new SessionManager({ store, sweepEvery: false });
  for (const client of storm.clients) {
    const { given } = await request(manager, client.cookie, (session) => [
      session.user,
      session.get("count") ?? 0,
    ]);
    if (client.cookie !== null) expect(given).toEqual([client.user, client.count]);
    expect(await manager.sessionsOf(client.user)).toHaveLength(client.cookie === null ? 0 : 1);
    for (const id of client.over) expect([id, await manager.hasSession(id as never)]).toEqual([id, false]);
  }
}

withServers(["redis", "postgres"], () => {
  describe("a store that is moved under load", () => {
    const closing: (() => Promise<unknown>)[] = [];
    afterAll(async () => {
      for (const close of closing.reverse()) await close();
    }, START_MS);

    test(
      "from SQLite to Redis to PostgreSQL: all that was acknowledged is there, none that ended lives, and nobody is logged out",
      { timeout: 300_000 },
      async () => {
        const folder = await mkdtemp(join(tmpdir(), "holdfast-moving-"));
        closing.push(() => rm(folder, { recursive: true }));
        const redis = await RedisServer.start();
        closing.push(() => redis.stop());
        const postgres = await PostgresServer.start();
        closing.push(() => postgres.stop());
        const client = createClient({ url: redis.url });
        await client.connect();
        closing.push(() => client.close());
        const pool = new Pool({ connectionString: postgres.url, max: 6 });
        pool.on("error", () => undefined);
        closing.push(() => pool.end());

        const file = join(folder, "sessions.db");
        const stores: (() => AnyStore)[] = [
          () => sqliteStore(file),
          () => redisStore(client),
          () => postgresStore(pool, { durability: "process" }),
        ];
        for (let round = 0; round < ROUNDS; round += 1) {
          const storm = new Storm();
          const [first] = stores;
          if (first === undefined) throw new RangeError("There is no store.");
          storm.managers = [0, 1].map(
            () => new SessionManager({ store: first(), sweepEvery: false, deadline: "20s" }),
          );
          storm.start();
          await storm.passed(100);
          for (const [index, to] of stores.slice(1).entries()) {
            await moved(storm, stores[index] ?? first, to);
            expect(storm.problems).toEqual([]);
          }
          await storm.passed(100);
          await storm.stop();
          expect(storm.problems).toEqual([]);
          const last = stores.at(-1) ?? first;
          await balanced(storm, last());
          // The next round goes the same way from where this one began: what is left there has nobody's cookie.
          console.info(
            `${storm.requests} requests, ${storm.clients.reduce((sum, { over }) => sum + over.length, 0)} sessions ended.`,
          );
        }
        expect(SessionError.name).toBe("SessionError");
      },
    );
  });
});
