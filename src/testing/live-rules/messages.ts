import assert from "node:assert/strict";
import { failsBefore, gate, waitsBefore } from "../faults.ts";
import { group, type LiveRule, rule } from "./rule.ts";
import { idOf, isOpen } from "./support.ts";

const MINUTE = 60_000;

export const messageRules: readonly LiveRule[] = group("messages", [
  rule("a message reads what requests have written since it connected", ["messages"], async ({ start }) => {
    const app = await start({
      messages: { read: (live) => live.run((session) => String(session.data["a"])) },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    assert.equal(await client.ask("read"), "undefined");
    await app.request(cookie, (session) => void session.set("a", "new"));
    assert.equal(await client.ask("read"), "new");
  }),

  rule("what a message changes is stored before it is answered", ["messages"], async ({ start, store }) => {
    const app = await start({
      messages: { hit: async (live) => String(await live.run((session) => session.increment("n"))) },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    const door = gate();
    store.next("update", waitsBefore(door));
    let answered = false;
    const answer = client.ask("hit").then((text) => {
      answered = true;
      return text;
    });
    await door.reached();
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(answered, false);
    door.open();
    assert.equal(await answer, "1");
    assert.deepEqual(await app.seen(cookie), { n: 1 });
  }),

  rule("a message that fails changes nothing, and closes nothing", ["messages"], async ({ start }) => {
    const app = await start({
      messages: {
        fail: (live) =>
          live.run((session) => {
            session.set("n", 9);
            throw new Error("on purpose");
          }),
        hit: async (live) => String(await live.run((session) => session.increment("n"))),
      },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    assert.equal(await client.ask("fail"), "error on purpose");
    assert.equal(await app.seen(cookie).then((data) => data?.["n"]), undefined);
    assert.equal(await client.ask("hit"), "1");
  }),

  rule("overlapping messages of many connections and requests all count", ["messages"], async ({ start }) => {
    const app = await start({
      messages: { hit: async (live) => String(await live.run((session) => session.increment("n"))) },
    });
    const cookie = await app.login("ann");
    const clients = await Promise.all(Array.from({ length: 20 }, () => app.connect(cookie)));
    await Promise.all(
      clients.flatMap((client) => [
        (async () => {
          for (let round = 0; round < 5; round += 1) await client.ask("hit");
        })(),
        ...[1, 2].map(() => app.request(cookie, (session) => void session.increment("n"))),
      ]),
    );
    assert.deepEqual(await app.seen(cookie), { n: 140 });
  }),

  rule("after an acknowledged revocation no message stores anything", ["messages"], async ({ start }) => {
    const door = gate();
    const late: Promise<string>[] = [];
    const app = await start({
      messages: {
        // Answers at once and goes on: the connection will be closed by then.
        begin: (live) => {
          const work = live.run(async (session) => {
            session.set("a", "late");
            await door.passage();
            return "stored";
          });
          late.push(work.catch((error: { code?: string }) => String(error.code)));
          return "begun";
        },
      },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    assert.equal(await client.ask("begin"), "begun");
    await door.reached();
    await app.manager.revoke(await idOf(app, cookie));
    door.open();
    assert.deepEqual(await Promise.all(late), ["ERR_SESSION_GONE"]);
    assert.equal(await client.closed, "ended");
    assert.equal(await app.seen(cookie), null);
  }),

  rule("a message may log out, which closes the connection", ["messages"], async ({ start }) => {
    const app = await start({
      messages: {
        leave: async (live) => {
          await live.run((session) => session.logout());
          return "left";
        },
      },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    client.ask("leave").catch(() => undefined);
    assert.equal(await client.closed, "ended");
    assert.equal(await app.seen(cookie), null);
  }),

  rule("what needs a cookie is refused in a message", ["messages"], async ({ start }) => {
    const app = await start({
      messages: {
        login: async (live) => {
          await live.run((session) => session.login("bob"));
          return "done";
        },
        write: async (live) => {
          await live.run((session) => void session.set("a", 1));
          return "done";
        },
      },
    });
    const cookie = await app.login("ann");
    const client = await app.connect(cookie);
    assert.equal(await client.ask("login"), "error ERR_SESSION_SENT");
    assert.equal(await client.ask("write"), "done");
    assert.deepEqual(await app.seen(cookie), { a: 1 });
    const visitor = await app.connect();
    assert.equal(await visitor.ask("write"), "error ERR_SESSION_SENT");
    assert.equal(await visitor.ask("login"), "error ERR_SESSION_SENT");
  }),

  rule(
    "a message is activity, also one that looks at no session, and is written down no more often than it must",
    ["messages"],
    async ({ start, store, clock, until }) => {
      const app = await start({
        manager: { idle: "10m", accessTimeResolution: "30s", deadline: "1h" },
        messages: { ping: () => "pong" },
      });
      const cookie = await app.login("ann");
      const client = await app.connect(cookie);
      store.forget();
      for (let minute = 0; minute < 20; minute += 1) {
        clock.advance(MINUTE);
        const before = store.count("update");
        await client.ask("ping");
        await client.ask("ping");
        await until(
          "the access is written down",
          () => store.count("update") > before && store.working === 0,
        );
      }
      assert.equal(store.count("update"), 20);
      assert.ok(await isOpen(client));
      assert.notEqual(await app.seen(cookie), null);
    },
  ),

  rule(
    "a message meets an outage as a request does, and the connection stays",
    ["messages"],
    async ({ start, store }) => {
      const app = await start({
        messages: { hit: async (live) => String(await live.run((session) => session.increment("n"))) },
      });
      const cookie = await app.login("ann");
      const client = await app.connect(cookie);
      store.next("read", failsBefore());
      assert.equal(await client.ask("hit"), "error ERR_SESSION_STORE_UNAVAILABLE");
      assert.equal(await client.ask("hit"), "1");
    },
  ),
]);
