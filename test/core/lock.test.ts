import { describe, expect, test } from "vitest";
import { Session, type SessionId } from "../../src/index.ts";
import { refusal, rejection, site } from "../support/site.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Ann, idle for longer than an hour. */
async function locked(options: Parameters<typeof site>[0] = { preset: "aal2" }) {
  const where = site(options);
  const login = await where.visit(undefined, (session) => {
    session.login("ann", { methods: ["pwd", "otp"], level: "aal2" });
    session.data["cart"] = ["tea"];
    session.flash("notice", "Welcome");
  });
  where.clock.advance(HOUR + 1);
  return { ...where, cookie: login.cookie };
}

describe("NIST N6: what the idle limit of aal2 locks", () => {
  test("shows nothing of the user's but who it is", async () => {
    const { read, cookie } = await locked();
    const shown = await read(cookie, (session) => ({
      user: session.user,
      lockedUser: session.lockedUser,
      methods: session.methods,
      level: session.level,
      cart: session.data["cart"],
      has: session.has("cart"),
      keys: session.keys(),
      flash: session.flash("notice"),
      remoteAddress: session.remoteAddress,
      isNew: session.isNew,
    }));
    expect(shown).toEqual({
      user: null,
      lockedUser: "ann",
      methods: [],
      level: null,
      cart: undefined,
      has: false,
      keys: [],
      flash: [],
      remoteAddress: null,
      isNew: false,
    });
  });

  test("refuses every change with 401, and stays as it was", async () => {
    const { open, read, manager, cookie } = await locked();
    const { session, exchange } = await open(cookie);
    const changes: (() => unknown)[] = [
      () => (session.data["cart"] = []),
      () => session.set("a", 1),
      () => session.delete("cart"),
      () => session.update("cart", () => 1),
      () => session.increment("n"),
      () => session.take("cart"),
      () => session.flash("notice", "x"),
    ];
    for (const change of changes)
      expect(refusal(change)).toMatchObject({ code: "ERR_SESSION_LOCKED", status: 401 });
    expect(await rejection(session.claim("cart"))).toMatchObject({ code: "ERR_SESSION_LOCKED" });
    await manager.finishSuccessfulRequest(exchange);
    await read(cookie, (again) => again.unlock());
    expect(await read(cookie, ({ lockedUser }) => lockedUser)).toBe("ann");
  });

  test("is locked still after requests, touches and tokens of forms", async () => {
    const { visit, read, cookie } = await locked();
    const { result: tokens } = await visit(cookie, (session) => ({
      csrf: session.csrfToken(),
      form: session.createFormToken(),
    }));
    await visit(cookie, () => undefined);
    await visit(cookie, (session) => {
      expect(session.isCsrfToken((tokens as { csrf: string }).csrf)).toBe(true);
      expect(session.removeFormToken((tokens as { form: string }).form)).toBe(true);
    });
    expect(await read(cookie, ({ lockedUser }) => lockedUser)).toBe("ann");
  });

  test("is opened by unlock: a new secret, all of the data, the limits of before", async () => {
    const { visit, read, clock, cookie } = await locked();
    const { cookie: next, session } = await visit(cookie, (one) => {
      one.unlock();
      expect(one.user).toBe("ann");
      expect(one.data["cart"]).toEqual(["tea"]);
      (one.data["cart"] as string[]).push("rice");
    });
    expect(next).not.toBe(cookie);
    expect(session.lockedUser).toBeNull();
    expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
    const after = await read(next, (one) => ({
      cart: one.data["cart"],
      methods: one.methods,
      level: one.level,
      authenticated: clock.now() - (one.authenticatedAt ?? 0),
      ends: (one.endsAt ?? 0) - clock.now(),
    }));
    expect(after).toEqual({
      cart: ["tea", "rice"],
      methods: ["pwd", "otp"],
      level: "aal2",
      authenticated: HOUR + 1,
      ends: 23 * HOUR - 1,
    });
    clock.advance(HOUR + 1);
    expect(await read(next, ({ lockedUser }) => lockedUser)).toBe("ann");
  });

  test("has its absolute limit: nothing opens it afterwards", async () => {
    const { read, clock, cookie } = await locked();
    clock.advance(23 * HOUR - 2);
    expect(await read(cookie, ({ lockedUser }) => lockedUser)).toBe("ann");
    clock.advance(1);
    expect(await read(cookie, ({ lockedUser, isNew }) => [lockedUser, isNew])).toEqual([null, true]);
  });

  test("is opened by a whole login of the same user too, and left by that of another", async () => {
    const { visit, manager, read, cookie } = await locked();
    const other = await visit(cookie, (session) => session.login("bob"));
    expect(await manager.sessionsOf("ann")).toEqual([]);
    expect(await read(other.cookie, ({ user, data }) => [user, data["cart"]])).toEqual(["bob", undefined]);

    const same = await locked();
    const again = await same.visit(same.cookie, (session) => session.login("ann"));
    expect(await same.read(again.cookie, ({ user, data }) => [user, data["cart"]])).toEqual(["ann", ["tea"]]);
  });

  test("is opened by a re-authentication, which counts both limits anew", async () => {
    const { visit, read, clock, cookie } = await locked();
    const again = await visit(cookie, (session) => session.reauthenticate({ methods: ["hwk"] }));
    expect(await read(again.cookie, ({ user, endsAt }) => [user, (endsAt ?? 0) - clock.now()])).toEqual([
      "ann",
      24 * HOUR,
    ]);
  });

  test("can be ended", async () => {
    const { visit, manager, cookie } = await locked();
    await visit(cookie, (session) => session.logout());
    expect(await manager.sessionsOf("ann")).toEqual([]);
  });

  test("is no longer open when the request that opened it fails", async () => {
    const { open, manager, read, cookie } = await locked();
    const { session, exchange } = await open(cookie);
    session.unlock();
    await manager.finishFailedRequest(exchange);
    expect(session.lockedUser).toBe("ann");
    expect(session.data["cart"]).toBeUndefined();
    expect(await read(cookie, ({ lockedUser }) => lockedUser)).toBe("ann");
  });

  test("is listed as locked, and not as used since", async () => {
    const { visit, manager, clock, cookie } = await locked();
    await visit(cookie, () => undefined);
    const [info] = await manager.sessionsOf("ann");
    expect(info).toMatchObject({ state: "locked", user: "ann", level: "aal2" });
    expect(clock.now() - (info?.accessedAt ?? 0)).toBe(HOUR + 1);
  });

  test("a subclass that decides what is worth keeping cannot end it by what it does not see", async () => {
    class OfAnyData extends Session {
      override hasInfo(): boolean {
        return this.has("cart");
      }
    }
    const { visit, manager, cookie } = await locked({ preset: "aal2", sessionClass: OfAnyData });
    await visit(cookie, () => undefined);
    expect(await manager.sessionsOf("ann")).toHaveLength(1);
  });
});

