import type { Client, Pool } from "pg";
import type { Sql } from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import type { SessionId, SessionRecord } from "../../../src/core/record.ts";
import type { Call, SessionChange } from "../../../src/core/store.ts";
import { type PostgresStore, postgresStore } from "../../../src/stores/postgres.ts";
import { type Random, seededRandom } from "../../../src/testing/random.ts";
import { step, type World } from "../../../src/testing/store-rules/model.ts";
import { PgBouncer } from "../../support/servers/postgres.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import {
  addressOf,
  call,
  changeOf,
  clientOn,
  freshSchema,
  idOf,
  NOW,
  poolOn,
  recordOf,
  sqlOn,
  storeOn,
  until,
  useServer,
  waitersAre,
} from "./support.ts";

const server = useServer({ deadlock_timeout: "50ms" });

const NAMES = ["a", "b", "c", "d"];

/** A call that is given up when the test says so. */
function deadline(): { readonly call: Call; pass(): void } {
  const controller = new AbortController();
  const pass = (): void => controller.abort(new Error("the deadline passed"));
  return { call: { signal: controller.signal }, pass };
}

async function filled(store: PostgresStore, names: readonly string[] = NAMES): Promise<void> {
  for (const name of names) await store.create(recordOf(name), call());
}

function write(store: PostgresStore, name: string, given: Partial<SessionChange> = {}, by: Call = call()) {
  return store.update(idOf(name), changeOf({ set: { b: name }, ...given }), by);
}

function versions(store: PostgresStore, names: readonly string[] = NAMES): Promise<(number | undefined)[]> {
  return Promise.all(names.map(async (name) => (await store.read(idOf(name), call()))?.version));
}

/** How many times statements have locked each other up. Connections tell of it when they end. */
async function deadlocks(admin: Client): Promise<number> {
  const { rows } = await admin.query<{ count: string }>(
    "SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()",
  );
  return Number(rows[0]?.count);
}

/** How often a pool gave out a connection, which it does once for each statement. */
function counted(pool: Pool): () => number {
  let statements = 0;
  pool.on("acquire", () => (statements += 1));
  return () => statements;
}

