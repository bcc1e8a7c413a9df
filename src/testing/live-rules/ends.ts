import assert from "node:assert/strict";
import type { SessionId } from "../../core/record.ts";
import type { LiveClient } from "../live-subject.ts";
import { failsBefore } from "../faults.ts";
import { group, type LiveApp, type LiveRule, rule } from "./rule.ts";
import { idOf, isOpen } from "./support.ts";

const MINUTE = 60_000;

interface Case {
  readonly what: string;
  readonly reason: string;
  act(app: LiveApp, cookie: string, id: SessionId): unknown;
}

const ENDS: readonly Case[] = [
  {
    what: "a logout",
    reason: "ended",
    act: (app, cookie) => app.request(cookie, (session) => session.logout()),
  },
  { what: "a revocation of the session", reason: "ended", act: (app, _cookie, id) => app.manager.revoke(id) },
  { what: "a revocation of its user", reason: "ended", act: (app) => app.manager.revokeUser("ann") },
  { what: "a revocation of everything", reason: "ended", act: (app) => app.manager.revokeAll() },
  {
    what: "the login of another user",
    reason: "ended",
    act: (app, cookie) => app.request(cookie, (session) => session.login("bob")),
  },
  {
    what: "a new secret",
    reason: "stale",
    act: (app, cookie) => app.request(cookie, (session) => session.rotate()),
  },
  { what: "the end of its manager", reason: "closed", act: (app) => app.manager.close() },
];

async function open(app: LiveApp): Promise<{ cookie: string; id: SessionId; clients: LiveClient[] }> {
  const cookie = await app.login("ann");
  const clients = [await app.connect(cookie), await app.connect(cookie)];
  return { cookie, id: await idOf(app, cookie), clients };
}

export const endRules: readonly LiveRule[] = group("ends", [
  ...ENDS.map(({ what, reason, act }) =>
    rule(
      `${what} closes every connection of the session, which is told the reason`,
      async ({ start, clock, until }) => {
        const app = await start();
        const { cookie, id, clients } = await open(app);
        await act(app, cookie, id);
        assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), [reason, reason]);
        await until("nothing waits for anything", () => clock.pending === 0);
      },
    ),
  ),

  rule("a session that expires closes its connections at that moment", async ({ start, clock }) => {
    const app = await start({ manager: { idle: "10m", deadline: "1h" } });
    const { clients } = await open(app);
    clock.advance(10 * MINUTE - 1);
    assert.ok(await isOpen(clients[0]));
    clock.advance(1);
    assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), ["expired", "expired"]);
  }),

  rule("what happens to other sessions closes nothing", async ({ start, pass }) => {
    const app = await start();
    const { cookie, clients } = await open(app);
    const other = await app.login("ann");
    const visitor = await app.connect();
    await app.request(other, (session) => session.logout());
    await app.request(await app.login("bob"), (session) => session.rotate());
    await app.manager.revokeUser("bob");
    await app.manager.revokeUser("ann", { except: await idOf(app, cookie) });
    await app.request(cookie, (session) => void session.set("a", 1));
    await pass(3 * MINUTE);
    for (const client of [...clients, visitor]) assert.ok(await isOpen(client));
  }),

  rule("a periodic rotation closes nothing", async ({ start, clock, pass }) => {
    const app = await start({ manager: { rotateEvery: "10m", deadline: "1h" } });
    const { cookie, clients } = await open(app);
    clock.advance(11 * MINUTE);
    const after = await app.request(cookie, () => undefined);
    assert.notEqual(after, cookie);
    await pass(MINUTE);
    for (const client of clients) assert.ok(await isOpen(client));
  }),

  rule(
    "a store that cannot be asked closes nothing at once, and everything in the end",
    async ({ start, store, pass }) => {
      const app = await start({ manager: { live: { checkEvery: "5s", giveUpAfter: "1m" } } });
      const { clients } = await open(app);
      store.always("read", failsBefore());
      await pass(50_000);
      assert.ok(await isOpen(clients[0]));
      await pass(20_000);
      assert.deepEqual(await Promise.all(clients.map(({ closed }) => closed)), ["unchecked", "unchecked"]);
    },
  ),

  rule("a client that leaves leaves nothing behind", async ({ start, clock, until }) => {
    const app = await start();
    const { clients } = await open(app);
    assert.ok(clock.pending > 0);
    for (const client of clients) client.leave();
    await until("nothing waits for anything", () => clock.pending === 0);
  }),
]);
