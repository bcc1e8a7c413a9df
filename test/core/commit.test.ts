import { describe, expect, test } from "vitest";
import { failsBefore, gate, losesReply, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import {
  codeOf,
  done,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  sibling,
  seen,
  settled,
  setCookies,
  stored,
  visit,
} from "../races/rig.ts";

noUnhandledRejections();

describe("several commits of one request", () => {
  test("two commits at once make one session", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    await Promise.all([one.session.commit(), one.session.commit()]);
    await one.finish();
    expect(await recordsOf(where)).toHaveLength(1);
    expect(where.names()).toEqual(["created"]);
  });

  test("a commit that had nothing to store but the access is not repeated by the finish", async () => {
    const where = rig();
    const cookie = await stored(where);
    where.clock.advance(2 * 60_000);
    where.faulty.forget();
    const one = await visit(where, cookie);
    expect(one.session.has("here")).toBe(true);
    await one.session.commit();
    await one.finish();
    await Promise.all(one.exchange.background);
    expect(where.faulty.calls.map(({ operation }) => operation)).toEqual(["read", "update"]);
    expect(await recordsOf(where)).toEqual([
      expect.objectContaining({ accessedAt: one.session.accessedAt, expiresAt: one.session.expiresAt }),
    ]);
  });

  test("a commit that nobody waited for and the finish make one session", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    const commit = one.session.commit();
    await one.finish();
    await commit;
    expect(await recordsOf(where)).toHaveLength(1);
    expect(one.exchange.cookies).toHaveLength(1);
  });

  test("an increment staged while a commit is on its way is counted by the next, also when that was called at once", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const one = await visit(where, cookie);
    const answer = gate();
    where.faulty.next("update", waitsAfter(answer));
    one.session.increment("n");
    const first = one.session.commit();
    await answer.reached();
    one.session.increment("n");
    const second = one.session.commit();
    one.session.increment("n");
    answer.open();
    await Promise.all([first, second]);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ n: 3 });
  });

  test("two commits at once log in once", async () => {
    const where = rig();
    const cookie = await stored(where, { cart: 1 });
    const one = await visit(where, cookie);
    one.session.login("ann");
    await Promise.all([one.session.commit(), one.session.commit()]);
    await one.finish();
    expect(await recordsOf(where)).toHaveLength(1);
    expect(where.of("login")).toHaveLength(1);
    expect(where.of("gone")).toEqual([]);
  });

  test("a claim and a commit at once keep their books", async () => {
    const where = rig();
    const cookie = await stored(where, { state: "s", n: 0 });
    const one = await visit(where, cookie);
    one.session.increment("n");
    const [claimed] = await Promise.all([one.session.claim("state"), one.session.commit()]);
    one.session.increment("n");
    await one.finish();
    expect(claimed).toBe("s");
    expect(await seen(where, cookie)).toEqual({ n: 2 });
  });

  test("a failed request waits for its commit that is on its way, and its cookie", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    const commit = one.session.commit();
    one.session.data.a = 2;
    await one.fail();
    await commit;
    expect(one.exchange.cookies).toHaveLength(1);
    expect((await recordsOf(where)).map((record) => record.fields["a"])).toEqual(["1"]);
  });

  test("an abandoned request whose commit is on its way keeps that commit", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const one = await visit(where, cookie);
    const answer = gate();
    where.faulty.next("update", waitsAfter(answer));
    one.session.increment("n");
    const commit = one.session.commit();
    await answer.reached();
    one.session.increment("n");
    const abandoned = where.manager.abandon(one.exchange);
    answer.open();
    await Promise.all([commit, abandoned]);
    await settled();
    expect(await seen(where, cookie)).toEqual({ n: 1 });
  });
});

