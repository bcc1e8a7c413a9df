import assert from "node:assert/strict";
import { failsBefore, gate, hangs, waitsBefore } from "../faults.ts";
import { group, type LiveRule, rule } from "./rule.ts";
import { statusOf } from "./support.ts";

const DEADLINE_MS = 2000;

export const openingRules: readonly LiveRule[] = group("opening", [
  rule("a connection has the session that its cookie opens", async ({ start }) => {
    const app = await start({ greet: (live) => `${live.user} ${live.id !== null}` });
    const ann = await app.connect(await app.login("ann"));
    const bob = await app.connect(await app.login("bob"));
    assert.deepEqual([ann.greeting, bob.greeting], ["ann true", "bob true"]);
  }),

  rule(
    "one without a cookie, or with garbage in it, is connected without a session",
    async ({ start, store }) => {
      const app = await start({ greet: (live) => `${live.user} ${live.id}` });
      for (const cookie of [
        undefined,
        "__Host-Http-sid=garbage",
        "other=1",
        `__Host-Http-sid=${"A".repeat(56)}`,
      ]) {
        const client = await app.connect(cookie);
        assert.equal(client.greeting, "null null");
      }
      // The last alone is well-formed.
      assert.equal(store.count("read"), 1);
    },
  ),

  rule("one that must have a session, or a user, is refused with status 401 without", async ({ start }) => {
    const demanding = await start({ require: "user" });
    assert.equal(await statusOf(demanding.tryToConnect({})), 401);
    const visitor = await demanding.request(undefined, (session) => void session.set("a", 1));
    assert.equal(await statusOf(demanding.tryToConnect({ cookie: visitor ?? "" })), 401);
    assert.equal((await demanding.connect(await demanding.login("ann"))).greeting, "ann");

    const mild = await start({ require: "session" });
    assert.equal(await statusOf(mild.tryToConnect({})), 401);
    const guest = await mild.request(undefined, (session) => void session.set("a", 1));
    assert.equal((await mild.connect(guest)).greeting, "nobody");
  }),

  rule("one whose session has ended is refused where a user is demanded", async ({ start }) => {
    const app = await start({ require: "user" });
    const cookie = await app.login("ann");
    await app.request(cookie, (session) => session.logout());
    assert.equal(await statusOf(app.tryToConnect({ cookie })), 401);
  }),

  rule(
    "one whose session cannot be read is refused with status 503, and let in when the store is back",
    async ({ start, store }) => {
      const app = await start();
      const cookie = await app.login("ann");
      store.next("read", failsBefore());
      assert.equal(await statusOf(app.tryToConnect({ cookie })), 503);
      assert.equal((await app.connect(cookie)).greeting, "ann");
    },
  ),

  rule(
    "to connect is activity, and is written down no more often than it must",
    async ({ start, store, clock, until }) => {
      const app = await start();
      const cookie = await app.login("ann");
      clock.advance(2 * 60_000);
      store.forget();
      await app.connect(cookie);
      await until("the access is written down", () => store.count("update") === 1 && store.working === 0);
      await app.connect(cookie);
      assert.equal(store.count("update"), 1);
    },
  ),

  rule("to connect with a new secret confirms it", async ({ start, store, clock, until }) => {
    const app = await start({ manager: { rotateEvery: "10m", rotationGrace: "30s" } });
    const cookie = await app.login("ann");
    clock.advance(11 * 60_000);
    const after = await app.request(cookie, () => undefined);
    assert.notEqual(after, cookie);
    await app.connect(after);
    await until("the confirmation is written down", () => store.working === 0);
    clock.advance(31_000);
    // The old secret's grace began when the new one was seen.
    assert.equal(await app.seen(cookie), null);
  }),

  rule("the load of the session has a deadline", async ({ start, store, clock, until }) => {
    const app = await start();
    const cookie = await app.login("ann");
    store.forget();
    store.next("read", hangs());
    const connecting = app.tryToConnect({ cookie });
    await until("the session is read", () => store.count("read") === 1);
    clock.advance(DEADLINE_MS);
    assert.equal(await statusOf(connecting), 503);
  }),

  rule("many connect at once, each with its own session", async ({ start }) => {
    const app = await start();
    const users = Array.from({ length: 40 }, (_, index) => `user${index}`);
    const cookies = await Promise.all(users.map((user) => app.login(user)));
    const clients = await Promise.all(cookies.map((cookie) => app.connect(cookie)));
    assert.deepEqual(
      clients.map(({ greeting }) => greeting),
      users,
    );
  }),

  rule(
    "a client that leaves while its session is read leaves nothing behind",
    async ({ start, store, clock, until }) => {
      const app = await start();
      const cookie = await app.login("ann");
      const door = gate();
      store.next("read", waitsBefore(door));
      const leaving = new AbortController();
      const connecting = app.tryToConnect({ cookie }, leaving.signal);
      connecting.catch(() => undefined);
      await door.reached();
      leaving.abort();
      // The server hears of it in a later turn, before or after its read.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      door.open();
      await until("nothing waits for anything", () => clock.pending === 0);
    },
  ),

  rule(
    "a page of another origin is refused with status 403, before the store is asked",
    ["origins"],
    async ({ start, store }) => {
      const app = await start();
      const cookie = await app.login("ann");
      store.forget();
      const { port } = new URL(app.ownOrigin);
      const foreign = [
        "https://attacker.example",
        "null",
        `http://attacker.example:${port}`,
        `http://localhost.attacker.example:${port}`,
        "http://127.0.0.1:1",
        "not an origin",
      ];
      for (const origin of foreign)
        assert.equal(await statusOf(app.tryToConnect({ cookie, origin })), 403, origin);
      assert.equal(store.count(), 0);
      assert.equal((await app.connect(cookie, { origin: app.ownOrigin })).greeting, "ann");
    },
  ),

  rule("a list of origins replaces the server's own", ["origins"], async ({ start }) => {
    const app = await start({ origins: ["https://shop.example"] });
    const cookie = await app.login("ann");
    assert.equal((await app.connect(cookie, { origin: "https://shop.example" })).greeting, "ann");
    for (const origin of [app.ownOrigin, "https://shop.example.attacker.example", "http://shop.example"])
      assert.equal(await statusOf(app.tryToConnect({ cookie, origin })), 403, origin);
  }),
]);
