import { readFile } from "node:fs/promises";
import type * as ioredis from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { SessionError } from "../../../src/core/errors.ts";
import { Keys } from "../../../src/stores/redis/keys.ts";
import { ALL_SCRIPTS } from "../../../src/stores/redis/scripts.ts";
import { redisStore } from "../../../src/stores/redis.ts";
import { withServers } from "../../support/servers/programs.ts";
import { RedisServer } from "../../support/servers/redis.ts";
import { until } from "../../support/servers/server-process.ts";
import { call, changeOf, CLIENTS, commandsDuring, idOf, NOW, recordOf, storeOn } from "./support.ts";

withServers(["redis"], () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  describe.each(CLIENTS)("by %s", (client) => {
    test("every method goes on when the server forgets all scripts", async () => {
      const { store } = await storeOn(server, client);
      for (let round = 0; round < 2; round += 1) {
        await server.cli("SCRIPT", "FLUSH");
        expect(await store.create(recordOf("a", { labels: ["user:1"] }), call())).toBe(true);
        await server.cli("SCRIPT", "FLUSH");
        expect(await store.update(idOf("a"), changeOf({ set: { a: "1" } }), call())).toEqual({
          kind: "done",
          version: 2,
        });
        await server.cli("SCRIPT", "FLUSH");
        const renew = { secretHash: "x", nextEpoch: 2, labels: ["user:2"] };
        expect(await store.update(idOf("a"), changeOf({ renew }), call())).toEqual({
          kind: "done",
          version: 3,
        });
        await server.cli("SCRIPT", "FLUSH");
        expect((await store.listByLabel("user:2", { limit: 9 }, call())).records).toHaveLength(1);
        await server.cli("SCRIPT", "FLUSH");
        expect(await store.deleteByLabel("user:2", [], call())).toBe(1);
      }
    });

    test("a subscription hears again once its connection was cut", async () => {
      const { store } = await storeOn(server, client);
      const heard: string[] = [];
      store.subscribe((id) => heard.push(id));
      const hearing = async (): Promise<void> => {
        heard.length = 0;
        await until("a deletion is heard", async () => {
          await store.create(recordOf("a"), call());
          await store.delete(idOf("a"), {}, call());
          return heard.includes(idOf("a"));
        });
      };
      await hearing();
      await server.cli("CLIENT", "KILL", "TYPE", "pubsub");
      await hearing();
    });

    test("a write whose deadline passes while the server is away never arrives", async () => {
      const away = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      try {
        const { store } = await storeOn(away, client);
        await store.create(recordOf("a"), call());
        await away.process.kill();
        const { port } = away;
        const controller = new AbortController();
        const writes = [1, 2, 3].map((index) =>
          store.update(idOf("a"), changeOf({ set: { [`late${index}`]: "1" } }), {
            signal: controller.signal,
          }),
        );
        setTimeout(() => controller.abort(), 100);
        for (const outcome of await Promise.allSettled(writes)) expect(outcome.status).toBe("rejected");
        await away.process.start();
        expect(away.port).toBe(port);
        expect(await store.update(idOf("a"), changeOf({ set: { next: "1" } }), call())).toEqual({
          kind: "done",
          version: 2,
        });
        expect((await store.read(idOf("a"), call()))?.fields).toEqual({ next: "1" });
      } finally {
        await away.stop();
      }
    });

    test("calls wait for a server that is away, and are done once it is back", async () => {
      const away = await RedisServer.start({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
      try {
        const { store } = await storeOn(away, client);
        await store.create(recordOf("a", { fields: { a: "1" } }), call());
        await away.process.kill();
        const waiting = until("the read is answered", async () => {
          const record = await store.read(idOf("a"), { signal: AbortSignal.timeout(500) }).catch(() => null);
          return record?.fields["a"] === "1";
        });
        await away.process.start();
        await waiting;
      } finally {
        await away.stop();
      }
    });
  });

  test("a session's key and its entries end by themselves, a little after the session", async () => {
    const { store, keys } = await storeOn(server);
    const now = NOW + 12_345;
    const [idle, absolute] = [1_800_000, 43_200_000];
    await store.create(
      recordOf("a", { accessedAt: now, expiresAt: now + idle, endsAt: now + absolute, labels: ["user:1"] }),
      call(),
    );
    const ttl = async (key: string): Promise<number> => Number(await server.cli("PTTL", key));
    const soon = 60_000;
    expect(await ttl(keys.record(idOf("a")))).toBeGreaterThan(idle + 300_000 - soon);
    expect(await ttl(keys.record(idOf("a")))).toBeLessThanOrEqual(idle + 300_000);
    expect(await ttl(keys.registry("a0"))).toBeLessThanOrEqual(idle + 300_000 + 3_600_000);
    expect(await ttl(keys.label("user:1"))).toBeGreaterThan(absolute);
    expect(await ttl(keys.label("user:1"))).toBeLessThanOrEqual(absolute + 86_400_000);

    const touched = now + 600_000;
    await store.update(idOf("a"), changeOf({ now: touched, expiresAt: touched + idle }), call());
    expect(await ttl(keys.record(idOf("a")))).toBeGreaterThan(idle + 300_000 - soon);
    // A clock that is far off changes nothing: lives are counted from the caller's.
    const score = Number(await server.cli("ZSCORE", keys.registry("a0"), idOf("a")));
    expect(Math.abs(score - Date.now() - idle - 300_000)).toBeLessThan(soon);
  });

  test("a record is kept until after its expiry however little each change moves that, and at no cost until it has moved by a minute", async () => {
    const { store, prefix } = await storeOn(server, "redis6");
    const key = new Keys(prefix).record(idOf("a"));
    const left = async (): Promise<number> => Number(await server.cli("PTTL", key));
    const begin = Date.now();
    const moved = (seconds: number): ReturnType<typeof store.update> => {
      const expiresAt = begin + 600_000 + seconds * 1000;
      return store.update(
        idOf("a"),
        { now: begin, epoch: 1, expiresAt, set: { a: String(seconds) } },
        call(),
      );
    };
    const times = { createdAt: begin, accessedAt: begin, expiresAt: begin + 600_000, endsAt: begin + 9e8 };
    await store.create(recordOf("a", times), call());
    const first = await left();
    for (let seconds = 5; seconds <= 50; seconds += 5) expect((await moved(seconds)).kind).toBe("done");
    expect(await left()).toBeLessThanOrEqual(first);
    for (let seconds = 70; seconds <= 600; seconds += 10) {
      await moved(seconds);
      // Four minutes at least beyond the expiry, of the five that clocks may differ.
      expect(await left()).toBeGreaterThan(600_000 + seconds * 1000 + 200_000);
    }
  });

  test("a record that expired by all clocks keeps its key for the slack, and no longer", async () => {
    const { store, keys } = await storeOn(server);
    await store.create(recordOf("a", { expiresAt: NOW - 999_999_999 }), call());
    const ttl = Number(await server.cli("PTTL", keys.record(idOf("a"))));
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(300_000);
  });

  test("names of records that the engine dropped leave the registry with the next writes", async () => {
    const { store, keys } = await storeOn(server);
    const dead = Array.from({ length: 20 }, (_, index) => idOf(`ab${index}x`));
    const scores = dead.flatMap((id, index) => [String(1000 + index), id]);
    await server.cli("ZADD", keys.registry("ab"), ...scores);
    for (let index = 0; index < 6; index += 1) await store.create(recordOf(`abnew${index}`), call());
    expect(await server.cli("ZCARD", keys.registry("ab"))).toBe("6");
  });

  test("entries whose session is over leave the index with the next ones", async () => {
    const { store, keys } = await storeOn(server);
    const key = keys.label("user:1");
    const past = Math.floor(Date.now() / 1000) - 100_000;
    const dead = Array.from(
      { length: 60 },
      (_, index) => `${idOf(`b${index}dead`)}.${past}.AAAAAAAA.${past}`,
    );
    await server.cli("ZADD", key, ...dead.flatMap((entry) => ["0", entry]));
    for (let index = 0; index < 60; index += 1)
      await store.create(recordOf(`b${index}live`, { labels: ["user:1"] }), call());
    const left = (await server.cli("ZRANGE", key, "0", "-1"))
      .split("\n")
      .filter((entry) => entry.endsWith(`.${past}`));
    expect(left.length).toBeLessThan(20);
    expect((await store.listByLabel("user:1", { limit: 500 }, call())).records).toHaveLength(60);
  });

  test("a login under the same label keeps its entry while that covers the session, and gets another when it does not", async () => {
    const { store, keys } = await storeOn(server);
    const record = recordOf("a", { labels: ["user:1"] });
    await store.create(record, call());
    const entries = async (): Promise<string[]> =>
      (await server.cli("ZRANGE", keys.label("user:1"), "0", "-1")).split("\n");
    const login = async (epoch: number, endsAt: number): Promise<void> => {
      const renew = { secretHash: "x", nextEpoch: epoch + 1, labels: ["user:1"], endsAt };
      expect((await store.update(record.id, changeOf({ epoch, renew }), call())).kind).toBe("done");
    };
    const [first = ""] = await entries();
    await login(1, record.endsAt);
    expect(await entries()).toEqual([first]);
    await login(2, record.endsAt + 5000);
    const both = await entries();
    expect(both).toHaveLength(2);
    expect(both).toContain(first);
    await store.delete(record.id, {}, call());
    // The entry that the record bears goes with it; the one before stays until its end, as after any new labelling.
    await until("one entry is left", async () => (await entries()).join() === first);
  });

  test("a creation that is refused leaves no entry", async () => {
    const { store, keys } = await storeOn(server);
    await store.create(recordOf("a"), call());
    expect(await store.create(recordOf("a", { labels: ["user:1"] }), call())).toBe(false);
    expect(await server.cli("EXISTS", keys.label("user:1"))).toBe("0");
  });

  test("a listing removes old entries that have no record, and leaves young ones, whose record may be on its way", async () => {
    const { store, keys } = await storeOn(server);
    const key = keys.label("user:1");
    const now = Math.floor(Date.now() / 1000);
    const entry = (name: string, written: number) => `${idOf(name)}.${written}.AAAAAAAA.${now + 99_999}`;
    await server.cli("ZADD", key, "0", entry("old", now - 7200), "0", entry("young", now - 60));
    expect((await store.listByLabel("user:1", { limit: 9 }, call())).records).toEqual([]);
    await until("the old entry is gone", async () => (await server.cli("ZCARD", key)) === "1");
    expect(await server.cli("ZRANGE", key, "0", "-1")).toBe(entry("young", now - 60));
  });

  test("a record's deletion takes its entries along, and nobody else's", async () => {
    const { store, keys } = await storeOn(server);
    for (const name of ["a", "b"])
      await store.create(recordOf(name, { labels: ["user:1", "tenant:7"] }), call());
    await store.delete(idOf("a"), {}, call());
    for (const label of ["user:1", "tenant:7"])
      await until("one entry is left", async () => (await server.cli("ZCARD", keys.label(label))) === "1");
    // The next birth of an id has entries of its own: what is removed late is never theirs.
    await store.create(recordOf("a", { labels: ["user:1"] }), call());
    expect((await store.listByLabel("user:1", { limit: 9 }, call())).records).toHaveLength(2);
  });

  test("a change carries what changed, and nothing of the rest", async () => {
    const { store } = await storeOn(server);
    await store.create(recordOf("a", { fields: { big: "b".repeat(100_000), small: "1" } }), call());
    const input = async (): Promise<number> =>
      Number(/total_net_input_bytes:(\d+)/.exec(await server.cli("INFO", "stats"))?.[1]);
    await store.update(idOf("a"), changeOf({ set: { small: "2" } }), call());
    const before = await input();
    await store.update(idOf("a"), changeOf({ set: { small: "3" } }), call());
    // Less than a tenth of a percent: what the question itself costs is in it.
    expect((await input()) - before).toBeLessThan(600);
  });

  test("a listing does not transfer what it does not show", async () => {
    const { store } = await storeOn(server);
    await store.create(
      recordOf("a", { labels: ["user:1"], fields: { big: "b".repeat(100_000), "~own": "1" } }),
      call(),
    );
    const output = async (): Promise<number> =>
      Number(/total_net_output_bytes:(\d+)/.exec(await server.cli("INFO", "stats"))?.[1]);
    const before = await output();
    const { records } = await store.listByLabel("user:1", { limit: 9 }, call());
    expect(records[0]?.fields).toEqual({ "~own": "1" });
    expect((await output()) - before).toBeLessThan(20_000);
  });

  test("each method is the round trips that its page says", async () => {
    const { store } = await storeOn(server);
    const warm = recordOf("warm", { labels: ["user:0"] });
    await store.create(warm, call());
    await store.update(warm.id, changeOf({ set: {} }), call());
    await store.update(warm.id, changeOf({ renew: { secretHash: "x", nextEpoch: 1 } }), call());
    await store.listByLabel("user:0", { limit: 1 }, call());
    await store.delete(warm.id, {}, call());
    const sent = async (work: () => Promise<unknown>): Promise<Record<string, number>> => {
      const counts = await commandsDuring(server, work);
      return Object.fromEntries(
        ["evalsha", "eval", "hgetall", "hget"].flatMap((name) =>
          counts.has(name) ? [[name, counts.get(name) ?? 0]] : [],
        ),
      );
    };
    expect(await sent(() => store.create(recordOf("a"), call()))).toEqual({ evalsha: 1 });
    expect(await sent(() => store.create(recordOf("b", { labels: ["user:1"] }), call()))).toEqual({
      evalsha: 1,
    });
    expect(await sent(() => store.read(idOf("a"), call()))).toEqual({ hgetall: 1 });
    expect(await sent(() => store.update(idOf("a"), changeOf({ set: { a: "1" } }), call()))).toEqual({
      evalsha: 1,
    });
    expect(
      await sent(() => store.update(idOf("a"), changeOf({ expiresAt: NOW + 9_000_000 }), call())),
    ).toEqual({ evalsha: 1 });
    const renew = { secretHash: "x", nextEpoch: 2 };
    expect(await sent(() => store.update(idOf("a"), changeOf({ renew }), call()))).toEqual({ evalsha: 1 });
    const login = { ...renew, labels: ["user:2"], endsAt: NOW + 99_000_000 };
    expect(await sent(() => store.update(idOf("a"), changeOf({ epoch: 2, renew: login }), call()))).toEqual({
      evalsha: 1,
    });
    expect((await store.listByLabel("user:2", { limit: 9 }, call())).records).toHaveLength(1);
    expect(await sent(() => store.delete(idOf("a"), {}, call()))).toEqual({ evalsha: 1 });
  });

  test("no call walks the key space, and every command is known to Redis 6.2", async () => {
    const { store } = await storeOn(server);
    const counts = await commandsDuring(server, async () => {
      for (const name of ["a", "b", "c"])
        await store.create(recordOf(name, { labels: ["user:1"], fields: { x: "1" } }), call());
      await store.read(idOf("a"), call());
      await store.update(
        idOf("a"),
        changeOf({ set: { x: "2" }, remove: ["y"], expiresAt: NOW + 9_000_000 }),
        call(),
      );
      const renew = {
        secretHash: "x",
        nextEpoch: 1,
        labels: ["user:1", "tenant:7"],
        endsAt: NOW + 999_000_000,
      };
      await store.update(idOf("a"), changeOf({ renew }), call());
      await store.listByLabel("user:1", { limit: 2 }, call());
      await store.all({ limit: 2 }, call());
      await store.delete(idOf("a"), { label: "user:1" }, call());
      await store.deleteByLabel("user:1", [], call());
    });
    const names = [...counts.keys()];
    for (const walking of ["keys", "scan", "hscan", "zscan", "sscan", "smembers"])
      expect(names).not.toContain(walking);
    for (const name of names) expect(await sinceOf(server, name), name).toBeLessThanOrEqual(602);
    expect(names).toContain("pexpireat");
  });

  test("scripts name no key that is not in KEYS", () => {
    for (const { text } of ALL_SCRIPTS) {
      const touched = [...text.matchAll(/redis\.p?call\('([A-Z]+)'(?:, ([^,)]+))?/g)];
      expect(touched.length).toBeGreaterThan(0);
      for (const [, command, key] of touched)
        if (command !== "TIME" && command !== "PUBLISH")
          expect(["KEYS[1]", "KEYS[2]", "key"], command).toContain(key);
    }
  });

  test("stores of different prefixes share nothing, also where one prefix begins the other", async () => {
    const outer = await storeOn(server, "redis6", { prefix: "app:" });
    const inner = await storeOn(server, "ioredis6", { prefix: "app:label:" });
    await outer.store.create(recordOf("a", { labels: ["ab", "ab}ids"] }), call());
    await inner.store.create(recordOf("ab", { labels: ["user:1"] }), call());
    expect((await outer.store.all({ limit: 9 }, call())).records.map((record) => record.id)).toEqual([
      idOf("a"),
    ]);
    expect((await inner.store.all({ limit: 9 }, call())).records.map((record) => record.id)).toEqual([
      idOf("ab"),
    ]);
    expect((await outer.store.listByLabel("ab", { limit: 9 }, call())).records).toHaveLength(1);
    expect(await inner.store.deleteByLabel("ab", [], call())).toBe(0);
  });

  /** A store on the server by a user who may call these commands, and no others. */
  async function storeOf(user: string, commands: readonly string[], prefix: string) {
    const allowed = commands.map((command) => `+${command}`);
    // With a password: without one the client logs in as nobody in particular.
    await server.cli("ACL", "SETUSER", user, "on", ">password", `~${prefix}*`, `&${prefix}*`, ...allowed);
    const { createClient } = await import("redis");
    const client = createClient({ url: `redis://${user}:password@127.0.0.1:${server.port}` });
    await client.connect();
    expect(await client.aclWhoAmI()).toBe(user);
    const store = redisStore(client, { prefix });
    onTestFinished(async () => {
      await store.close();
      client.destroy();
    });
    return store;
  }

  test("a user who may not publish can log out all the same", async () => {
    const { store, prefix } = await storeOn(server);
    await store.create(recordOf("a"), call());
    const quiet = await storeOf("quiet", ["@all"], prefix);
    await server.cli("ACL", "SETUSER", "quiet", "resetchannels");
    expect(await quiet.delete(idOf("a"), {}, call())).toBe("done");
    expect(await store.read(idOf("a"), call())).toBeNull();
  });

  test("a user who may call what the page names can do everything", async () => {
    const page = await readFile(new URL("../../../docs/stores/redis.md", import.meta.url), "utf8");
    const [, named = ""] = /^- The user of the server needs (.*?)\.$/ms.exec(page) ?? [];
    const commands = [...named.matchAll(/`([A-Z]+)`/g)].map(([, command = ""]) => command.toLowerCase());
    const store = await storeOf("bounded", [...commands, "hello", "ping", "acl|whoami"], "bounded:");
    await store.setup(call());
    const heard: string[] = [];
    store.subscribe((id) => heard.push(id));
    await store.create(recordOf("a", { labels: ["user:1"], fields: { x: "1", y: "1" } }), call());
    await server.cli("ZADD", new Keys("bounded:").registry("a0"), "1", "dropped");
    await store.create(recordOf("a0b", { labels: ["user:1"] }), call());
    const change = changeOf({ set: { x: "2" }, remove: ["y"], expiresAt: NOW + 9_000_000 });
    expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
    const renew = { secretHash: "x", nextEpoch: 2, labels: ["user:2"], endsAt: NOW + 99_000_000 };
    expect((await store.update(idOf("a"), changeOf({ renew }), call())).kind).toBe("done");
    expect((await store.listByLabel("user:1", { limit: 9 }, call())).records).toHaveLength(1);
    expect((await store.all({ limit: 9 }, call())).records).toHaveLength(2);
    expect(await store.deleteByLabel("user:1", [], call())).toBe(1);
    await until("a deletion is heard", async () => {
      await store.create(recordOf("c"), call());
      return (await store.delete(idOf("c"), {}, call())) === "done" && heard.includes(idOf("c"));
    });
  });

  test("a change of which a part is forbidden to the user is not made by half", async () => {
    const { store: own, prefix } = await storeOn(server);
    await own.create(recordOf("a", { fields: { x: "1", y: "1" } }), call());
    const store = await storeOf("halved", ["@all"], prefix);
    await server.cli("ACL", "SETUSER", "halved", "-hdel");
    const change = { set: { x: "2" }, remove: ["y"] };
    const renew = { secretHash: "x", nextEpoch: 2 };
    await expect(store.update(idOf("a"), changeOf(change), call())).rejects.toThrow();
    await expect(store.update(idOf("a"), changeOf({ ...change, renew }), call())).rejects.toThrow();
    expect(await own.read(idOf("a"), call())).toEqual(recordOf("a", { fields: { x: "1", y: "1" } }));
  });

  // The engine looks at its memory before the first write of a script, and not again.
  test("a change that finds the memory full is not made by half", async () => {
    const { store } = await storeOn(server);
    await store.create(recordOf("a", { fields: { x: "1" }, labels: ["user:1"] }), call());
    await server.cli("CONFIG", "SET", "maxmemory", "1");
    const renew = { secretHash: "x", nextEpoch: 2 };
    const change = { set: { x: "2", big: "b".repeat(100_000) }, remove: ["x"], expiresAt: NOW + 9_000_000 };
    try {
      for (const each of [
        () => store.update(idOf("a"), changeOf(change), call()),
        () => store.update(idOf("a"), changeOf({ ...change, renew }), call()),
        () => store.create(recordOf("b", { labels: ["user:1"] }), call()),
      ])
        await expect(each()).rejects.toThrow(/OOM/);
      expect((await store.listByLabel("user:1", { limit: 9 }, call())).records).toHaveLength(1);
      expect(await store.read(idOf("a"), call())).toMatchObject({ version: 1, fields: { x: "1" } });
      expect(await store.delete(idOf("a"), {}, call())).toBe("done");
    } finally {
      await server.cli("CONFIG", "SET", "maxmemory", "0");
    }
  });

  test("a record of thousands of fields is written, changed and read whole", async () => {
    const { store } = await storeOn(server);
    const fields = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, index) => [`f${index}`, `${index}`]),
    );
    await store.create(recordOf("a", { fields }), call());
    const names = Object.keys(fields);
    const change = changeOf({ remove: names.slice(0, 15_000), set: { f1: "new" } });
    expect(await store.update(idOf("a"), change, call())).toEqual({ kind: "done", version: 2 });
    const left = (await store.read(idOf("a"), call()))?.fields ?? {};
    expect(left).toEqual({
      f1: "new",
      ...Object.fromEntries(names.slice(15_000).map((name) => [name, fields[name]])),
    });
  });

  test("closing waits for a write that replicas are still to confirm", async () => {
    const { store: other } = await storeOn(server);
    // The server knows the script after the first.
    await other.create(recordOf("a"), call());
    const { store } = await storeOn(server, "redis6", { replicas: 1 });
    let settled = false;
    const created = store.create(recordOf("a"), call()).finally(() => (settled = true));
    const refused = expect(created).rejects.toThrow(/confirmed/);
    await store.close();
    await new Promise(setImmediate);
    expect(settled).toBe(true);
    await refused;
  });

  test("where the registry of a group is somebody else's text, a call that fails has written nothing, and a logout is done", async () => {
    const { store, keys } = await storeOn(server);
    await store.create(recordOf("a", { fields: { a: "1" } }), call());
    await server.cli("SET", keys.registry("a0"), "not ours");
    const ending = NOW + 9_000_000;
    const failing = [
      () => store.create(recordOf("a0b"), call()),
      () => store.update(idOf("a"), changeOf({ set: { a: "2" }, expiresAt: ending }), call()),
      () =>
        store.update(
          idOf("a"),
          changeOf({ renew: { secretHash: "x", nextEpoch: 2 }, set: { a: "2" } }),
          call(),
        ),
    ];
    for (const each of failing) await expect(each()).rejects.toThrow(/WRONGTYPE/);
    expect(await store.read(idOf("a0b"), call())).toBeNull();
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a", { fields: { a: "1" } }));
    expect(await store.delete(idOf("a"), {}, call())).toBe("done");
  });

  test.each(["ioredis6", "ioredis5", "iovalkey"] as const)(
    "a subscription hears though the client queues nothing, and though the server came late (%s)",
    async (name) => {
      const module = { ioredis6: "ioredis", ioredis5: "ioredis5", iovalkey: "iovalkey" }[name];
      const { Redis } = (await import(module)) as typeof ioredis;
      const late = await RedisServer.start();
      await late.process.kill();
      const client = new Redis({
        port: late.port,
        enableOfflineQueue: false,
        maxRetriesPerRequest: 1,
        retryStrategy: () => 20,
      });
      let failures = 0;
      client.on("error", () => (failures += 1));
      const store = redisStore(client);
      try {
        const heard: string[] = [];
        store.subscribe((id) => heard.push(id));
        const before = failures;
        await until("the client has tried more than once", async () => failures > before + 5);
        await late.process.start();
        await until("a deletion is heard", async () => {
          await store.create(recordOf("a"), call());
          await store.delete(idOf("a"), {}, call());
          return heard.includes(idOf("a"));
        });
      } finally {
        await store.close();
        client.disconnect();
        await late.stop();
      }
    },
  );

  test("a command that only joined a MULTI of the application's is no answer", async () => {
    const { Redis } = await import("ioredis");
    const { store: other, prefix } = await storeOn(server);
    await other.create(recordOf("a"), call());
    const client = new Redis({ port: server.port });
    const store = redisStore(client, { prefix });
    await store.read(idOf("a"), call());
    await client.multi({ pipeline: false });
    const calls = [
      store.read(idOf("a"), call()),
      store.update(idOf("a"), changeOf({ set: { a: "1" } }), call()),
      store.delete(idOf("a"), {}, call()),
    ];
    for (const each of calls) await expect(each).rejects.toThrow(/MULTI/);
    await client.discard();
    expect(await store.read(idOf("a"), call())).toEqual(recordOf("a"));
    await store.close();
    client.disconnect();
  });

  test("a record of a newer layout is an outage for readers and writers, not garbage", async () => {
    const { store, keys } = await storeOn(server);
    await store.create(recordOf("layout"), call());
    await store.create(recordOf("format", { fields: { "~format": "2" } }), call());
    await server.cli("HSET", keys.record(idOf("layout")), "=", "2 whatever comes");
    const isNewer = (error: unknown): boolean =>
      SessionError.is(error) && error.code === "ERR_SESSION_FORMAT";
    for (const name of ["layout", "format"]) {
      if (name === "layout") await expect(store.read(idOf(name), call())).rejects.toSatisfy(isNewer);
      await expect(store.update(idOf(name), changeOf({ set: {} }), call())).rejects.toSatisfy(isNewer);
      const renew = { secretHash: "x", nextEpoch: 1, labels: ["user:1"] };
      await expect(store.update(idOf(name), changeOf({ renew }), call())).rejects.toSatisfy(isNewer);
    }
  });

  test("a text that is not well-formed is refused, and nothing is written", async () => {
    const { store } = await storeOn(server);
    const bad = { a: "\ud800" };
    await expect(store.create(recordOf("a", { fields: bad }), call())).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
    });
    expect(await store.read(idOf("a"), call())).toBeNull();
    await store.create(recordOf("a"), call());
    await expect(store.update(idOf("a"), changeOf({ set: bad }), call())).rejects.toMatchObject({
      code: "ERR_SESSION_VALUE",
    });
    expect((await store.read(idOf("a"), call()))?.version).toBe(1);
  });

  test("a renewal that keeps its labels writes no entry, one that adds a label or outlives them does", async () => {
    const { store, keys } = await storeOn(server);
    await store.create(recordOf("a", { labels: ["user:1"] }), call());
    const entries = async (label: string): Promise<number> =>
      Number(await server.cli("ZCARD", keys.label(label)));
    const renew = { secretHash: "x", nextEpoch: 1 };
    await store.update(idOf("a"), changeOf({ renew: { ...renew, labels: ["user:1"] } }), call());
    expect(await entries("user:1")).toBe(1);
    await store.update(idOf("a"), changeOf({ renew: { ...renew, labels: ["user:1", "more"] } }), call());
    expect([await entries("user:1"), await entries("more")]).toEqual([2, 1]);
    await store.update(idOf("a"), changeOf({ renew: { ...renew, endsAt: NOW + 10 ** 11 } }), call());
    expect([await entries("user:1"), await entries("more")]).toEqual([3, 2]);
    const { records } = await store.listByLabel("user:1", { limit: 1 }, call());
    expect(records).toHaveLength(1);
    expect(records[0]?.endsAt).toBe(NOW + 10 ** 11);
  });
});

/** The version that brought a command, as 602 for 6.2. */
async function sinceOf(server: RedisServer, command: string): Promise<number> {
  const lines = (await server.cli("COMMAND", "DOCS", command.replace("|", " ").split(" ")[0] ?? "")).split(
    "\n",
  );
  const at = lines.findIndex((line) => line.includes("since"));
  const [, major = "9", minor = "9"] = /(\d+)\.(\d+)/.exec(lines.slice(at, at + 2).join(" ")) ?? [];
  return Number(major) * 100 + Number(minor);
}