describe("a logout while a commit of the same request is on its way", () => {
  test("ends the session that the commit creates", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.data.a = 1;
    const commit = one.session.commit();
    one.session.logout();
    await commit;
    expect({ ...one.session.data }).toEqual({});
    await one.finish();
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });

  test("ends the session that the commit updates, and leaves nothing of it to a new one", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = 2;
    const commit = one.session.commit();
    one.session.logout();
    await commit;
    expect({ ...one.session.data }).toEqual({});
    await one.finish();
    expect(await recordsOf(where)).toEqual([]);
    expect(setCookies(one.exchange)).toEqual([""]);
  });

  test("as login of another user, starts with nothing of the first", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    one.session.data.a = 1;
    const commit = one.session.commit();
    one.session.login("bob");
    await commit;
    await one.finish();
    const records = await recordsOf(where);
    expect(records.map((record) => record.labels)).toEqual([["user:bob"]]);
  });
});

describe("a login whose check for revocations fails", () => {
  test("fails, sets no cookie and leaves no session that opens", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    where.faulty.always("read", failsBefore());
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    where.faulty.heal();
    expect(setCookies(one.exchange).filter((value) => value !== "")).toEqual([]);
    expect(where.of("login")).toEqual([]);
    expect(await recordsOf(where)).toEqual([]);
  });

  test("fails on an anonymous session too, and hands out no token", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.login("ann");
    where.faulty.always("read", failsBefore());
    where.faulty.always("delete", failsBefore());
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(setCookies(one.exchange).filter((value) => value !== "")).toEqual([]);
  });

  test("that was revoked meanwhile and cannot be deleted hands out no token", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    await where.manager.revokeUser("ann");
    where.faulty.always("delete", failsBefore());
    expect(await codeOf(one.finish())).not.toBe("no error");
    expect(setCookies(one.exchange).filter((value) => value !== "")).toEqual([]);
  });

  test("that was revoked and deleted by the revocation leaves the client's cookie alone", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    const created = gate();
    where.faulty.next("create", waitsAfter(created));
    const finishing = codeOf(one.finish());
    await created.reached();
    await where.manager.revokeUser("ann");
    created.open();
    expect(await finishing).toBe("ERR_SESSION_REVOKED");
    expect(setCookies(one.exchange)).toEqual([]);
  });
});

describe("an update whose answer was lost", () => {
  test("is not applied again by a later commit of the request that learned so", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 0 });
    const one = await visit(where, cookie);
    one.session.increment("n");
    where.faulty.next("update", losesReply());
    where.faulty.next("read", failsBefore());
    expect(await codeOf(one.session.commit())).toBe("ERR_SESSION_UNKNOWN");
    one.session.data.other = 1;
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ n: 1, other: 1 });
  });

  test("that renews the secret and arrives late is recognised as the same login", async () => {
    const late = lateStore();
    const where = rig({ store: late.store });
    const cookie = await stored(where, { cart: 1 });
    const one = await visit(where, cookie);
    one.session.login("ann");
    late.hold();
    const finishing = one.finish();
    await settled();
    // The deadline passes, the record is read and found unchanged; only then the first sending arrives.
    where.clock.advance(2000);
    await finishing;
    expect(await recordsOf(where)).toHaveLength(1);
    const [value] = setCookies(one.exchange);
    expect(await seen(where, `__Host-Http-sid=${value}`)).toEqual({ cart: 1 });
  });
});

describe("a session that is gone at commit", () => {
  test("leaves the cookie alone, also when a successor of its secret was found before", async () => {
    const where = rig({ rotateEvery: "10m" });
    const cookie = await stored(where, { n: 0 });
    where.clock.advance(700_000);
    const winner = await visit(where, cookie);
    const loser = await visit(where, cookie);
    loser.session.data.n = 5;
    await winner.finish();
    const again = gate();
    where.faulty.next("update", (work) => work());
    where.faulty.next("update", waitsBefore(again));
    const finishing = loser.finish();
    await again.reached();
    const rotated = winner.exchange.cookies[0]?.value;
    // Another process, so that it does not stand in line behind the loser.
    const newer = await visit(sibling(where, { rotateEvery: "10m" }), `__Host-Http-sid=${rotated}`);
    newer.session.login("ann");
    await newer.finish();
    again.open();
    await finishing;
    expect(newer.exchange.cookies).toHaveLength(1);
    expect(loser.exchange.cookies).toEqual([]);
    expect(where.of("gone")).toHaveLength(1);
  });
});

