import { connect } from "node:net";
import type { Pool } from "pg";
import type { Sql } from "postgres";
import { describe, expect, onTestFinished, test } from "vitest";
import { postgresStore } from "../../../src/stores/postgres.ts";
import { PgBouncer } from "../../support/servers/postgres.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import {
  addressOf,
  call,
  changeOf,
  clientOn,
  freshSchema,
  idOf,
  poolOn,
  recordOf,
  sqlOn,
  storeOn,
  until,
  useServer,
  waitersAre,
} from "./support.ts";

const server = useServer();

/** A call whose deadline comes when the test says so. */
function deadline(): { readonly call: { readonly signal: AbortSignal }; pass(): void } {
  const controller = new AbortController();
  return {
    call: { signal: controller.signal },
    pass: () => controller.abort(new Error("the deadline passed")),
  };
}

async function proxied(): Promise<TcpProxy> {
  const proxy = await TcpProxy.start(server().port);
  onTestFinished(() => proxy.close());
  return proxy;
}

describe.for(["pg", "postgres.js"] as const)("by %s", (driver) => {
  function clientAt(port: number, max: number): Parameters<typeof storeOn>[0] {
    const address = { ...addressOf(server()), port };
    return driver === "pg" ? poolOn(address, { max }) : sqlOn(address, { max });
  }

  test("a call that waits for a connection until its deadline is never sent", async () => {
    const proxy = await proxied();
    const schema = freshSchema();
    const direct = await storeOn(poolOn(server()), { schema });
    await direct.create(recordOf("a"), call());
    const store = postgresStore(clientAt(proxy.port, 2), { schema, durability: "process" });
    await store.read(idOf("a"), call());
    // The server answers nobody: connections are being made, and no call has one.
    proxy.cut();
    await until(() => proxy.connections === 0, "no connection is left");
    proxy.hold("replies");
    const { call: late, pass } = deadline();
    const calls = [
      store.update(idOf("a"), changeOf({ set: { late: "1" } }), late),
      store.delete(idOf("a"), {}, late),
      store.create(recordOf("b"), late),
      store.deleteByLabel("user:1", [], late),
      store.sweep(recordOf("a").endsAt, 10, late),
    ];
    const settled = Promise.allSettled(calls);
    await until(() => proxy.connections > 0, "the client connects");
    pass();
    expect((await settled).map(({ status }) => status)).toEqual(calls.map(() => "rejected"));
    await proxy.heal();
    // The same connections serve what comes next, so whatever was to be sent late has been sent by now.
    const again = await Promise.all([1, 2, 3, 4].map(() => store.read(idOf("a"), call())));
    expect(again.map((record) => record?.version)).toEqual([1, 1, 1, 1]);
    expect(await direct.read(idOf("b"), call())).toBeNull();
  });

  test("a server that was restarted serves the next calls", async () => {
    const store = await storeOn(clientAt(server().port, 3));
    await Promise.all([1, 2, 3].map(() => store.create(recordOf("a"), call())));
    await server().process.kill();
    // The processes of its connections outlive it by a moment, and one of them may answer once more.
    await until(
      () =>
        store.read(idOf("a"), call()).then(
          () => false,
          () => true,
        ),
      "a call fails",
    );
    await server().process.start();
    await until(
      async () => (await store.read(idOf("a"), call()).catch(() => null)) !== null,
      "the store serves again",
    );
    const update = await store.update(idOf("a"), changeOf({ set: { a: "2" } }), call());
    expect(update).toEqual({ kind: "done", version: 2 });
  });

  test("type conversions and settings of the application's make no difference", async () => {
    const record = recordOf("a", { fields: { long: "x".repeat(999), '~"\\': "'\\" } });
    const options = { options: "-c standard_conforming_strings=off -c search_path=nowhere" };
    const client =
      driver === "pg"
        ? poolOn(server(), { ...options, types: { getTypeParser: () => () => "spoilt" } })
        : sqlOn(server(), {
            connection: { standard_conforming_strings: false, search_path: "nowhere" } as never,
            fetch_types: false,
            transform: { undefined: null, value: { from: () => "spoilt" }, column: { from: () => "spoilt" } },
          });
    const store = await storeOn(client);
    await store.create(record, call());
    expect(await store.read(record.id, call())).toEqual(record);
    expect(await store.deleteByLabel("user:1", [], call())).toBe(1);
  });

  test("statements are prepared on connections to the server, and a pooler of transactions swaps none under them", async () => {
    const bouncer = await PgBouncer.start(server(), 3);
    onTestFinished(() => bouncer.stop());
    for (const pooled of [false, true]) {
      const schema = freshSchema();
      const client = clientAt(pooled ? bouncer.port : server().port, pooled ? 6 : 1);
      const store = await storeOn(client, { schema });
      await store.create(recordOf("a"), call());
      const fields = Array.from({ length: 60 }, (_, index) => `f${index}`);
      const changes = fields.map((field) =>
        store.update(idOf("a"), changeOf({ set: { [field]: "1" } }), call()),
      );
      const versions = (await Promise.all(changes)).map((outcome) =>
        outcome.kind === "done" ? outcome.version : 0,
      );
      expect(versions.sort((a, b) => a - b)).toEqual(fields.map((_, index) => index + 2));
      const prepared = await preparedOn(client, schema);
      if (!pooled) expect(prepared).toBeGreaterThanOrEqual(2);
      else if (driver === "postgres.js") expect(prepared).toBe(0);
    }
  });
});