describe.for(["pg", "postgres.js"] as const)("by %s", (driver) => {
  function clientAt(port: number, max = 4): Parameters<typeof storeOn>[0] {
    const address = { ...addressOf(server()), port };
    return driver === "pg" ? poolOn(address, { max }) : sqlOn(address, { max, fetch_types: false });
  }

  test("one id twice in a turn: both are done, in the order of asking, and neighbours beside them", async () => {
    const store = await storeOn(clientAt(server().port));
    await filled(store);
    const outcomes = await Promise.all(
      ["a", "b", "a", "c", "a"].map((name, index) => write(store, name, { set: { b: String(index) } })),
    );
    expect(outcomes.map((outcome) => outcome.kind === "done" && outcome.version)).toEqual([2, 2, 3, 2, 4]);
    expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "1", b: "4" });
  });

  test("a row that somebody holds does not hold up the neighbours, and is written once it is free", async () => {
    const schema = freshSchema();
    const store = await storeOn(clientAt(server().port), { schema });
    const [holder, admin] = [await clientOn(server()), await clientOn(server())];
    await filled(store);
    await holder.query(`BEGIN; SELECT FROM ${schema}.holdfast_sessions WHERE id = '${idOf("b")}' FOR UPDATE`);
    const [a, b, c] = ["a", "b", "c"].map((name) => write(store, name));
    expect(await Promise.all([a, c])).toEqual([1, 2].map(() => ({ kind: "done", version: 2 })));
    await waitersAre(admin, 1);
    expect(await write(store, "d")).toEqual({ kind: "done", version: 2 });
    await holder.query("COMMIT");
    expect(await b).toEqual({ kind: "done", version: 2 });
  });

  test.for(["read committed", "repeatable read", "serializable"])(
    "one that the server refuses does not fail its neighbours, at %s",
    async (level) => {
      const schema = freshSchema();
      const options = { options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}` };
      const address = addressOf(server());
      const client =
        driver === "pg"
          ? poolOn(address, options)
          : sqlOn(address, { connection: { default_transaction_isolation: level } as never });
      const store = await storeOn(client, { schema });
      await filled(store);
      const admin = await clientOn(server());
      await admin.query(`CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF NEW.fields ? 'bad' THEN RAISE 'refused'; END IF; RETURN NEW; END $$`);
      await admin.query(`CREATE TRIGGER refuse BEFORE UPDATE ON ${schema}.holdfast_sessions
        FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`);
      const settled = await Promise.allSettled([
        write(store, "a"),
        write(store, "b", { set: { bad: "1" } }),
        write(store, "c", { set: { nul: "\0" } }),
        write(store, "d", { accessedAt: NOW + 1 }),
      ]);
      expect(settled).toEqual([
        { status: "fulfilled", value: { kind: "done", version: 2 } },
        { status: "rejected", reason: expect.objectContaining({ code: "P0001" }) },
        { status: "rejected", reason: expect.objectContaining({ code: "ERR_SESSION_VALUE" }) },
        { status: "fulfilled", value: { kind: "done", version: 2 } },
      ]);
      expect(await versions(store)).toEqual([2, 1, 1, 2]);
    },
  );

  test("a batch whose reply was lost is unknown for each of its calls, and none is sent again", async () => {
    const proxy = await TcpProxy.start(server().port);
    onTestFinished(() => proxy.close());
    const schema = freshSchema();
    const direct = await storeOn(poolOn(server()), { schema });
    await filled(direct);
    const store = postgresStore(clientAt(proxy.port), { schema, durability: "process" });
    await versions(store);
    const lost = proxy.loseReply((bytes) => bytes.includes("marked"), "cut");
    const calls = NAMES.map((name) => write(store, name, { set: { b: "marked" } }));
    const settled = await Promise.allSettled(calls);
    await lost;
    expect(settled.map(({ status }) => status)).toEqual(NAMES.map(() => "rejected"));
    // Whatever was to be sent again has been sent by the time that these are answered.
    await Promise.all(NAMES.map((name) => write(store, name)));
    expect(await versions(direct)).toEqual([3, 3, 3, 3]);
  });

  test("a call that is given up before its batch is sent is not written, and its neighbours are", async () => {
    const schema = freshSchema();
    const direct = await storeOn(poolOn(server()), { schema });
    await filled(direct);
    const proxy = await TcpProxy.start(server().port);
    onTestFinished(() => proxy.close());
    let closed = 0;
    const address = { ...addressOf(server()), port: proxy.port };
    const client =
      driver === "pg"
        ? poolOn(address).on("remove", () => (closed += 1))
        : sqlOn(address, { fetch_types: false, onclose: () => (closed += 1) });
    const store = postgresStore(client, { schema, durability: "process" });
    await store.read(idOf("a"), call());
    // Connections are being made and nobody answers them: nothing can be sent.
    proxy.cut();
    await until(() => closed > 0, "the client knows that its connection is lost");
    proxy.hold("replies");
    const { call: late, pass } = deadline();
    const calls = [write(store, "a"), write(store, "b", {}, late), write(store, "c")];
    const refused = expect(calls[1]).rejects.toThrow(/nothing was sent/);
    await until(() => proxy.connections > 0, "the client connects");
    pass();
    await refused;
    await proxy.heal();
    expect(await Promise.all([calls[0], calls[2]])).toEqual([1, 2].map(() => ({ kind: "done", version: 2 })));
    expect(await versions(direct, ["a", "b", "c"])).toEqual([2, 1, 2]);
  });

  test("a call that is given up after its batch was sent is unknown after a while, and its neighbours are answered", async () => {
    const schema = freshSchema();
    const store = await storeOn(clientAt(server().port), { schema });
    await filled(store);
    const [holder, admin] = [await clientOn(server()), await clientOn(server())];
    await holder.query(`BEGIN; LOCK TABLE ${schema}.holdfast_sessions`);
    const { call: late, pass } = deadline();
    const calls = [write(store, "a"), write(store, "b", {}, late), write(store, "c")];
    await waitersAre(admin, 1);
    pass();
    await expect(calls[1]).rejects.toThrow(/Whether it was carried out is not known/);
    await holder.query("COMMIT");
    expect(await Promise.all([calls[0], calls[2]])).toEqual([1, 2].map(() => ({ kind: "done", version: 2 })));
  });

  test("stores that write the same ids in different orders lock nothing up and lose nothing", async () => {
    const schema = freshSchema();
    const names = Array.from({ length: 30 }, (_, index) => `n${index}x`);
    const clients = [1, 2, 3].map(() => clientAt(server().port));
    const stores = await Promise.all(clients.map((client) => storeOn(client, { schema })));
    const [first, admin] = [stores[0], await clientOn(server())];
    if (first === undefined) throw new Error("There are three.");
    await filled(first, names);
    const before = await deadlocks(admin);
    const rounds = 20;
    await Promise.all(
      stores.map(async (store, place) => {
        // Prime to their number, so that each comes once.
        const stride = [7, 11, 13][place] ?? 1;
        for (let round = 0; round < rounds; round += 1) {
          const order = names.map((_, index) => names[(index * stride + round) % names.length] ?? "");
          await Promise.all(
            order.map((name) => write(store, name, { set: { [`f${place}`]: String(round) } })),
          );
        }
      }),
    );
    expect(new Set(await versions(first, names))).toEqual(new Set([1 + rounds * stores.length]));
    await Promise.all(clients.map((client) => (client as Pool | Sql).end()));
    expect(await deadlocks(admin)).toBe(before);
  });

  test("behind a pooler of transactions neighbours of one turn get each its own", async () => {
    const bouncer = await PgBouncer.start(server(), 3);
    onTestFinished(() => bouncer.stop());
    const store = await storeOn(clientAt(bouncer.port, 6));
    await filled(store);
    for (let round = 0; round < 30; round += 1) {
      const outcomes = await Promise.all(NAMES.map((name) => write(store, name, { ifVersion: 1 + round })));
      expect(outcomes).toEqual(NAMES.map(() => ({ kind: "done", version: 2 + round })));
      expect(await versions(store)).toEqual(NAMES.map(() => 2 + round));
    }
  });
});

test("what waits for a write that takes very long is written after it, without another call to remind of it", async () => {
  const schema = freshSchema();
  const store = await storeOn(poolOn(server()), { schema });
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  await filled(store);
  await holder.query(`BEGIN; LOCK TABLE ${schema}.holdfast_sessions`);
  const calls = [...NAMES, ...NAMES].map((name) => write(store, name));
  await waitersAre(admin, 1);
  // Longer than a batch is counted as under way.
  await new Promise((resolve) => setTimeout(resolve, 200));
  await holder.query("COMMIT");
  const outcomes = await Promise.all(calls);
  expect(outcomes).toEqual(
    calls.map((_, index) => ({ kind: "done", version: index < NAMES.length ? 2 : 3 })),
  );
});

test("calls of one turn are one statement, whatever their outcomes", async () => {
  const schema = freshSchema();
  const pool = poolOn(server());
  const [store, admin] = [await storeOn(pool, { schema }), await clientOn(server())];
  await filled(store, [...NAMES, "corrupt", "newer", "expired"]);
  await admin.query(
    `UPDATE ${schema}.holdfast_sessions SET fields = '[]' WHERE id = '${idOf("corrupt")}';
     UPDATE ${schema}.holdfast_sessions SET fields = '{"~format": "2"}' WHERE id = '${idOf("newer")}'`,
  );
  const statements = counted(pool);
  const long = "x".repeat(5000);
  const settled = await Promise.allSettled([
    write(store, "a", { set: { long }, remove: ["a"] }),
    write(store, "b", { ifVersion: 2 }),
    write(store, "c", { epoch: 2 }),
    write(store, "d", { set: undefined as never, accessedAt: NOW + 5, expiresAt: NOW + 5000 }),
    write(store, "none"),
    write(store, "corrupt"),
    write(store, "newer"),
    write(store, "expired", { now: NOW + 1000 }),
  ]);
  expect(settled.map((each) => (each.status === "fulfilled" ? each.value : each.reason.code))).toEqual([
    { kind: "done", version: 2 },
    { kind: "conflict" },
    { kind: "stale" },
    { kind: "done", version: 1 },
    { kind: "gone" },
    { kind: "gone" },
    "ERR_SESSION_FORMAT",
    { kind: "gone" },
  ]);
  expect(statements()).toBe(1);
  const ids = [...NAMES, "none", "corrupt", "newer", "a"].map(idOf);
  const read = await Promise.allSettled(ids.map((id) => store.read(id, call())));
  expect(statements()).toBe(2);
  const d = recordOf("d", { accessedAt: NOW + 5, expiresAt: NOW + 5000 });
  const told = (each: PromiseSettledResult<unknown>): unknown =>
    each.status === "fulfilled" ? each.value : (each.reason as { code: unknown }).code;
  const a = recordOf("a", { version: 2, fields: { b: undefined as never, long } });
  delete (a.fields as Record<string, unknown>)["b"];
  expect(read.map(told)).toEqual([
    a,
    recordOf("b"),
    recordOf("c"),
    d,
    null,
    "ERR_SESSION_CORRUPT",
    "ERR_SESSION_FORMAT",
    a,
  ]);
});

test("new records of one turn are one statement, with their labels and long texts, and taken ids stay as they are", async () => {
  const pool = poolOn(server());
  const store = await storeOn(pool);
  const before = recordOf("b", { fields: { a: "before" } });
  await store.create(before, call());
  const statements = counted(pool);
  const long = "x".repeat(5000);
  const records = NAMES.map((name) =>
    recordOf(name, {
      labels: [`user:${name}`, '"\\{},'],
      fields: { long, small: name },
      epoch: 3,
      version: 7,
    }),
  );
  const [a] = records;
  if (a === undefined) throw new Error("There are four.");
  const calls = [...records, { ...a, fields: {} }].map((record) => store.create(record, call()));
  expect(await Promise.all(calls)).toEqual([true, false, true, true, false]);
  // The second of the same id went after the first.
  expect(statements()).toBe(2);
  const stored = await Promise.all(NAMES.map((name) => store.read(idOf(name), call())));
  expect(stored).toEqual(records.map((record, index) => (index === 1 ? before : record)));
  expect((await store.listByLabel("user:c", { limit: 9 }, call())).records).toHaveLength(1);
  expect(await store.deleteByLabel('"\\{},', [], call())).toBe(3);
});

test("one new record that the server refuses does not fail its neighbours", async () => {
  const schema = freshSchema();
  const [store, admin] = [await storeOn(poolOn(server()), { schema }), await clientOn(server())];
  await admin.query(`ALTER TABLE ${schema}.holdfast_sessions ADD CHECK (id <> '${idOf("b")}')`);
  const settled = await Promise.allSettled(NAMES.map((name) => store.create(recordOf(name), call())));
  expect(settled.map((each) => (each.status === "fulfilled" ? each.value : each.reason.code))).toEqual([
    true,
    "23514",
    true,
    true,
  ]);
  expect(await versions(store)).toEqual([1, undefined, 1, 1]);
});

test.for(["read committed", "repeatable read", "serializable"])(
  "of stores that create the same ids in different orders exactly one makes each, at %s",
  async (level) => {
    const schema = freshSchema();
    const options = { options: `-c default_transaction_isolation=${level.replace(" ", "\\ ")}` };
    const pools = [1, 2, 3].map(() => poolOn(server(), options));
    const stores = await Promise.all(pools.map((pool) => storeOn(pool, { schema })));
    const admin = await clientOn(server());
    // Slowly, so that they meet in the middle.
    await admin.query(`CREATE FUNCTION ${schema}.wait() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`);
    await admin.query(`CREATE TRIGGER wait BEFORE INSERT ON ${schema}.holdfast_sessions
      FOR EACH ROW EXECUTE FUNCTION ${schema}.wait()`);
    const before = await deadlocks(admin);
    for (let round = 0; round < 3; round += 1) {
      const names = Array.from({ length: 20 }, (_, index) => `r${round}n${index}x`);
      const orders = [names, names.toReversed(), [...names.slice(9), ...names.slice(0, 9)]];
      const made = await Promise.all(
        stores.map((store, place) =>
          Promise.all((orders[place] ?? []).map((name) => store.create(recordOf(name), call()))),
        ),
      );
      expect(made.flat().filter(Boolean)).toHaveLength(names.length);
    }
    await Promise.all(pools.map((pool) => pool.end()));
    expect(await deadlocks(admin)).toBe(before);
  },
);

test("touches of one id that come together are one row of one statement, and each is told what became of it", async () => {
  const pool = poolOn(server());
  const store = await storeOn(pool);
  await filled(store);
  const statements = counted(pool);
  const touch = (name: string, given: Partial<SessionChange>) =>
    store.update(idOf(name), changeOf(given), call());
  const outcomes = await Promise.all([
    touch("a", { accessedAt: NOW + 3, expiresAt: NOW + 1500 }),
    touch("a", { now: NOW + 1400, accessedAt: NOW + 9, expiresAt: NOW + 1400 }),
    touch("b", { epoch: 7, expiresAt: NOW + 1500 }),
    touch("b", { epoch: 7, expiresAt: NOW + 1600 }),
    touch("none", { expiresAt: NOW + 1500 }),
    touch("none", { expiresAt: NOW + 1500 }),
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(["done", "done", "stale", "stale", "gone", "gone"]);
  expect(statements()).toBe(1);
  const expected = recordOf("a", { accessedAt: NOW + 9, expiresAt: NOW + 1500 });
  expect(await store.read(idOf("a"), call())).toEqual(expected);
});

test("touches that are judged by other clocks or epochs than those before them are judged by themselves", async () => {
  const store = await storeOn(poolOn(server()));
  await filled(store);
  const touch = (given: Partial<SessionChange>) => store.update(idOf("a"), changeOf(given), call());
  const outcomes = await Promise.all([
    touch({ accessedAt: NOW + 1 }),
    touch({ epoch: 2, expiresAt: NOW + 9000 }),
    // By the clock of this one the record is over, whatever the first has done.
    touch({ now: NOW + 1000, expiresAt: NOW + 9000 }),
    touch({ expiresAt: NOW + 1200 }),
    touch({ now: NOW + 1100, expiresAt: NOW + 1100 }),
    touch({ now: NOW + 1200, expiresAt: NOW + 9000 }),
  ]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(["done", "stale", "gone", "done", "done", "gone"]);
  expect((await store.read(idOf("a"), call()))?.expiresAt).toBe(NOW + 1200);
});

test("touches that come while something is under way gather over several turns", async () => {
  const schema = freshSchema();
  const pool = poolOn(server());
  const store = await storeOn(pool, { schema });
  const [holder, admin] = [await clientOn(server()), await clientOn(server())];
  const names = Array.from({ length: 30 }, (_, index) => `n${index}x`);
  await filled(store, ["a", ...names]);
  const statements = counted(pool);
  await holder.query(`BEGIN; LOCK TABLE ${schema}.holdfast_sessions`);
  const calls = [write(store, "a")];
  await waitersAre(admin, 1);
  for (const name of names) {
    calls.push(store.update(idOf(name), changeOf({ accessedAt: NOW + 1 }), call()));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await holder.query("COMMIT");
  const outcomes = await Promise.all(calls);
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["done"]));
  expect(statements()).toBeLessThan(names.length / 2);
});

test("a storm of touches and changes on ids that repeat answers as the contract says, call by call", async () => {
  const random = seededRandom(Math.floor(Math.random() * 2 ** 32));
  const store = await storeOn(poolOn(server()));
  const names = Array.from({ length: 12 }, (_, index) => `n${index}x`);
  let world: World = new Map(names.slice(2).map((name) => [idOf(name), recordOf(name)]));
  await Promise.all([...world.values()].map((record) => store.create(record, call())));
  for (let round = 0; round < 60; round += 1) {
    const operations = Array.from({ length: 50 }, (_, index) => {
      const id = idOf(random.pick(names));
      return { kind: "update", id, change: changeBy(random, world.get(id), `${round} ${index}`) } as const;
    });
    const outcomes = await Promise.all(operations.map(({ id, change }) => store.update(id, change, call())));
    for (const [index, operation] of operations.entries()) {
      const next = step(world, operation);
      expect(outcomes[index], JSON.stringify({ random: random.seed, operation })).toEqual(next.answer);
      world = next.world;
    }
    const ids = names.map(idOf);
    const held = await Promise.all(ids.map((id) => store.read(id, call())));
    expect(held).toEqual(ids.map((id) => world.get(id) ?? null));
  }
});

/** A change whose conditions hold more often than not, and whose times make some sessions end and others last. */
function changeBy(random: Random, known: SessionRecord | undefined, text: string): SessionChange {
  const version = (known?.version ?? 1) + random.below(2);
  return changeOf({
    now: NOW + random.below(20),
    epoch: random.oneIn(8) ? 2 : 1,
    ...(random.oneIn(5) && { ifVersion: version }),
    ...(random.oneIn(2) && { set: { [`f${random.below(3)}`]: random.oneIn(6) ? text.repeat(200) : text } }),
    ...(random.oneIn(6) && { remove: [`f${random.below(3)}`] }),
    ...(random.oneIn(2) && { accessedAt: NOW + random.below(50) }),
    ...(random.oneIn(2) && { expiresAt: NOW + random.below(1500) }),
  });
}

test("close waits for what has gathered, and what comes later is refused", async () => {
  const schema = freshSchema();
  const direct = await storeOn(poolOn(server()), { schema });
  await filled(direct);
  const store = postgresStore(poolOn(server(), { max: 1 }), { schema, durability: "process" });
  const calls = [
    ...[1, 2, 3].flatMap(() => NAMES.map((name) => write(store, name))),
    ...NAMES.map((name) => store.update(idOf(name), changeOf({ accessedAt: NOW + 1 }), call())),
  ];
  let settled = 0;
  for (const each of calls) void each.then(() => (settled += 1));
  const reads = Promise.all(NAMES.map((name) => store.read(idOf(name), call())));
  await store.close();
  expect(settled).toBe(calls.length);
  expect(await reads).toHaveLength(4);
  await expect(store.read(idOf("a"), call())).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
  await expect(write(store, "a")).rejects.toMatchObject({ code: "ERR_SESSION_USE" });
  expect(await versions(direct)).toEqual([4, 4, 4, 4]);
});

test("large changes do not make one large statement, and come back as they are", async () => {
  const pool = poolOn(server());
  const store = await storeOn(pool);
  await filled(store);
  const statements = counted(pool);
  const texts = NAMES.map((name) => name.repeat(70_000));
  await Promise.all(NAMES.map((name, index) => write(store, name, { set: { b: texts[index] ?? "" } })));
  expect(statements()).toBe(NAMES.length);
  const records = await Promise.all(NAMES.map((name) => store.read(idOf(name), call())));
  expect(records.map((record) => record?.fields["b"])).toEqual(texts);
});

test("many more calls than fit into a statement, on ids that repeat: each field has the last that was asked for", async () => {
  const store = await storeOn(poolOn(server()));
  const names = Array.from({ length: 150 }, (_, index) => `n${index}x`);
  await Promise.all(names.map((name) => store.create(recordOf(name), call())));
  const asked = Array.from({ length: 900 }, (_, index) => names[(index * 7) % names.length] ?? "");
  const expected = new Map<SessionId, { version: number; b: string }>();
  const wanted = asked.map((name, index) => {
    const version = (expected.get(idOf(name))?.version ?? 1) + 1;
    expected.set(idOf(name), { version, b: String(index) });
    return { kind: "done", version };
  });
  const outcomes = await Promise.all(
    asked.map((name, index) => write(store, name, { set: { b: String(index) } })),
  );
  expect(outcomes).toEqual(wanted);
  const records = await Promise.all(asked.map((name) => store.read(idOf(name), call())));
  expect(records.map((record) => record && { version: record.version, b: record.fields["b"] })).toEqual(
    asked.map((name) => expected.get(idOf(name))),
  );
});