describe("an end", () => {
  test("is not acknowledged when the store says that it did not delete", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.always("delete", (() => Promise.resolve("conflict")) as never);
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(one.exchange.cookies).toEqual([]);
  });

  test("waits for one deadline and not for two when the store is silent", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.always("delete", () => new Promise(() => {}));
    const finishing = codeOf(one.finish());
    await settled();
    where.clock.advance(2000);
    expect(await finishing).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(where.faulty.count("delete")).toBe(1);
  });

  test("is not tried again once a deadline's time has passed in trying", async () => {
    const where = rig();
    const one = await visit(where, await stored(where));
    one.session.logout();
    where.faulty.always("delete", async () => {
      where.clock.advance(1500);
      throw new Error("slow and down");
    });
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(where.faulty.count("delete")).toBe(2);
  });

  test("of an emptied session whose answer was lost is found out", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    delete one.session.data.a;
    where.faulty.next("delete", losesReply());
    await one.finish();
    expect(setCookies(one.exchange)).toEqual([""]);
    expect(await recordsOf(where)).toEqual([]);
    expect(where.of("ended")).toHaveLength(1);
  });

  test("of an emptied session does not take place when another added a field and the answer was lost", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    delete one.session.data.a;
    await done(where, cookie, (session) => void (session.data.b = 2));
    where.faulty.next("delete", failsBefore());
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ b: 2 });
  });
});

describe("a privilege change", () => {
  test("leaves nothing of an unconfirmed rotation, also where secrets are not rotated any more", async () => {
    const before = rig({ rotateEvery: "10m" });
    const cookie = await stored(before, { a: 1 });
    before.clock.advance(700_000);
    const rotated = await done(before, cookie, () => undefined);
    const after = sibling(before);
    const newest = await done(after, rotated, (session) => session.login("ann"));
    expect(await seen(after, newest)).toEqual({ a: 1 });
    expect(await seen(after, rotated)).toBeNull();
    expect(await seen(after, cookie)).toBeNull();
  });
});

describe("book-keeping", () => {
  test("that fails does not fail an explicit commit", async () => {
    const where = rig({ rotateEvery: "10m" });
    const cookie = await stored(where, { a: 1 });
    where.clock.advance(700_000);
    const rotated = await done(where, cookie, () => undefined);
    const one = await visit(where, rotated);
    where.faulty.always("update", failsBefore());
    where.faulty.always("read", failsBefore());
    await one.session.commit();
  });
});

/** A memory store whose next update is applied only when the record was read again, whatever its signal says. */
function lateStore(): { store: ReturnType<typeof memoryStore>; hold(): void } {
  const inner = memoryStore();
  const unbounded = { signal: new AbortController().signal };
  let holding = false;
  let late: (() => Promise<unknown>) | null = null;
  const store = Object.assign(Object.create(inner) as typeof inner, {
    traits: inner.traits,
    create: inner.create.bind(inner),
    delete: inner.delete.bind(inner),
    all: inner.all.bind(inner),
    deleteByLabel: inner.deleteByLabel.bind(inner),
    setup: inner.setup.bind(inner),
    sweep: inner.sweep.bind(inner),
    update: ((id, change, call) => {
      if (!holding) return inner.update(id, change, call);
      holding = false;
      late = async () => await inner.update(id, change, unbounded);
      return new Promise(() => {});
    }) as typeof inner.update,
    read: (async (id, call) => {
      const found = await inner.read(id, call);
      const arriving = late;
      late = null;
      await arriving?.();
      return found;
    }) as typeof inner.read,
  });
  return { store, hold: () => void (holding = true) };
}

