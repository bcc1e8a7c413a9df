import { describe, expect, test, vi } from "vitest";
import type { LiveEnd, LiveSession, SessionRecord } from "../../src/index.ts";
import { type AnySession, NullSessionManager, Session, SessionManager } from "../../src/index.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, gate, hangs, manualClock, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import { testExchange } from "../support/exchange.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  settled,
  sibling,
  stored,
  visit,
} from "../races/rig.ts";

noUnhandledRejections();

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

type Options = Parameters<typeof rig>[0];

/** A store of its own that tells of no ends, as most do not. */
function deafStore(): AnyStore {
  return new Proxy(memoryStore(), {
    get: (store, name) => {
      if (name === "subscribe") return undefined;
      const value: unknown = Reflect.get(store, name);
      return typeof value === "function" ? value.bind(store) : value;
    },
    has: (store, name) => name !== "subscribe" && Reflect.has(store, name),
  });
}

interface Open {
  readonly live: LiveSession<AnySession>;
  readonly ends: LiveEnd[];
}

/** Opens a connection as an adapter of sockets does. */
async function connected(where: Pick<Rig, "manager">, cookie?: string): Promise<Open> {
  const one = await visit(where, cookie);
  one.exchange.canSetCookie = false;
  await one.finish();
  const live = where.manager.live(one.session as never) as LiveSession<AnySession>;
  const ends: LiveEnd[] = [];
  live.onEnd((reason) => void ends.push(reason));
  return { live, ends };
}

async function opened(
  options: Options = {},
): Promise<Open & { readonly where: Rig; readonly cookie: string; readonly record: SessionRecord }> {
  const where = rig(options);
  const cookie = await loggedIn(where, "ann", { n: 0 });
  const [record] = await recordsOf(where);
  if (record === undefined) throw new Error("nothing was stored");
  return { where, cookie, record, ...(await connected(where, cookie)) };
}

/** Lets time pass in steps shorter than a store's deadline, so that reads are answered on the way. */
async function passes({ clock }: Rig, ms: number, steps = Math.ceil(ms / SECOND)): Promise<void> {
  for (let step = 0; step < steps; step += 1) {
    clock.advance(ms / steps);
    await settled();
  }
}

