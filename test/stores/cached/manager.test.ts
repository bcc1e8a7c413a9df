// What a request makes of a record that was read a while ago. Two stores with a cache each, as of two processes, over one memory.
import { expect, test } from "vitest";
import type { SessionId } from "../../../src/core/record.ts";
import type { AnyStore } from "../../../src/core/store.ts";
import { type CachedOptions, cached } from "../../../src/stores/cached.ts";
import { type FaultyStore, faultyStore } from "../../../src/testing/index.ts";
import { codeOf, done, loggedIn, rig, type Rig, seen, stored, visit } from "../../races/rig.ts";
import { sharedMemory } from "./support.ts";

const MINUTE = 60_000;

type Options = Parameters<typeof rig>[0];

interface Process extends Rig {
  /** What reaches the engine. */
  readonly engine: FaultyStore<AnyStore>;
}

interface Pair {
  readonly here: Process;
  readonly there: Process;
  /** Lets time pass for caches and managers. */
  pass(ms: number): void;
}

/** The four methods and those by which sessions are revoked: nothing tells one process of the other. */
function untold(beneath: AnyStore): AnyStore {
  const { create, read, update, delete: remove, listByLabel, deleteByLabel, all } = beneath;
  const own = { create, read, update, delete: remove, listByLabel, deleteByLabel, all };
  const bound = Object.entries(own).map(([name, method]) => [name, (method as () => unknown).bind(beneath)]);
  return { traits: beneath.traits, ...Object.fromEntries(bound) } as AnyStore;
}

function pair(options: Options = {}, caching: CachedOptions = {}): Pair {
  const memory = sharedMemory();
  let now = 0;
  const opened = (): Process => {
    const engine = faultyStore(untold(memory));
    const store = cached(engine.store, { staleness: "1s", now: () => now, ...caching });
    return { ...rig({ ...options, store }), engine };
  };
  const [here, there] = [opened(), opened()];
  return {
    here,
    there,
    pass(ms) {
      now += ms;
      for (const one of [here, there]) one.clock.advance(ms);
    },
  };
}

function tokenIn(cookie: string): { readonly id: SessionId; readonly secret: string } {
  const value = cookie.slice(cookie.indexOf("=") + 1);
  return { id: value.slice(0, 24) as SessionId, secret: value.slice(24) };
}

test("an unchanged request costs no read within the bound, and one after it", async () => {
  const { here, there, pass } = pair();
  const cookie = await stored(there);
  for (const expected of [1, 1, 1]) {
    expect(await seen(here, cookie)).toEqual({ here: 1 });
    expect(here.engine.count()).toBe(expected);
    pass(333);
  }
  pass(1);
  await seen(here, cookie);
  expect(here.engine.count()).toBe(2);
});

test("a logout elsewhere is seen at the bound at the latest, and what ended costs no more reads either", async () => {
  const { here, there, pass } = pair();
  const cookie = await stored(there);
  await seen(here, cookie);
  await done(there, cookie, (session) => session.logout());
  pass(999);
  expect(await seen(here, cookie)).toEqual({ here: 1 });
  pass(1);
  expect(await seen(here, cookie)).toBeNull();
  here.engine.forget();
  for (let request = 0; request < 5; request += 1) expect(await seen(here, cookie)).toBeNull();
  expect(here.engine.count()).toBe(0);
});

test("so is a revocation, of one session and of all of a user", async () => {
  const { here, there, pass } = pair();
  const cookies = [await loggedIn(there, "ann"), await loggedIn(there, "ann"), await loggedIn(there, "bob")];
  for (const cookie of cookies) await seen(here, cookie);
  await there.manager.revokeUser("ann");
  await there.manager.revoke((await there.manager.sessionsOf("bob"))[0]!.id);
  pass(1000);
  for (const cookie of cookies) expect(await seen(here, cookie)).toBeNull();
});

test("who revokes sees it at once, and so does every question about sessions", async () => {
  const { here, there, pass } = pair();
  const cookie = await loggedIn(there, "ann");
  const [session] = await there.manager.sessionsOf("ann");
  await seen(here, cookie);
  await here.manager.revokeUser("ann");
  expect(await seen(here, cookie)).toBeNull();
  // A login of the same millisecond is one from before the revocation.
  pass(1);
  const other = await loggedIn(there, "ann");
  await seen(here, other);
  const [next] = await here.manager.sessionsOf("ann");
  await there.manager.revoke(next!.id);
  expect(await here.manager.hasSession(next!.id)).toBe(false);
  expect(await here.manager.sessionsOf("ann")).toEqual([]);
  expect(session?.id).not.toBe(next?.id);
});

test("a request that began with what ended elsewhere writes nothing, and brings nothing back", async () => {
  const { here, there } = pair({ onGone: "fail" });
  const cookie = await stored(there);
  await seen(here, cookie);
  await done(there, cookie, (session) => session.logout());
  const late = await visit(here, cookie);
  late.session.increment("n");
  expect(await codeOf(late.finish())).toBe("ERR_SESSION_GONE");
  expect(await seen(here, cookie)).toBeNull();
  expect((await there.store.all?.({ limit: 9 }, { signal: new AbortController().signal }))?.records).toEqual(
    [],
  );
});

