import { describe, expect, test } from "vitest";
import { Session, SessionManager } from "../../src/index.ts";
import type { AnySession } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { failsBefore, gate, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  noUnhandledRejections,
  recordsOf,
  rig,
  seen,
  setCookies,
  settled,
  stored,
  visit,
} from "../races/rig.ts";
import { testExchange } from "../support/exchange.ts";

noUnhandledRejections();

describe("an anonymous request", () => {
  test("calls no store, waits for nothing and sets nothing", () => {
    const where = rig();
    const exchange = testExchange();
    const session = where.manager.startRequest(exchange);
    expect(session).toBeInstanceOf(Session);
    expect(where.manager.finishSuccessfulRequest(exchange)).toBeUndefined();
    expect(where.faulty.calls).toEqual([]);
    expect(exchange.cookies).toEqual([]);
    expect([...exchange.headers]).toEqual([]);
  });

  test("calls no store for a cookie that is no token", () => {
    const where = rig();
    const exchange = testExchange({ cookie: "__Host-Http-sid=../../etc/passwd" });
    expect(where.manager.startRequest(exchange)).toBeInstanceOf(Session);
    expect(where.faulty.calls).toEqual([]);
  });

  test("that failed waits for nothing either", () => {
    const where = rig();
    const exchange = testExchange();
    void where.manager.startRequest(exchange);
    expect(where.manager.finishFailedRequest(exchange)).toBeUndefined();
    expect(where.manager.finishLate(exchange)).toBeUndefined();
    expect(where.manager.abandon(exchange)).toBeUndefined();
  });
});

describe("what a request costs", () => {
  async function callsOf(
    handler: (session: AnySession) => unknown,
    fields: object = { a: 1 },
  ): Promise<string[]> {
    const where = rig();
    const cookie = await stored(where, fields);
    where.faulty.forget();
    await done(where, cookie, async (session) => void (await handler(session)));
    return where.faulty.calls.map((call) => call.operation);
  }

  test("unchanged, one read", async () => {
    expect(await callsOf((session) => session.data.a)).toEqual(["read"]);
  });

  test("changed, a read and an update", async () => {
    expect(await callsOf((session) => void (session.data.b = 1))).toEqual(["read", "update"]);
  });

  test("read and then changed, no more", async () => {
    expect(await callsOf((session) => void (session.data.a = Number(session.data.a) + 1))).toEqual([
      "read",
      "update",
    ]);
  });

  test("incremented, no more", async () => {
    expect(await callsOf((session) => session.increment("a"))).toEqual(["read", "update"]);
  });

  test("logged in, two marks beside", async () => {
    expect(await callsOf((session) => session.login("ann"))).toEqual(["read", "update", "read", "read"]);
  });

  test("logged out, a read and a delete", async () => {
    expect(await callsOf((session) => session.logout())).toEqual(["read", "delete"]);
  });

  test("with a claim, one update more", async () => {
    expect(await callsOf((session) => session.claim("a"), { a: 1, b: 2 })).toEqual(["read", "update"]);
  });

  test("with a claim of what is not there, none more", async () => {
    expect(await callsOf((session) => session.claim("nothing"))).toEqual(["read"]);
  });

  test("assigned the value it has, one read", async () => {
    expect(await callsOf((session) => void (session.data.a = 1))).toEqual(["read"]);
  });

  test("the two reads of a login travel together", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    const marks = gate();
    where.faulty.next("read", waitsBefore(marks), 2);
    const finishing = one.finish();
    await marks.reached(2);
    marks.open();
    await finishing;
  });
});