describe("a live session", () => {
  test("knows its session and its user, and ends by nothing that the session outlives", async () => {
    const { live, ends, where, cookie, record } = await opened();
    expect(live).toMatchObject({ id: record.id, user: "ann", end: null });
    await done(where, cookie, (session) => void session.set("n", 1));
    await done(where, await loggedIn(where, "bob"), (session) => session.logout());
    await where.manager.revokeUser("bob");
    await passes(where, 10 * MINUTE);
    expect([ends, live.signal.aborted]).toEqual([[], false]);
    live.close();
  });

  for (const [what, end] of Object.entries({
    "a logout": (where: Rig, cookie: string) => done(where, cookie, (session) => session.logout()),
    "a revocation": (where: Rig, _cookie: string, id: SessionRecord["id"]) => where.manager.revoke(id),
    "a revocation of the user": (where: Rig) => where.manager.revokeUser("ann"),
    "a revocation of all": (where: Rig) => where.manager.revokeAll(),
    "the login of another user": (where: Rig, cookie: string) =>
      done(where, cookie, (session) => session.login("bob")),
  })) {
    test(`is over at once after ${what}, in the same manager and in another that hears of it`, async () => {
      for (const heard of [memoryStore(), deafStore()]) {
        const { where, cookie, live, ends, record } = await opened({ store: heard });
        const other = sibling(where);
        const there = await connected(other, cookie);
        await end(where, cookie, record.id);
        await settled();
        expect(ends).toEqual(["ended"]);
        expect([live.end, live.signal.aborted, live.signal.reason]).toEqual(["ended", true, "ended"]);
        if (heard.subscribe !== undefined) expect(there.ends).toEqual(["ended"]);
        expect(await codeOf(live.run(() => undefined))).toBe("ERR_SESSION_GONE");
        there.live.close();
        expect(where.clock.pending).toBe(0);
      }
    });

    test(`is over within the interval after ${what} in another manager that nobody tells of it`, async () => {
      const { where, cookie, live, ends, record } = await opened({ store: deafStore() });
      await end(sibling(where), cookie, record.id);
      await settled();
      expect(ends).toEqual([]);
      await passes(where, 5 * SECOND);
      expect([ends, live.end]).toEqual([["ended"], "ended"]);
      expect(where.clock.pending).toBe(0);
    });
  }

  test("is over when its session lost all it held", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const { ends } = await connected(where, cookie);
    await done(where, cookie, (session) => void session.delete("a"));
    expect(ends).toEqual(["ended"]);
  });

  test("that a revocation spares stays", async () => {
    const { where, cookie, ends, record, live } = await opened();
    const other = await connected(where, await loggedIn(where));
    await sibling(where).manager.revokeUser("ann", { except: record.id });
    await passes(where, MINUTE);
    expect([ends, other.ends]).toEqual([[], ["ended"]]);
    expect(await live.run((session) => session.user)).toBe("ann");
    expect(await seen(where, cookie)).toEqual({ n: 0 });
    live.close();
  });

  test("is stale after a privilege change, told here at once and found elsewhere within the interval", async () => {
    for (const change of [
      (session: AnySession) => session.rotate(),
      (session: AnySession) => session.reauthenticate(),
      (session: AnySession) => session.login("ann"),
    ]) {
      const { where, cookie, live, ends } = await opened({ store: deafStore() });
      const other = sibling(where);
      const there = await connected(other, cookie);
      const after = await done(where, cookie, change);
      await settled();
      expect([ends, there.ends]).toEqual([["stale"], []]);
      // Whatever is known by then, no message acts under the old privilege.
      expect(await codeOf(there.live.run(() => undefined))).toBe("ERR_SESSION_GONE");
      expect(there.ends).toEqual(["stale"]);
      expect(await codeOf(live.run(() => undefined))).toBe("ERR_SESSION_GONE");
      const again = await connected(where, after);
      await passes(where, 10 * SECOND);
      expect(again.ends).toEqual([]);
      again.live.close();
    }
  });

  test("found stale by looking alone", async () => {
    const { where, cookie, ends } = await opened({ store: deafStore() });
    await done(sibling(where), cookie, (session) => session.rotate());
    await passes(where, 5 * SECOND);
    expect(ends).toEqual(["stale"]);
  });

  test("stays over a periodic rotation, goes on writing, and rotates nothing itself", async () => {
    const { where, cookie, live, ends } = await opened({ rotateEvery: "10m" });
    where.clock.advance(10 * MINUTE);
    await live.run((session) => void session.increment("n"));
    expect(where.of("rotated")).toEqual([]);
    const after = await done(where, cookie, (session) => void session.increment("n"));
    expect(after).not.toBe(cookie);
    await passes(where, MINUTE);
    expect(ends).toEqual([]);
    await live.run((session) => void session.increment("n"));
    // No message has presented the successor for the client.
    const [record] = await recordsOf(where);
    expect(
      record?.fields["~rotation"] ?? record?.fields["~rotated"] ?? JSON.stringify(record?.fields),
    ).not.toContain("confirmedAt");
    expect(await seen(where, after)).toEqual({ n: 3 });
    live.close();
  });

  test("leaves no timer behind, and no read, when it is closed", async () => {
    const { where, live, cookie } = await opened();
    const second = await connected(where, cookie);
    live.close();
    live.close();
    expect(where.clock.pending).toBeGreaterThan(0);
    second.live.close();
    expect(where.clock.pending).toBe(0);
    expect([live.signal.aborted, live.end]).toEqual([true, null]);
    where.faulty.forget();
    await passes(where, MINUTE);
    expect(where.faulty.count()).toBe(0);
    // What came before it was closed is still handled.
    await live.run((session) => void session.increment("n"));
    expect(await seen(where, cookie)).toEqual({ n: 1 });
    expect(where.clock.pending).toBe(0);
  });

  test("closed while its session is read is not told, and leaves no timer", async () => {
    const { where, live, ends, cookie } = await opened({ store: deafStore() });
    await done(sibling(where), cookie, (session) => session.logout());
    const door = gate();
    where.faulty.next("read", waitsBefore(door));
    where.clock.advance(5 * SECOND);
    await door.reached();
    live.close();
    door.open();
    await settled();
    expect(ends).toEqual([]);
    where.clock.advance(2 * SECOND);
    expect(where.clock.pending).toBe(0);
  });

  test("closed while its session is read, which was used meanwhile, leaves no timer", async () => {
    const { where, live, cookie } = await opened({
      store: deafStore(),
      deadline: "1h",
      live: { checkEvery: "1h" },
    });
    where.clock.advance(2 * MINUTE);
    await done(sibling(where), cookie, () => undefined);
    const door = gate();
    where.faulty.next("read", waitsBefore(door));
    where.clock.advance(2 * MINUTE);
    await door.reached();
    live.close();
    door.open();
    await settled();
    expect(where.clock.pending).toBe(0);
  });

  test("is listened for from the first connection on, until the manager is closed", async () => {
    const memory = memoryStore();
    let listeners = 0;
    const store = new Proxy(memory, {
      get: (inner, name) => {
        const value: unknown = Reflect.get(inner, name);
        if (name !== "subscribe") return typeof value === "function" ? value.bind(inner) : value;
        return () => {
          listeners += 1;
          return () => void (listeners -= 1);
        };
      },
    });
    const where = rig({ store });
    const cookie = await loggedIn(where);
    expect(listeners).toBe(0);
    const first = await connected(where, cookie);
    first.live.close();
    await connected(where, cookie);
    expect(listeners).toBe(1);
    await where.manager.close();
    expect(listeners).toBe(0);
  });

  test("closed, and left behind by a privilege change, takes no message any more", async () => {
    const { where, live, cookie } = await opened();
    live.close();
    await done(where, cookie, (session) => session.rotate());
    expect(await codeOf(live.run((session) => void session.set("n", 9)))).toBe("ERR_SESSION_GONE");
    expect(live.end).toBeNull();
  });

  test("is closed with its manager, also one that has no session, and any that comes later", async () => {
    const { where, live, ends } = await opened();
    const anonymous = await connected(where);
    const late = await visit(where);
    await where.manager.close();
    expect([ends, anonymous.ends, live.end]).toEqual([["closed"], ["closed"], "closed"]);
    expect(where.manager.live(late.session as never).end).toBe("closed");
    expect(where.clock.pending).toBe(0);
  });

  test("tells each listener once, and one that comes late at once; one that throws harms nobody", async () => {
    const { where, live, cookie } = await opened();
    const told: string[] = [];
    const failures: unknown[] = [];
    where.manager.on("listenerFailure", (event) => void failures.push(event));
    const error = new Error("a listener's own trouble");
    live.onEnd(() => {
      throw error;
    });
    const listener = (): void => void told.push("twice");
    live.onEnd(listener)();
    live.onEnd(listener);
    live.onEnd(() => void told.push("another"));
    const second = await connected(where, cookie);
    await done(where, cookie, (session) => session.logout());
    live.onEnd((reason) => void told.push(`late ${reason}`));
    expect(told).toEqual(["twice", "another", "late ended"]);
    expect(second.ends).toEqual(["ended"]);
    expect(failures).toEqual([{ event: "liveEnded", error }]);
  });

  test("is told of by an event", async () => {
    const { where, live, cookie, record } = await opened();
    const events: unknown[] = [];
    where.manager.on("liveEnded", (event) => void events.push(event));
    await done(where, cookie, (session) => session.logout());
    expect(events).toEqual([{ id: record.id, reason: "ended" }]);
    live.close();
  });

  test("is refused for a session of another manager", async () => {
    const { where } = await opened();
    const { session } = await visit(rig());
    expect(await codeOf(() => where.manager.live(session as never))).toBe("ERR_SESSION_USE");
  });
});