test("before the idle limit nothing is locked, and activity keeps it so", async () => {
  const { visit, read, clock } = site({ preset: "aal2" });
  const { cookie } = await visit(undefined, (session) => session.login("ann"));
  for (let i = 0; i < 5; i += 1) {
    clock.advance(50 * MINUTE);
    await visit(cookie, ({ user }) => expect(user).toBe("ann"));
  }
  const until = await read(cookie, ({ activeUntil }) => (activeUntil ?? 0) - clock.now());
  expect(until).toBe(HOUR);
});

test("a visitor who is nobody's user is ended by the idle limit", async () => {
  const { visit, read, clock } = site({ preset: "aal2" });
  const { cookie } = await visit(undefined, ({ data }) => void (data["cart"] = []));
  clock.advance(HOUR);
  expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
});

describe("a session whose user cannot be read any more", () => {
  const UNREADABLE = ["", "null", '{"user":7}', '{"user":"ann"}', "{"];

  async function spoilt(text: string | undefined, options: Parameters<typeof site>[0] = {}) {
    const where = site({ preset: "aal2", ...options });
    const { cookie, session } = await where.visit(undefined, (one) => {
      one.login("ann");
      one.data["cart"] = ["tea"];
    });
    const id = session.id as SessionId;
    const { signal } = new AbortController();
    const epoch = (await where.store.read(id, { signal }))?.epoch ?? 0;
    const field = text === undefined ? { remove: ["~auth"] } : { set: { "~auth": text } };
    const done = await where.store.update(id, { now: where.clock.now(), epoch, ...field }, { signal });
    expect(done.kind).toBe("done");
    return { ...where, cookie };
  }

  test.each([...UNREADABLE, undefined])("%j is nobody's, and ended by the idle limit", async (text) => {
    const { read, clock, manager, cookie } = await spoilt(text);
    const told: unknown[] = [];
    manager.on("expired", ({ user }) => void told.push(user));
    clock.advance(HOUR - 1);
    const before = await read(cookie, (one) => [one.isNew, one.user, one.lockedUser, one.data["cart"]]);
    expect(before).toEqual([false, null, null, ["tea"]]);
    expect(await read(cookie, (one) => (one.activeUntil ?? 0) - clock.now())).toBe(1);
    expect(await manager.sessionsOf("ann")).toMatchObject([{ user: null, state: "active" }]);
    clock.advance(1);
    await read(cookie, (one) => {
      expect([one.isNew, one.lockedUser, one.data["cart"]]).toEqual([true, null, undefined]);
      expect(one.set("cart", []).data["cart"]).toEqual([]);
      expect(refusal(() => one.unlock()).message).toMatch(/not locked/);
    });
    expect(told).toEqual([null]);
    expect(await manager.sessionsOf("ann")).toEqual([]);
  });

  test("has no seat then", async () => {
    const { visit, clock } = await spoilt("null", { concurrency: { max: 1, onExceed: "refuse" } });
    clock.advance(HOUR);
    const { session } = await visit(undefined, (one) => one.login("ann"));
    expect(session.user).toBe("ann");
  });
});