describe("a claim", () => {
  test("of a value that this request incremented gives the outcome, and stores nothing of it afterwards", async () => {
    const where = rig();
    const cookie = await stored(where, { n: 1, here: 1 });
    const one = await visit(where, cookie);
    one.session.increment("n");
    expect(await one.session.claim("n")).toBe(2);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("of a value that this request changed in place gives what it changed", async () => {
    const where = rig();
    const cookie = await stored(where, { list: [1], here: 1 });
    const one = await visit(where, cookie);
    (one.session.data.list as number[]).push(2);
    expect(await one.session.claim("list")).toEqual([1, 2]);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("that another request won brings back nothing that this one made of the value", async () => {
    const where = rig();
    const other = sibling(where);
    const cookie = await stored(where, { list: [1], here: 1 });
    const one = await visit(where, cookie);
    (one.session.data.list as number[]).push(2);
    await done(other, cookie, async (session) => void (await session.claim("list")));
    expect(await one.session.claim("list")).toBeUndefined();
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("of a field that this request alone incremented takes that", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.increment("n");
    expect(await one.session.claim("n")).toBe(1);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("of a value that was only read gives what is stored, if another changed it meanwhile", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1, here: 1 });
    const one = await visit(where, cookie);
    expect(one.session.data.a).toBe(1);
    await done(sibling(where), cookie, (session) => void (session.data.a = 2));
    expect(await one.session.claim("a")).toBe(2);
  });

  test("of what this request assigned needs no store", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.data.mine = 1;
    where.faulty.forget();
    expect(await one.session.claim("mine")).toBe(1);
    await one.finish();
    expect(where.faulty.calls).toEqual([]);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("of what this request assigned over a stored value removes that too", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1, here: 1 });
    const one = await visit(where, cookie);
    one.session.data.a = 2;
    expect(await one.session.claim("a")).toBe(2);
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("stays claimed when the request fails, and can be staged anew", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1, here: 1 });
    const one = await visit(where, cookie);
    expect(await one.session.claim("a")).toBe(1);
    expect(one.session.data.a).toBeUndefined();
    one.session.data.a = 5;
    await one.fail();
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("after a commit of the same request, and twice, gives the value once", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1, n: 0 });
    const one = await visit(where, cookie);
    one.session.increment("n");
    await one.session.commit();
    const both = await Promise.all([one.session.claim("a"), one.session.claim("a")]);
    expect(both).toEqual([1, undefined]);
    one.session.increment("n");
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ n: 2 });
  });

  test("on a session that was logged out elsewhere gives nothing", async () => {
    const where = rig();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    await done(sibling(where), cookie, (session) => session.logout());
    expect(await one.session.claim("a")).toBeUndefined();
    await one.finish();
    expect(await recordsOf(where)).toEqual([]);
  });
});

describe("with onConflict fail", () => {
  test("a value that commit() refused is not stored by the commit at the end, and can be made again of the fresh one", async () => {
    const where = rig({ onConflict: "fail" });
    const cookie = await stored(where, { list: ["a"] });
    const one = await visit(where, cookie);
    const other = await visit(where, cookie);
    (one.session.data.list as string[]).push("b");
    (other.session.data.list as string[]).push("c");
    await other.finish();
    expect(await codeOf(one.session.commit())).toBe("ERR_SESSION_CONFLICT");
    (one.session.data.list as string[]).push("d");
    await one.finish();
    expect(await seen(where, cookie)).toEqual({ list: ["a", "c", "d"] });
  });
});

describe("a store that is slow and always beaten to it", () => {
  test("makes no commit longer than two deadlines", async () => {
    const inner = memoryStore();
    const where = rig({ store: inner, deadline: "1s" });
    const cookie = await stored(where, { n: 0 });
    const one = await visit(where, cookie);
    where.faulty.always("update", async (work) => {
      where.clock.advance(900);
      const [record] = await recordsOf(where);
      if (record === undefined) throw new Error("no record");
      // Somebody else is first, every time.
      const signal = new AbortController().signal;
      await inner.update(
        record.id,
        { now: where.clock.now(), epoch: record.epoch, set: { n: String(Math.random()) } },
        { signal },
      );
      return work();
    });
    one.session.increment("n");
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_CONFLICT");
    expect(where.faulty.count("update")).toBeLessThan(5);
  });
});