describe("a request that failed", () => {
  test("changes nothing", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = 2;
    await one.fail();
    expect(await seen(where, cookie)).toEqual({ a: 1 });
  });

  test("sets no cookie for what it staged", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    await one.fail();
    expect(one.exchange.cookies).toEqual([]);
    expect(await recordsOf(where)).toEqual([]);
  });

  test("logs out all the same, and stores nothing of the new session", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    one.session.data.b = 1;
    await one.fail();
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });

  test("does not log out with endOnFailure false, not even afterwards", async () => {
    const where = rig({ endOnFailure: false });
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    await one.fail();
    await where.manager.finishLate(one.exchange);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
    expect(one.exchange.cookies).toEqual([]);
  });

  test("keeps what commit() stored, and its cookie", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    await one.session.commit();
    one.session.data.a = 2;
    await one.fail();
    expect(one.exchange.cookies).toHaveLength(1);
    expect((await recordsOf(where))[0]?.fields["a"]).toBe("1");
  });

  test("because its commit failed stores nothing afterwards", async () => {
    const where = rig({ onConflict: "fail" });
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = Number(one.session.data.a) + 1;
    await done(where, cookie, (session) => void (session.data.a = 10));
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_CONFLICT");
    await where.manager.finishLate(one.exchange);
    expect(await seen(where, cookie)).toEqual({ a: 10 });
    expect(where.of("late")).toEqual([]);
  });

  test("because a value cannot be stored logs out all the same", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    one.session.data.bad = (): void => undefined;
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_VALUE");
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });
});

describe("a logout that cannot reach the store", () => {
  test("tries again, then fails, leaves the cookie and can be repeated", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.always("delete", failsBefore());
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(where.faulty.count("delete")).toBeGreaterThan(1);
    expect(one.exchange.cookies).toEqual([]);
    where.faulty.heal();
    const again = await visit(where, cookie);
    expect(again.session.isNew).toBe(false);
    again.session.logout();
    await again.finish();
    expect(setCookies(again.exchange)).toEqual([""]);
  });

  test("takes place when a retry reaches it", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.next("delete", failsBefore(), 2);
    await one.finish();
    expect(await recordsOf(where)).toEqual([]);
    expect(where.of("ended")).toHaveLength(1);
  });
});

describe("the session object", () => {
  test("is told once that its request starts", async () => {
    let starts = 0;
    class Counting extends Session {
      override startRequest(): void {
        starts += 1;
      }
    }
    const where = rig({ sessionClass: Counting as never });
    const cookie = await stored(where);
    starts = 0;
    const exchange = testExchange({ cookie });
    const [one, other] = await Promise.all([
      where.manager.startRequest(exchange),
      where.manager.startRequest(exchange),
    ]);
    expect(await where.manager.startRequest(exchange)).toBe(one);
    expect(other).toBe(one);
    expect(starts).toBe(1);
    expect(where.faulty.count("read")).toBe(1);
  });

  test("that looks at itself in its constructor makes the response depend on the cookie", async () => {
    class Looking extends Session {
      readonly had: unknown = this.data["a"];
    }
    const where = rig({ sessionClass: Looking as never });
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    await one.finish();
    expect(one.exchange.headers.get("vary")).toBe("Cookie");
  });

  test("of a subclass that finds nothing worth keeping ends", async () => {
    class Strict extends Session {
      override hasInfo(): boolean {
        return this.has("cart");
      }
    }
    const where = rig({ sessionClass: Strict as never });
    const cookie = await stored(where, { cart: 1, other: 2 });
    await done(where, cookie, (session) => void session.delete("cart"));
    expect(await recordsOf(where)).toEqual([]);
  });
});

describe("hasSessionCookie", () => {
  test("tells whether a cookie came, and with mustExist whether it opens a session", async () => {
    const where = rig();
    const cookie = await stored(where);
    const none = testExchange();
    expect(await where.manager.hasSessionCookie(none)).toBe(false);
    const wrong = testExchange({ cookie: "__Host-Http-sid=nonsense" });
    expect(await where.manager.hasSessionCookie(wrong)).toBe(true);
    expect(await where.manager.hasSessionCookie(wrong, { mustExist: true })).toBe(false);
    const right = testExchange({ cookie });
    expect(await where.manager.hasSessionCookie(right, { mustExist: true })).toBe(true);
  });

  test("makes the response depend on the cookie", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    await where.manager.hasSessionCookie(one.exchange);
    await one.finish();
    expect(one.exchange.headers.get("vary")).toBe("Cookie");
    const anonymous = await visit(where);
    await where.manager.hasSessionCookie(anonymous.exchange);
    await anonymous.finish();
    expect(anonymous.exchange.headers.get("vary")).toBe("Cookie");
  });

  test("is false once this request revoked the cookie", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    where.manager.revokeSessionCookie(one.exchange);
    expect(await where.manager.hasSessionCookie(one.exchange)).toBe(false);
    await one.finish();
    expect(setCookies(one.exchange)).toEqual([""]);
  });
});