describe("expiry", () => {
  const SHORT = { idle: "10m", absolute: "1h" } as const;

  test("ends it at that very moment, whatever the interval", async () => {
    const { where, ends } = await opened({ ...SHORT, live: { checkEvery: "1h" } });
    where.clock.advance(10 * MINUTE - 1);
    await settled();
    expect(ends).toEqual([]);
    where.clock.advance(1);
    await settled();
    expect(ends).toEqual(["expired"]);
    expect(where.clock.pending).toBe(0);
  });

  test("is put off by a request anywhere", async () => {
    const { where, cookie, ends } = await opened({ ...SHORT, deadline: "1h", live: { checkEvery: "1h" } });
    where.clock.advance(9 * MINUTE);
    await done(sibling(where, SHORT), cookie, () => undefined);
    where.clock.advance(MINUTE);
    await settled();
    expect(ends).toEqual([]);
    where.clock.advance(9 * MINUTE);
    await settled();
    expect(ends).toEqual(["expired"]);
  });

  test("at the absolute limit needs no store, and nothing puts it off", async () => {
    const { where, live, ends } = await opened(SHORT);
    for (let minute = 5; minute < 60; minute += 5) {
      where.clock.advance(5 * MINUTE);
      live.touch();
      await settled();
    }
    expect(ends).toEqual([]);
    where.faulty.always("read", hangs());
    where.clock.advance(5 * MINUTE);
    expect(ends).toEqual(["expired"]);
  });

  test("of what a sweep deletes is told as such", async () => {
    const { where, ends } = await opened({ ...SHORT, live: { checkEvery: "1h" } });
    const other = sibling(where, SHORT);
    const door = gate();
    where.faulty.always("read", waitsBefore(door));
    where.clock.advance(10 * MINUTE);
    await other.manager.sweep();
    expect(ends).toEqual(["expired"]);
    door.open();
  });

  test("that no timer can wait for is waited for all the same", async () => {
    const where = rig({ idle: "90d", absolute: "100d", deadline: "2d", live: { checkEvery: "1d" } });
    const { ends } = await connected(where, await loggedIn(where));
    await passes(where, 89 * DAY, 89);
    await passes(where, DAY - MINUTE, 1);
    expect(ends).toEqual([]);
    await passes(where, MINUTE, 1);
    expect(ends).toEqual(["expired"]);
  });
});