test("a login elsewhere opens with its new secret at once, and its user is there", async () => {
  const { here, there } = pair();
  const before = await stored(there);
  await seen(here, before);
  const after = await done(there, before, (session) => session.login("ann"));
  const { session } = await visit(here, after);
  expect([session.isNew, session.user]).toEqual([false, "ann"]);
  expect(here.of("rejected")).toEqual([]);
  // The secret from before opens nothing any more once this process has seen the new one.
  expect(await seen(here, before)).toBeNull();
});

test("a secret that another process rotated opens, and so does the one before, in its grace", async () => {
  const { here, there, pass } = pair({ rotateEvery: "10m" }, { staleness: "1h" });
  const before = await stored(there);
  await seen(here, before);
  pass(11 * MINUTE);
  const after = await done(there, before, (session) => void (session.data.n = 1));
  expect(after).not.toBe(before);
  expect(await seen(here, after)).toMatchObject({ here: 1 });
  expect(await seen(here, before)).toMatchObject({ here: 1 });
  expect(here.of("theft")).toEqual([]);
});

test("a session that another process kept alive has not expired", async () => {
  const { here, there, pass } = pair({ idle: "30m" }, { staleness: "2h" });
  const cookie = await stored(there);
  await seen(here, cookie);
  pass(20 * MINUTE);
  await done(there, cookie, () => undefined);
  pass(20 * MINUTE);
  expect(await seen(here, cookie)).toEqual({ here: 1 });
  expect(here.of("expired")).toEqual([]);
});

test("nor is it locked", async () => {
  const { here, there, pass } = pair({ idle: "30m", onIdle: "lock" }, { staleness: "2h" });
  const cookie = await loggedIn(there, "ann");
  await seen(here, cookie);
  pass(20 * MINUTE);
  await done(there, cookie, (session) => void session.user);
  pass(20 * MINUTE);
  const { session } = await visit(here, cookie);
  expect([session.user, session.lockedUser]).toEqual(["ann", null]);
});

test("an old access time has it touched once more in each process, and not at every request", async () => {
  const { here, there, pass } = pair({}, { staleness: "1h" });
  const cookie = await stored(there);
  await seen(here, cookie);
  pass(2 * MINUTE);
  for (let request = 0; request < 5; request += 1) await done(there, cookie, () => undefined);
  for (let request = 0; request < 5; request += 1) await done(here, cookie, () => undefined);
  expect(there.engine.count("update")).toBe(1);
  expect(here.engine.count("update")).toBe(1);
});

test("fields that two processes change both survive, and increments are exact, however old what they began with", async () => {
  const { here, there } = pair({}, { staleness: "1h" });
  const cookie = await stored(there);
  for (const one of [here, there]) await seen(one, cookie);
  for (let round = 0; round < 10; round += 1) {
    for (const one of [here, there])
      await done(one, cookie, (session) => {
        session.increment("n");
        session.data[one === here ? `h${round}` : `t${round}`] = round;
      });
  }
  const { id } = tokenIn(cookie);
  const record = await here.store.read(id, { signal: new AbortController().signal });
  expect(record?.fields["n"]).toBe("20");
  expect(Object.keys(record?.fields ?? {}).filter((name) => /^[ht]\d$/.test(name))).toHaveLength(20);
});

test("a value that another process has just stored can be claimed at once, and by one alone", async () => {
  const { here, there } = pair({}, { staleness: "1h" });
  const cookie = await stored(there);
  for (const one of [here, there]) await seen(one, cookie);
  await done(there, cookie, (session) => void (session.data.state = "s3cret"));
  const one = await visit(here, cookie);
  expect(await one.session.claim("state")).toBe("s3cret");
  const other = await visit(there, cookie);
  expect(await other.session.claim("state")).toBeUndefined();
});

test("what revocations and deeds are decided by is always asked of the store", async () => {
  const { here, there } = pair({}, { staleness: "1h" });
  expect(await here.manager.once("jti", "1h")).toBe(true);
  expect(await there.manager.once("jti", "1h")).toBe(false);
  expect(await here.manager.once("jti", "1h")).toBe(false);
  const before = await visit(here);
  before.session.login("ann");
  await there.manager.revokeUser("ann");
  expect(await codeOf(before.finish())).toBe("ERR_SESSION_REVOKED");
});

test("a wrong secret is asked of the store once, and rejected", async () => {
  const { here, there } = pair();
  const cookie = await stored(there);
  await seen(here, cookie);
  here.engine.forget();
  const forged = cookie.replace(tokenIn(cookie).secret, "A".repeat(32));
  expect(await seen(here, forged)).toBeNull();
  expect(here.engine.count("read")).toBe(1);
  expect(here.of("rejected")).toEqual([expect.objectContaining({ reason: "secret" })]);
  expect(await seen(here, cookie)).toEqual({ here: 1 });
});

test("the policy tells how long a revocation may take to be seen", () => {
  const { here } = pair({}, { staleness: "5s" });
  expect(here.manager.describePolicy().store.keptForMs).toBe(5000);
});