test("unlock is refused where nothing is locked", async () => {
  const { read } = site();
  await read(undefined, (session) => expect(refusal(() => session.unlock()).code).toBe("ERR_SESSION_USE"));
});

test("an unlock is told of", async () => {
  const { visit, manager, cookie } = await locked();
  const told: unknown[] = [];
  manager.on("unlocked", (event) => void told.push(event));
  manager.on("login", (event) => void told.push(event));
  const { session } = await visit(cookie, (one) => one.unlock());
  expect(told).toEqual([{ id: session.id, user: "ann", address: null }]);
});

test("aal1 and aal3 end what is idle; only aal2 locks it by itself", async () => {
  for (const preset of ["aal1", "aal3"] as const) {
    const { read, clock, cookie } = await locked({ preset });
    clock.advance(24 * HOUR);
    expect(await read(cookie, ({ isNew, lockedUser }) => [isNew, lockedUser])).toEqual([true, null]);
  }
  expect(refusal(() => site({ preset: "aal3", onIdle: "lock" })).message).toMatch(/aal3/);
  expect(refusal(() => site({ onIdle: "freeze" as never })).message).toMatch(/onIdle/);
});

test("a live connection of a locked session is over", async () => {
  const where = site({ preset: "aal2" });
  const { cookie } = await where.visit(undefined, (session) => session.login("ann"));
  const { session } = await where.open(cookie);
  const live = where.manager.live(session);
  where.clock.advance(HOUR - 1);
  expect(live.end).toBeNull();
  where.clock.advance(1);
  expect(await rejection(live.run(() => undefined))).toMatchObject({ code: "ERR_SESSION_GONE" });
  expect(live.end).toBe("expired");
});