describe("maintainSession", () => {
  test("keeps a session with information and stages the end of one that lost it", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const kept = await visit(where, cookie);
    expect(await where.manager.maintainSession(kept.exchange)).toBe(true);
    await kept.finish();
    const emptied = await visit(where, cookie);
    delete emptied.session.data.a;
    expect(await where.manager.maintainSession(emptied.exchange)).toBe(false);
    expect(await recordsOf(where)).toHaveLength(1);
    await emptied.finish();
    expect(await recordsOf(where)).toEqual([]);
    const anonymous = await visit(where);
    expect(await where.manager.maintainSession(anonymous.exchange)).toBe(false);
    await anonymous.finish();
    expect(anonymous.exchange.cookies).toEqual([]);
  });
});

describe("clearSession", () => {
  test("forgets the request: nothing is stored, nothing ended", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.manager.clearSession(one.exchange);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });
});

describe("the cookie verbs of the seed", () => {
  test("refuse once the response has left, and for a request that was not started", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    await one.finish();
    expect(await codeOf(() => where.manager.revokeSessionCookie(one.exchange))).toBe("ERR_SESSION_SENT");
    expect(await codeOf(() => where.manager.revokeSessionCookie(testExchange()))).toBe("ERR_SESSION_USE");
  });
});

describe("an outage at load", () => {
  test("fails the request, which can be started again", async () => {
    const where = rig();
    const cookie = await stored(where);
    const exchange = testExchange({ cookie });
    where.faulty.next("read", failsBefore());
    expect(await codeOf(async () => where.manager.startRequest(exchange))).toBe(
      "ERR_SESSION_STORE_UNAVAILABLE",
    );
    expect((await where.manager.startRequest(exchange)).isNew).toBe(false);
  });

  test('with "anonymous" gives a read-only session whose cookie is left alone', async () => {
    const where = rig({ onStoreFailure: "anonymous" });
    const cookie = await stored(where);
    where.faulty.forget();
    where.faulty.always("read", failsBefore());
    const one = await visit(where, cookie);
    expect(one.session.isNew).toBe(true);
    for (const verb of [
      () => void (one.session.data.a = 1),
      () => one.session.logout(),
      () => one.session.login("ann"),
      () => one.session.rotate(),
      () => one.session.commit(),
      () => one.session.claim("a"),
    ]) {
      expect(await codeOf(async () => verb())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    }
    await one.finish();
    expect(one.exchange.cookies).toEqual([]);
    expect(where.faulty.count("create")).toBe(0);
  });

  test("the first set-up that fails is tried again by the next call", async () => {
    const where = rig();
    where.faulty.always("setup", () => Promise.reject(undefined));
    const one = await visit(where);
    one.session.data.a = 1;
    expect(await codeOf(one.finish())).not.toBe("no error");
    where.faulty.heal();
    expect(await seen(where, await stored(where))).toEqual({ here: 1 });
  });
});

describe("touching", () => {
  test("is throttled, grows only, and runs beside the response where the platform allows", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(60_000);
    const early = await visit(where, cookie);
    await early.finish();
    expect(where.faulty.count("update")).toBe(0);
    where.clock.advance(1);
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const due = await visit(where, cookie);
    await due.finish();
    expect(due.exchange.background).toHaveLength(1);
    held.open();
    await Promise.all(due.exchange.background);
    const [record] = await recordsOf(where);
    expect(record?.accessedAt).toBe(where.clock.now());
    expect(record?.version).toBe(1);
  });

  test("is waited for where nothing runs after the response", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(60_001);
    const exchange = { ...testExchange({ cookie }) };
    delete (exchange as { waitUntil?: unknown }).waitUntil;
    await where.manager.startRequest(exchange);
    const finishing = where.manager.finishSuccessfulRequest(exchange);
    expect(finishing).toBeInstanceOf(Promise);
    await finishing;
    expect((await recordsOf(where))[0]?.accessedAt).toBe(where.clock.now());
  });

  test("that fails harms nobody", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(60_001);
    where.faulty.always("update", failsBefore());
    await done(where, cookie, () => undefined);
  });
});