describe("a writer that is under way whenever the session is read", () => {
  /** As with a store that shows what is committed alone: what was read has been overtaken when the change arrives. */
  async function overtaken(): Promise<{ where: Rig; cookie: string; begin: () => void }> {
    const where = rig();
    const other = sibling(where, { store: where.store });
    const cookie = await stored(where, { n: 0, state: "once" });
    const inner = where.faulty;
    let isOther = false;
    const write = async (): Promise<void> => {
      isOther = true;
      await done(other, cookie, (session) => void session.increment("n"));
      isOther = false;
    };
    const begin = (): void => {
      inner.next(
        "update",
        async (work) => {
          if (!isOther) await write();
          return await work();
        },
        8,
      );
      inner.always("read", async (work) => {
        const found = await work();
        if (!isOther) await write();
        return found;
      });
    };
    return { where, cookie, begin };
  }

  test("does not beat a commit for ever: every other attempt goes on from what beat it", async () => {
    const { where, cookie, begin } = await overtaken();
    const one = await visit(where, cookie);
    one.session.increment("mine");
    begin();
    await one.finish();
    where.faulty.heal();
    expect(await seen(where, cookie)).toMatchObject({ mine: 1 });
  });

  test("nor a claim", async () => {
    const { where, cookie, begin } = await overtaken();
    const one = await visit(where, cookie);
    begin();
    expect(await one.session.claim("state")).toBe("once");
  });
});

test("a record remembers the last eight of its conditional commits, the latest first", async () => {
  const where = rig();
  const cookie = await stored(where, { n: 0 });
  const remembered: string[] = [];
  for (let count = 0; count < 12; count += 1) {
    await done(where, cookie, (session) => void session.increment("n"));
    const [record] = await recordsOf(where);
    const ids = record?.fields["~commits"]?.split(" ") ?? [];
    remembered.unshift(ids[0] ?? "");
    expect(ids).toEqual(remembered.slice(0, 8));
  }
  expect(new Set(remembered).size).toBe(12);
});

describe("a record over maxRecordBytes", () => {
  const HALF = "x".repeat(600);

  test("is not created: the request fails, and no store is called", async () => {
    const where = rig({ maxRecordBytes: 1024 });
    const one = await visit(where);
    Object.assign(one.session.data, { a: HALF, b: HALF });
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_LIMIT");
    expect(where.faulty.calls).toEqual([]);
    expect(one.exchange.cookies).toEqual([]);
  });

  test("does not come of an update that is under it by itself: the request fails, and nothing of it is stored", async () => {
    const where = rig({ maxRecordBytes: 1024 });
    const cookie = await stored(where, { a: HALF });
    const before = await recordsOf(where);
    const one = await visit(where, cookie);
    Object.assign(one.session.data, { b: HALF, c: 1 });
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_LIMIT");
    expect(await recordsOf(where)).toEqual(before);
    expect(where.faulty.count("update")).toBe(0);
  });
});

describe("an increment that stands in line behind a login of the same session", () => {
  test("is refused as stale, and does not land in the session of the user", async () => {
    const where = rig({ onGone: "fail" });
    const cookie = await stored(where, { n: 0 });
    const login = await visit(where, cookie);
    const behind = await visit(where, cookie);
    login.session.login("ann");
    // Under a condition, so that it stands in the line too.
    login.session.increment("n");
    behind.session.increment("n", 10);
    const held = gate();
    where.faulty.next("update", waitsBefore(held));
    const first = login.finish();
    await held.reached();
    const second = codeOf(behind.finish());
    held.open();
    await first;
    expect(await second).toBe("ERR_SESSION_GONE");
    expect(where.of("gone")).toEqual([expect.objectContaining({ reason: "stale", fields: ["n"] })]);
    expect(behind.exchange.cookies).toEqual([]);
    expect(await seen(where, `__Host-Http-sid=${setCookies(login.exchange)[0]}`)).toEqual({ n: 1 });
  });
});