describe("looking", () => {
  test("reads each session once an interval, however many connections it has, and a little after the first", async () => {
    const where = rig({ store: deafStore() });
    const cookies = [await loggedIn(where), await loggedIn(where), await loggedIn(where)];
    for (const cookie of [...cookies, ...cookies]) await connected(where, cookie);
    where.faulty.forget();
    where.clock.advance(250);
    await settled();
    expect(where.faulty.count("read")).toBe(3);
    where.faulty.forget();
    await passes(where, 50 * SECOND, 200);
    expect(where.faulty.count("read")).toBe(30);
    expect(where.faulty.count()).toBe(30);
    await where.manager.close();
  });

  test("is seldom where the store tells", async () => {
    const { where } = await opened();
    await passes(where, 30 * SECOND, 20);
    where.faulty.forget();
    await passes(where, 5 * MINUTE, 200);
    expect(where.faulty.count("read")).toBe(10);
    await where.manager.close();
  });

  test("has a bounded number of reads under way, and loses none", async () => {
    const where = rig({ store: deafStore() });
    for (let index = 0; index < 100; index += 1) await connected(where, await loggedIn(where));
    const door = gate();
    where.faulty.forget();
    where.faulty.always("read", waitsBefore(door));
    where.clock.advance(250);
    await door.reached();
    await settled();
    expect(door.waiting).toBe(32);
    door.open();
    await settled();
    expect(where.faulty.count("read")).toBe(100);
    await where.manager.close();
  });

  test("that fails ends nothing, costs little, and tells of the end when the store is back", async () => {
    const where = rig({ store: deafStore() });
    const open: Open[] = [];
    const cookies: string[] = [];
    for (let index = 0; index < 200; index += 1) {
      cookies.push(await loggedIn(where));
      open.push(await connected(where, cookies[index]));
    }
    where.faulty.forget();
    where.faulty.always("read", failsBefore());
    where.clock.advance(250);
    await settled();
    // As many as were under way when the first failed, and not the two hundred that were due.
    expect(where.faulty.count("read")).toBeLessThanOrEqual(32);
    await passes(where, 90 * SECOND, 360);
    expect(open.every(({ ends }) => ends.length === 0)).toBe(true);
    expect(await codeOf(open[1]!.live.run(() => undefined))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    const other = sibling(where);
    where.faulty.heal();
    await done(other, cookies[0], (session) => session.logout());
    await passes(where, 5 * SECOND);
    expect(open[0]?.ends).toEqual(["ended"]);
    expect(open.filter(({ ends }) => ends.length > 0)).toHaveLength(1);
    await where.manager.close();
  });

  test("that fails for too long gives the connection up", async () => {
    const { where, ends, live } = await opened({
      store: deafStore(),
      live: { checkEvery: "5s", giveUpAfter: "1m" },
    });
    where.faulty.always("read", failsBefore());
    await passes(where, 55 * SECOND, 220);
    expect(ends).toEqual([]);
    await passes(where, 10 * SECOND);
    expect([ends, live.end]).toEqual([["unchecked"], "unchecked"]);
    expect(where.clock.pending).toBe(0);
  });

  test("that never comes back counts as one that fails", async () => {
    const { where, ends } = await opened({
      store: deafStore(),
      live: { checkEvery: "5s", giveUpAfter: "1m" },
    });
    where.faulty.always("read", hangs());
    await passes(where, 70 * SECOND, 280);
    expect(ends).toEqual(["unchecked"]);
  });

  test("that fails when the idle limit is reached goes on until the store can say, or for so long", async () => {
    const { where, ends, cookie } = await opened({ store: deafStore(), idle: "10m" });
    await passes(where, 9 * MINUTE + 50 * SECOND, 400);
    await done(sibling(where), cookie, () => undefined);
    where.faulty.always("read", failsBefore());
    await passes(where, 30 * SECOND, 120);
    expect(ends).toEqual([]);
    where.faulty.heal();
    await passes(where, 5 * SECOND);
    expect(ends).toEqual([]);
    await where.manager.close();
  });

  test("finds what happened between the load and the watch", async () => {
    const where = rig({ live: { checkEvery: "1h" } });
    const cookie = await loggedIn(where);
    const { session } = await visit(where, cookie);
    await done(sibling(where), cookie, (other) => other.logout());
    const live = where.manager.live(session as never);
    await passes(where, 60 * MINUTE, 20);
    expect(live.end).toBe("ended");
  });

  test("takes garbage for no session, and a newer record for an outage of its own", async () => {
    const { where, ends, record } = await opened({ store: deafStore() });
    const second = await connected(where, await loggedIn(where));
    await where.store.update(
      record.id,
      { now: where.clock.now(), epoch: record.epoch, set: { "~format": "99" } },
      { signal: new AbortController().signal },
    );
    await passes(where, MINUTE, 240);
    expect([ends, second.ends]).toEqual([[], []]);
    await passes(where, 2 * MINUTE, 240);
    expect([ends, second.ends]).toEqual([["unchecked"], []]);
    await where.manager.close();
  });

  test("that meets one newer record goes on with the others", async () => {
    const { where, record } = await opened({ store: deafStore() });
    for (let index = 0; index < 50; index += 1) await connected(where, await loggedIn(where));
    await where.store.update(
      record.id,
      { now: where.clock.now(), epoch: record.epoch, set: { "~format": "99" } },
      { signal: new AbortController().signal },
    );
    where.faulty.forget();
    where.clock.advance(250);
    await settled();
    expect(where.faulty.count("read")).toBe(51);
    await where.manager.close();
  });

  test("takes an older answer that comes last for what it is", async () => {
    const quiet = {
      store: deafStore(),
      idle: "1h",
      absolute: "1h",
      deadline: "1d",
      live: { checkEvery: "1d" },
    } as const;
    const { where, cookie, live, ends } = await opened(quiet);
    const door = gate();
    where.faulty.next("read", waitsAfter(door));
    const slow = live.run(() => undefined);
    slow.catch(() => undefined);
    await door.reached();
    where.clock.advance(30 * MINUTE);
    const after = await done(sibling(where, quiet), cookie, (session) => session.reauthenticate());
    const again = await connected(where, after);
    expect(ends).toEqual(["stale"]);
    door.open();
    expect(await codeOf(slow)).toBe("ERR_SESSION_GONE");
    where.clock.advance(31 * MINUTE);
    await settled();
    expect(again.ends).toEqual([]);
    again.live.close();
  });

  test("a store whose subscribe throws is one that tells nothing", async () => {
    const store = new Proxy(memoryStore(), {
      get: (inner, name) => {
        if (name === "subscribe")
          return () => {
            throw new Error("no connection");
          };
        const value: unknown = Reflect.get(inner, name);
        return typeof value === "function" ? value.bind(inner) : value;
      },
    });
    const clock = manualClock();
    const manager = new SessionManager({ store, clock, sweepEvery: false });
    const failures: unknown[] = [];
    manager.on("storeFailure", ({ operation }) => void failures.push(operation));
    const where = { manager, clock } as unknown as Rig;
    const cookie = await loggedIn(where);
    const { ends } = await connected(where, cookie);
    expect(failures).toEqual(["subscribe"]);
    await done(where, cookie, (session) => session.logout());
    expect(ends).toEqual(["ended"]);
  });

  test("options out of range are refused", () => {
    const made = (live: object) => () => new SessionManager({ store: memoryStore(), live });
    expect(made({ checkEvery: "50ms" })).toThrow(/from 100 ms to a day/);
    expect(made({ checkEvery: "2d" })).toThrow(/from 100 ms to a day/);
    expect(made({ checkEvery: "1m", giveUpAfter: "1m" })).toThrow(/not longer than/);
    expect(made({ interval: "1m" })).toThrow(/interval/);
    expect(new SessionManager({ store: memoryStore() }).describePolicy().live).toEqual({
      checkEveryMs: 30_000,
      giveUpAfterMs: 120_000,
    });
    expect(new SessionManager({ store: deafStore() }).describePolicy().live.checkEveryMs).toBe(5000);
  });
});

describe("a message", () => {
  test("works on a session read anew, and is stored when it resolves", async () => {
    const { where, live, cookie, record } = await opened();
    await done(where, cookie, (session) => void session.set("n", 5));
    where.faulty.forget();
    const result = await live.run((session) => {
      expect([session.id, session.user, session.isNew]).toEqual([record.id, "ann", false]);
      return session.increment("n");
    });
    expect(result).toBe(6);
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
    expect(await seen(where, cookie)).toEqual({ n: 6 });
  });

  test("that commits by itself knows what it has stored, however many overlap", async () => {
    const { live } = await opened();
    const counts = await Promise.all(
      Array.from({ length: 20 }, () =>
        live.run(async (session) => {
          session.increment("n");
          await session.commit();
          return Number(session.data["n"]);
        }),
      ),
    );
    expect(counts.toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    live.close();
  });

  test("that changes nothing costs one read", async () => {
    const { where, live } = await opened();
    where.faulty.forget();
    expect(await live.run((session) => session.data["n"])).toBe(0);
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read"]);
  });

  test("counts exactly beside others and beside requests", async () => {
    const { where, live, cookie } = await opened();
    const second = await connected(sibling(where), cookie);
    await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        if (index % 3 === 0) return live.run((session) => void session.increment("n"));
        if (index % 3 === 1) return second.live.run(async (session) => void session.increment("n"));
        return done(where, cookie, (session) => void session.increment("n"));
      }),
    );
    expect(await seen(where, cookie)).toEqual({ n: 60 });
  });

  test("that fails changes nothing, but for a logout", async () => {
    const { where, live, cookie, ends } = await opened();
    const error = new Error("the handler failed");
    await expect(
      live.run((session) => {
        session.set("n", 9);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await seen(where, cookie)).toEqual({ n: 0 });
    await expect(
      live.run(async (session) => {
        session.logout();
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await seen(where, cookie)).toBeNull();
    expect(ends).toEqual(["ended"]);
  });

  test("that fails says so, though its logout failed too", async () => {
    const { where, live } = await opened();
    where.faulty.always("delete", failsBefore());
    const error = new Error("the handler failed");
    const work = live.run((session) => {
      session.logout();
      throw error;
    });
    work.catch(() => undefined);
    for (let step = 0; step < 20; step += 1) {
      await settled();
      where.clock.advance(500);
    }
    await expect(work).rejects.toBe(error);
    live.close();
  });

  test("may log out", async () => {
    const { where, live, cookie, ends } = await opened();
    await live.run((session) => session.logout());
    expect(ends).toEqual(["ended"]);
    expect(await seen(where, cookie)).toBeNull();
    expect(await codeOf(live.run(() => undefined))).toBe("ERR_SESSION_GONE");
  });

  test("cannot do what needs a cookie, and changes nothing by trying", async () => {
    const { where, live, cookie, ends } = await opened();
    for (const verb of [
      (session: AnySession) => session.login("bob"),
      (session: AnySession) => session.login("ann"),
      (session: AnySession) => session.reauthenticate(),
      (session: AnySession) => session.rotate(),
    ]) {
      await expect(live.run(verb)).rejects.toThrow(/needs a cookie, which a live connection cannot carry/);
      expect(await codeOf(live.run(verb))).toBe("ERR_SESSION_SENT");
    }
    expect(await seen(where, cookie)).toEqual({ n: 0 });
    expect(ends).toEqual([]);
    live.close();
  });

  test("without a session may look, and what it stages is refused with the reason", async () => {
    const where = rig();
    const { live, ends } = await connected(where);
    expect(live).toMatchObject({ id: null, user: null });
    expect(await live.run((session) => [session.isNew, session.data["a"]])).toEqual([true, undefined]);
    await expect(live.run((session) => void session.set("a", 1))).rejects.toThrow(/needs a cookie/);
    expect(await codeOf(live.run((session) => session.login("ann")))).toBe("ERR_SESSION_SENT");
    live.touch();
    await passes(where, 10 * MINUTE);
    expect(where.faulty.count()).toBe(0);
    expect(ends).toEqual([]);
    live.close();
  });

  test("after the acknowledged end stores nothing, and says so", async () => {
    for (const makeStore of [memoryStore, deafStore]) {
      for (const change of [
        (session: AnySession) => void session.set("n", 7),
        (session: AnySession) => void session.increment("n"),
      ]) {
        const { where, cookie, live, record } = await opened({ store: makeStore() });
        const door = gate();
        const other = sibling(where);
        const work = live.run(async (session) => {
          change(session);
          await door.passage();
        });
        work.catch(() => undefined);
        await door.reached();
        await other.manager.revoke(record.id);
        door.open();
        expect(await codeOf(work)).toBe("ERR_SESSION_GONE");
        expect(await recordsOf(where)).toEqual([]);
        expect(await seen(where, cookie)).toBeNull();
        live.close();
      }
    }
  });

  test("under an epoch that is left behind stores nothing", async () => {
    const { where, cookie, live } = await opened();
    const door = gate();
    const work = live.run(async (session) => {
      session.set("n", 7);
      await door.passage();
    });
    work.catch(() => undefined);
    await door.reached();
    const after = await done(where, cookie, (session) => session.rotate());
    door.open();
    expect(await codeOf(work)).toBe("ERR_SESSION_GONE");
    expect(await seen(where, after)).toEqual({ n: 0 });
  });

  test("meets an outage as a request does", async () => {
    const { where, live, ends } = await opened();
    where.faulty.next("read", failsBefore());
    expect(await codeOf(live.run(() => undefined))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    where.faulty.always("update", failsBefore());
    expect(await codeOf(live.run((session) => void session.set("n", 1)))).toBe("ERR_SESSION_UNKNOWN");
    expect(ends).toEqual([]);
    live.close();
  });

  test("leaves a session behind that takes nothing any more", async () => {
    const { live } = await opened();
    let kept: AnySession | undefined;
    await live.run((session) => void (kept = session));
    expect(await codeOf(() => kept?.set("n", 1))).toBe("ERR_SESSION_SENT");
    live.close();
  });

  test("calls the startRequest of one's own class, and runs within its context", async () => {
    const started = vi.fn<() => void>();
    class Own extends Session {
      override startRequest(): void {
        started();
      }
    }
    const clock = manualClock();
    const manager = new SessionManager({ store: memoryStore(), clock, sessionClass: Own, context: true });
    const exchange = testExchange();
    const session = await manager.startRequest(exchange);
    session.login("ann");
    await session.commit();
    const live = manager.live(session);
    started.mockClear();
    const { currentSession } = await import("../../src/index.ts");
    expect(await live.run((own) => currentSession() === own)).toBe(true);
    expect(started).toHaveBeenCalledOnce();
    clock.advance(2 * MINUTE);
    live.touch();
    await settled();
    expect(started).toHaveBeenCalledOnce();
    await manager.close();
  });
});

describe("activity", () => {
  test("puts the expiry off, no more often than the resolution", async () => {
    const { where, live, ends, cookie } = await opened({
      idle: "10m",
      accessTimeResolution: "30s",
      deadline: "1h",
    });
    where.faulty.forget();
    live.touch();
    await settled();
    expect(where.faulty.count()).toBe(0);
    for (let second = 0; second < 20 * 60; second += 1) {
      where.clock.advance(SECOND);
      live.touch();
      await settled();
    }
    await settled();
    expect(ends).toEqual([]);
    expect(where.faulty.count("update")).toBeLessThanOrEqual(40);
    expect(where.faulty.count("update")).toBeGreaterThan(30);
    expect(await seen(where, cookie)).toEqual({ n: 0 });
    where.clock.advance(10 * MINUTE);
    await settled();
    expect(ends).toEqual(["expired"]);
  });

  test("is what a message is, too", async () => {
    const { where, live, cookie } = await opened({ idle: "10m" });
    where.clock.advance(9 * MINUTE);
    await live.run(() => undefined);
    where.clock.advance(9 * MINUTE);
    expect(await seen(where, cookie)).toEqual({ n: 0 });
    live.close();
  });

  test("that fails harms nobody, and is not tried at every message", async () => {
    const { where, live, ends } = await opened();
    where.faulty.always("read", failsBefore());
    where.clock.advance(2 * MINUTE);
    await settled();
    where.faulty.forget();
    for (let index = 0; index < 10; index += 1) live.touch();
    await settled();
    expect(where.faulty.count("read")).toBe(1);
    expect(ends).toEqual([]);
    live.close();
  });
});

test("the manager of nothing has live sessions of nothing", async () => {
  const manager = new NullSessionManager();
  const live = manager.live(manager.startRequest(testExchange()));
  expect(live).toMatchObject({ id: null, user: null, end: null });
  expect(await live.run((session) => session.set("a", 1).get("a"))).toBe(1);
  live.onEnd(() => expect.unreachable())();
  live.touch();
  live.close();
  expect(live.signal.aborted).toBe(true);
});