describe("expiry", () => {
  test("is at the very millisecond of the idle limit", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    const cookie = await stored(where);
    where.clock.advance(3_599_999);
    expect(await seen(where, cookie)).not.toBeNull();
    where.clock.advance(1);
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("expired")).toHaveLength(1);
  });

  test("at the absolute limit comes however busy the session is", async () => {
    const where = rig({ idle: "1h", absolute: "2h" });
    const cookie = await stored(where);
    for (let turn = 0; turn < 5; turn += 1) {
      where.clock.advance(20 * 60_000);
      await done(where, cookie, (session) => void session.increment("n"));
    }
    where.clock.advance(20 * 60_000 - 1);
    expect(await seen(where, cookie)).not.toBeNull();
    where.clock.advance(1);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("of a remembered session is when the login said, and the cookie says so", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    const one = await visit(where);
    one.session.login("ann", { remember: "30d" });
    await one.finish();
    expect(one.exchange.cookies[0]?.maxAge).toBe(30 * 86_400);
    where.clock.advance(29 * 86_400_000);
    expect(await seen(where, `__Host-Http-sid=${one.exchange.cookies[0]?.value}`)).not.toBeNull();
    where.clock.advance(86_400_000);
    expect(await seen(where, `__Host-Http-sid=${one.exchange.cookies[0]?.value}`)).toBeNull();
  });

  test("during the request drops its changes with an event, and leaves the cookie", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.data.a = 1;
    where.clock.advance(3_600_000);
    await one.finish();
    expect(where.of("gone")).toEqual([expect.objectContaining({ reason: "gone", fields: ["a"] })]);
    expect(one.exchange.cookies).toEqual([]);
  });
});

describe("late changes", () => {
  test("are stored with an event where the adapter commits late", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie, { commitsLate: true });
    await one.finish();
    one.session.data.late = 1;
    await where.manager.finishLate(one.exchange);
    expect(where.of("late")).toEqual([expect.objectContaining({ fields: ["late"], saved: true })]);
    expect(await seen(where, cookie)).toEqual({ here: 1, late: 1 });
  });

  test("are refused at the verb elsewhere", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    await one.finish();
    for (const verb of [
      () => void (one.session.data.late = 1),
      () => one.session.logout(),
      () => one.session.commit(),
    ])
      expect(await codeOf(async () => verb())).toBe("ERR_SESSION_SENT");
  });

  test("never make a session, and no privilege changes", async () => {
    const where = rig();
    const one = await visit(where, undefined, { commitsLate: true });
    await one.finish();
    one.session.data.late = 1;
    expect(await codeOf(() => one.session.login("ann"))).toBe("ERR_SESSION_SENT");
    expect(await codeOf(() => one.session.rotate())).toBe("ERR_SESSION_SENT");
    await where.manager.finishLate(one.exchange);
    expect(where.of("late")).toEqual([expect.objectContaining({ saved: false })]);
    expect(await recordsOf(where)).toEqual([]);
  });

  test("that end the session end it", async () => {
    const where = rig();
    const one = await visit(where, await stored(where), { commitsLate: true });
    await one.finish();
    one.session.logout();
    await where.manager.finishLate(one.exchange);
    expect(await recordsOf(where)).toEqual([]);
    expect(one.exchange.cookies).toEqual([]);
  });
});