async function preparedOn(client: Parameters<typeof storeOn>[0], schema: string): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM pg_prepared_statements WHERE statement LIKE '%"${schema}"%'`;
  const rows: unknown =
    typeof client === "function" ? await (client as Sql).unsafe(text) : await (client as Pool).query(text);
  const [row] = (Array.isArray(rows) ? rows : (rows as { rows: unknown[] }).rows) as { count: number }[];
  return row?.count ?? -1;
}

test("a transform of whole rows, from which postgres.js excepts nothing, is refused where the store is made", () => {
  for (const row of [(given: unknown) => given, { from: (given: unknown) => given }]) {
    const sql = sqlOn(server(), { transform: { row } as never });
    expect(() => postgresStore(sql)).toThrow(/transform\.row/);
  }
});

test("a connection that went deaf is closed after a while, and its pool serves again", async () => {
  const proxy = await proxied();
  const pool = poolOn({ ...addressOf(server()), port: proxy.port }, { max: 2 });
  const store = await storeOn(pool);
  await Promise.all([1, 2, 3].map(() => store.create(recordOf("a"), call())));
  proxy.swallow("requests");
  const { call: late, pass } = deadline();
  const calls = Promise.allSettled(
    [1, 2, 3].map(() => store.update(idOf("a"), changeOf({ set: { a: "2" } }), late)),
  );
  await until(() => proxy.lost("requests") > 0, "a request is lost");
  pass();
  expect((await calls).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
  await proxy.heal();
  expect((await store.read(idOf("a"), call()))?.version).toBe(1);
  expect([pool.waitingCount, pool.totalCount <= 2]).toEqual([0, true]);
});

test("a socket that ends by itself when it is silent brings postgres.js back from a deaf connection", async () => {
  const proxy = await proxied();
  const sql = sqlOn(server(), {
    max: 2,
    socket: () =>
      new Promise((resolve, reject) => {
        const socket = connect(proxy.port, proxy.host);
        socket.setTimeout(500, () => socket.destroy());
        socket.once("connect", () => resolve(socket)).once("error", reject);
      }),
  } as never);
  const store = await storeOn(sql);
  await store.create(recordOf("a"), call());
  proxy.swallow("requests");
  await expect(store.read(idOf("a"), call())).rejects.toThrow(/./);
  await proxy.heal();
  expect((await store.read(idOf("a"), call()))?.version).toBe(1);
});

test("a pool without an error listener of its own does not end the process when idle connections are lost", async () => {
  const pool = poolOn(server());
  const store = await storeOn(pool);
  await Promise.all([1, 2, 3].map(() => store.read(idOf("a"), call())));
  expect(pool.listenerCount("error")).toBe(1);
  const admin = await clientOn(server());
  await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
  );
  await until(() => pool.totalCount === 0, "the pool drops them");
  expect(await store.read(idOf("a"), call())).toBeNull();
  postgresStore(pool);
  expect(pool.listenerCount("error")).toBe(1);
});

test("calls leave nothing behind on a pool, its clients or a signal", async () => {
  const pool = poolOn(server(), { max: 1 });
  const store = await storeOn(pool);
  const { call: bounded } = deadline();
  for (let round = 0; round < 30; round += 1) await store.read(idOf("a"), bounded);
  const client = await pool.connect();
  const counts = ["error", "notification", "end"].map((event) => client.listenerCount(event));
  client.release();
  expect(Math.max(...counts)).toBeLessThanOrEqual(1);
  expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
});

test("a client whose application has a transaction open is refused, and serves after it", async () => {
  const client = await clientOn(server());
  const store = await storeOn(client);
  await client.query("BEGIN");
  await expect(store.create(recordOf("a"), call())).rejects.toThrow(/has a transaction open/);
  await client.query("ROLLBACK");
  expect(await store.create(recordOf("a"), call())).toBe(true);
});

test.for(["left open", "failed"] as const)(
  "a connection that came back to its pool with a transaction %s serves no call, and none is lost with it",
  async (how) => {
    const pool = poolOn(server(), { max: 1 });
    const store = await storeOn(pool);
    const careless = await pool.connect();
    await careless.query("BEGIN");
    if (how === "failed") await careless.query("nonsense").catch(() => undefined);
    careless.release();
    expect(await store.create(recordOf("a"), call())).toBe(true);
    const next = await pool.connect();
    await next.query("ROLLBACK");
    next.release();
    expect(await store.read(idOf("a"), call())).not.toBeNull();
  },
);

test.for(["Client", "Pool"] as const)(
  "a write that came into a transaction which the application had just begun on a %s is not acknowledged",
  async (kind) => {
    const schema = freshSchema();
    const direct = await storeOn(poolOn(server()), { schema });
    const pool = poolOn(server(), { max: 1 });
    const pooled = kind === "Pool" ? await pool.connect() : null;
    const client = pooled ?? (await clientOn(server()));
    const store = postgresStore(pooled === null ? client : pool, { schema, durability: "process" });
    // Not answered yet when the store looks whether a transaction is open.
    const begun = client.query("BEGIN");
    pooled?.release();
    await expect(store.create(recordOf("a"), call())).rejects.toThrow(/part of a transaction/);
    await begun;
    if (pooled === null) await client.query("ROLLBACK");
    expect(await direct.read(idOf("a"), call())).toBeNull();
    expect(await store.create(recordOf("a"), call())).toBe(true);
    expect(await direct.read(idOf("a"), call())).not.toBeNull();
  },
);

test("a connection that is lost before it listens is not listened on again by anybody", async () => {
  const proxy = await proxied();
  const pool = poolOn({ ...addressOf(server()), port: proxy.port });
  const schema = freshSchema();
  await storeOn(pool, { schema });
  const store = postgresStore(pool, { schema, durability: "process", notify: true });
  const lost = proxy.loseReply((bytes) => bytes.includes("LISTEN"), "cut");
  await expect(store.setup(call())).rejects.toThrow(/./);
  await lost;
  await store.setup(call());
  const heard: string[] = [];
  store.subscribe((id) => heard.push(id));
  // Longer than the first pause before a connection is made anew.
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const name of ["a", "b"]) await store.create(recordOf(name), call());
  for (const name of ["a", "b"]) await store.delete(idOf(name), {}, call());
  await until(() => heard.includes(idOf("b")), "the deletions are heard");
  expect(heard).toEqual([idOf("a"), idOf("b")]);
  await store.close();
  await until(() => pool.idleCount === pool.totalCount, "every connection was given back");
});

test.for(["pg", "postgres.js"] as const)(
  "by %s a setup whose listening is not answered ends at its deadline, and the next one listens, once",
  async (driver) => {
    const proxy = await proxied();
    const address = { ...addressOf(server()), port: proxy.port };
    const client = driver === "pg" ? poolOn(address) : sqlOn(address);
    const schema = freshSchema();
    await storeOn(poolOn(server()), { schema });
    const store = postgresStore(client, { schema, durability: "process", notify: true });
    onTestFinished(() => store.close());
    const swallowed = proxy.loseReply((bytes) => /listen "/i.test(bytes), "hang");
    const { call: late, pass } = deadline();
    const first = store.setup(late);
    await swallowed;
    // The second waits for what the first has begun, and for no longer than it may itself.
    const { call: earlier, pass: passEarlier } = deadline();
    const second = store.setup(earlier);
    passEarlier();
    await expect(second).rejects.toThrow(/./);
    pass();
    await expect(first).rejects.toThrow(/./);
    proxy.cut();
    await until(
      () =>
        store.setup(call()).then(
          () => true,
          () => false,
        ),
      "a setup succeeds",
    );
    const heard: string[] = [];
    store.subscribe((id) => heard.push(id));
    for (const name of ["a", "b"]) {
      await store.create(recordOf(name), call());
      await store.delete(idOf(name), {}, call());
    }
    await until(() => heard.includes(idOf("b")), "the deletions are heard");
    expect(heard).toEqual([idOf("a"), idOf("b")]);
  },
);

test("a call that is given up while it waits for its turn on a single client is never sent", async () => {
  const schema = freshSchema();
  const [client, admin, holder] = [
    await clientOn(server()),
    await clientOn(server()),
    await clientOn(server()),
  ];
  const store = await storeOn(client, { schema });
  await store.create(recordOf("a"), call());
  await holder.query(`BEGIN; SELECT FROM ${schema}.holdfast_sessions FOR UPDATE`);
  const first = store.update(idOf("a"), changeOf({ set: { a: "2" } }), call());
  await waitersAre(admin, 1);
  const { call: late, pass } = deadline();
  const second = store.update(idOf("a"), changeOf({ set: { b: "2" } }), late);
  const third = store.update(idOf("a"), changeOf({ set: { c: "2" } }), call());
  pass();
  await expect(second).rejects.toThrow(/nothing was sent/);
  await holder.query("COMMIT");
  expect([await first, await third].map((outcome) => outcome.kind)).toEqual(["done", "done"]);
  expect((await store.read(idOf("a"), call()))?.fields).toEqual({ a: "2", c: "2" });
});

test.for(["pg", "postgres.js"] as const)(
  "by %s a subscriber hears again after its connection was lost",
  async (driver) => {
    const client = driver === "pg" ? poolOn(server()) : sqlOn(server());
    const store = postgresStore(client, { schema: freshSchema(), durability: "process", notify: true });
    await store.setup(call());
    onTestFinished(() => store.close());
    const heard: string[] = [];
    store.subscribe((id) => heard.push(id));
    const admin = await clientOn(server());
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query LIKE 'listen%'",
    );
    let round = 0;
    await until(async () => {
      const name = `r${(round += 1)}x`;
      await store.create(recordOf(name), call()).catch(() => false);
      await store.delete(idOf(name), {}, call()).catch(() => "gone");
      return heard.length > 0;
    }, "the subscriber hears again");
  },
);

test("a read-only server and one without room are failures, and change nothing", async () => {
  const pool = poolOn(server(), { options: "-c default_transaction_read_only=on" });
  const schema = freshSchema();
  const writer = await storeOn(poolOn(server()), { schema });
  await writer.create(recordOf("a"), call());
  const store = await storeOn(pool, { schema });
  await expect(store.update(idOf("a"), changeOf({ set: {} }), call())).rejects.toMatchObject({
    code: "25006",
  });
  await expect(store.delete(idOf("a"), {}, call())).rejects.toMatchObject({ code: "25006" });
  expect((await store.read(idOf("a"), call()))?.version).toBe(1);
});

test("texts that PostgreSQL cannot keep are refused before they are sent, and nobody bears such a label", async () => {
  const store = await storeOn(poolOn(server()));
  for (const bad of ["a\0b", "\ud800"]) {
    await expect(store.create(recordOf("a", { fields: { a: bad } }), call())).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
    });
    await expect(store.create(recordOf("a", { labels: [bad] }), call())).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
    });
  }
  await store.create(recordOf("a", { labels: ["\ufffd"] }), call());
  for (const bad of ["a\0b", "\ud800"]) {
    expect((await store.listByLabel(bad, { limit: 9 }, call())).records).toEqual([]);
    expect(await store.deleteByLabel(bad, [], call())).toBe(0);
    expect(await store.delete(idOf("a"), { label: bad }, call())).toBe("conflict");
  }
});

test("a call that waits for an exhausted pool until its deadline is never sent, and gives its place back", async () => {
  const pool = poolOn(server(), { max: 1 });
  const store = await storeOn(pool);
  await store.create(recordOf("a"), call());
  const held = await pool.connect();
  const { call: late, pass } = deadline();
  const update = store.update(idOf("a"), changeOf({ set: { late: "1" } }), late);
  await until(() => pool.waitingCount === 1, "the call waits");
  pass();
  await expect(update).rejects.toThrow(/nothing was sent/);
  held.release();
  expect((await store.read(idOf("a"), call()))?.version).toBe(1);
  expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0]);
});

test("each call takes a connection once and sends one statement", async () => {
  const pool = poolOn(server(), { max: 1 });
  const store = await storeOn(pool);
  let statements = 0;
  pool.on("acquire", () => (statements += 1));
  const long = "x".repeat(5000);
  const calls: readonly (() => Promise<unknown>)[] = [
    () =>
      store.create(recordOf("a", { labels: ["user:1", "tenant:1"], fields: { long, short: "1" } }), call()),
    () => store.read(idOf("a"), call()),
    () => store.update(idOf("a"), changeOf({ accessedAt: 1 }), call()),
    () => store.update(idOf("a"), changeOf({ set: { long }, remove: ["short"] }), call()),
    () =>
      store.update(
        idOf("a"),
        changeOf({ renew: { secretHash: "x", nextEpoch: 2, labels: ["user:2"] } }),
        call(),
      ),
    () => store.update(idOf("a"), changeOf({ ifVersion: 1 }), call()),
    () => store.update(idOf("none"), changeOf(), call()),
    () => store.listByLabel("user:2", { limit: 10 }, call()),
    () => store.all({ limit: 10 }, call()),
    () => store.sweep(recordOf("a").createdAt, 10, call()),
    () => store.deleteByLabel("user:2", [], call()),
    () => store.delete(idOf("a"), {}, call()),
  ];
  for (const [index, each] of calls.entries()) {
    await each();
    expect(statements).toBe(index + 1);
  }
});