describe("a request that is never answered", () => {
  test("drops what it staged, with an event", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.data.a = 1;
    await where.manager.abandon(one.exchange);
    expect(where.of("abandoned")).toEqual([expect.objectContaining({ fields: ["a"] })]);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("logs out all the same", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    one.session.logout();
    await where.manager.abandon(one.exchange);
    await Promise.all(one.exchange.background);
    expect(await recordsOf(where)).toEqual([]);
  });
});

describe("a client that leaves before its answer", () => {
  test("is no failure: a handler that goes on to answer has its changes stored", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.data.a = 1;
    await where.manager.abandon(one.exchange);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1, a: 1 });
  });
});

describe("where no cookie can be set", () => {
  test("nothing is minted or rotated, and plain changes are stored", async () => {
    const where = rig({ rotateEvery: "10m" });
    const cookie = await stored(where);
    where.clock.advance(700_000);
    const one = await visit(where, cookie);
    one.exchange.canSetCookie = false;
    one.session.data.a = 1;
    expect(await codeOf(() => one.session.login("ann"))).toBe("ERR_SESSION_SENT");
    await one.finish();
    expect(where.of("rotated")).toEqual([]);
    expect(await seen(where, cookie)).toEqual({ here: 1, a: 1 });

    const fresh = await visit(where);
    fresh.exchange.canSetCookie = false;
    fresh.session.data.a = 1;
    expect(await codeOf(fresh.finish())).toBe("ERR_SESSION_SENT");
    expect(await recordsOf(where)).toHaveLength(1);
  });
});

describe("close", () => {
  test("waits for what runs beside responses", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(60_001);
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    await (await visit(where, cookie)).finish();
    let closed = false;
    const closing = where.manager.close().then(() => (closed = true));
    await settled();
    expect(closed).toBe(false);
    held.open();
    await closing;
    expect(where.faulty.count("close")).toBe(1);
  });

  test("waits for the sweep that is under way, and starts none after it", async () => {
    const where = rig({ sweepEvery: "10m" });
    await stored(where);
    const held = gate();
    where.faulty.next("sweep", waitsBefore(held));
    where.clock.advance(7 * 60_000);
    while (where.faulty.count("sweep") === 0) {
      where.clock.advance(1000);
      await settled();
    }
    await held.reached();
    const closing = where.manager.close();
    await settled();
    expect(where.faulty.count("close")).toBe(0);
    held.open();
    await closing;
    where.clock.advance(3_600_000);
    await settled();
    expect(where.faulty.count("sweep")).toBe(1);
    expect(where.clock.pending).toBe(0);
  });
});

describe("describePolicy", () => {
  test("tells the policy in force", () => {
    const manager = new SessionManager({ store: memoryStore(), preset: "aal2", deadline: "1s" });
    expect(manager.describePolicy()).toMatchObject({
      lifetime: { preset: "aal2", idleMs: 3_600_000, absoluteMs: 86_400_000 },
      failure: { deadlineMs: 1000, onStoreFailure: "fail", endOnFailure: true },
    });
  });
});

describe("duplicate cookies", () => {
  test("of equal value count once", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.faulty.forget();
    expect(await seen(where, `${cookie}; ${cookie}`)).toEqual({ here: 1 });
    expect(where.faulty.count("read")).toBe(1);
  });

  test("that open different sessions open none, and are left alone", async () => {
    const where = rig();
    const one = await visit(where, `${await stored(where)}; ${await stored(where)}`);
    expect(one.session.isNew).toBe(true);
    await one.finish();
    expect(one.exchange.cookies).toEqual([]);
    expect(where.of("rejected")).toEqual([{ reason: "ambiguous", address: null }]);
  });

  test("of which one opens nothing open the other", async () => {
    const where = rig();
    const cookie = await stored(where);
    expect(await seen(where, `__Host-Http-sid=${"A".repeat(56)}; ${cookie}`)).toEqual({ here: 1 });
  });

  test("of more than three values open none, and call no store", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.faulty.forget();
    const many = ["a", "b", "c"].map((value) => `__Host-Http-sid=${value}`).join("; ");
    expect(await seen(where, `${many}; ${cookie}`)).toBeNull();
    expect(where.faulty.calls).toEqual([]);
  });
});
