import { describe, expect, test } from "vitest";
import type { SessionId } from "../../src/index.ts";
import type { AnyStore } from "../../src/core/store.ts";
import { markId } from "../../src/core/token.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { answers, failsBefore, gate, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  type Rig,
  rig,
  seen,
  settled,
  sibling,
  stored,
  visit,
} from "../races/rig.ts";

noUnhandledRejections();

describe("sessionsOf", () => {
  test("lists the live sessions of a user, the latest used first, and no token", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    const old = await loggedIn(where, "ann");
    where.clock.advance(1000);
    await loggedIn(where, "ann", { secretOfMine: "hidden" });
    await loggedIn(where, "bob");
    const list = await where.manager.sessionsOf("ann");
    expect(list).toHaveLength(2);
    expect(list[0]?.accessedAt).toBeGreaterThan(list[1]?.accessedAt ?? 0);
    const text = JSON.stringify(list);
    expect(text).not.toContain(old.slice(-32));
    expect(text).not.toContain("hidden");
    where.clock.advance(3_600_000);
    expect(await where.manager.sessionsOf("ann")).toEqual([]);
  });

  test("refuses what cannot be a user", async () => {
    const where = rig();
    for (const user of ["", "a".repeat(201), "a\0b", 7, null, "\ud800"])
      expect(await codeOf(where.manager.sessionsOf(user as string))).toBe("ERR_SESSION_USE");
  });

  test("survives a record in the listing that cannot be read", async () => {
    const where = rig();
    await loggedIn(where, "ann");
    const [record] = await recordsOf(where);
    where.faulty.always(
      "listByLabel",
      answers({ records: [{}, null, { ...record, fields: { "~auth": "{" } }] }),
    );
    expect(await where.manager.sessionsOf("ann")).toHaveLength(1);
  });
});

describe("revoke", () => {
  test("ends a session by its id, once", async () => {
    const where = rig();
    const cookie = await loggedIn(where);
    const [record] = await recordsOf(where);
    const id = record?.id as SessionId;
    expect(await where.manager.revoke(id)).toBe(true);
    expect(await where.manager.revoke(id)).toBe(false);
    expect(await seen(where, cookie)).toBeNull();
    expect(where.of("revoked")).toEqual([{ count: 1, id }]);
  });

  test("with a user ends only theirs", async () => {
    const where = rig();
    await loggedIn(where, "ann");
    const [record] = await recordsOf(where);
    const id = record?.id as SessionId;
    expect(await where.manager.revoke(id, { user: "bob" })).toBe(false);
    expect(await where.manager.revoke(id, { user: "ann" })).toBe(true);
  });

  test("of what is no id finds nothing", async () => {
    const where = rig();
    for (const id of ["", "../../etc/passwd", "x".repeat(5000), "\0"]) {
      expect(await where.manager.revoke(id as SessionId)).toBe(false);
      expect(await where.manager.hasSession(id as SessionId)).toBe(false);
    }
  });
});

describe("hasSession", () => {
  test("is true for a live session alone, and extends nothing", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    await stored(where);
    const [record] = await recordsOf(where);
    const id = record?.id as SessionId;
    where.clock.advance(3_599_999);
    expect(await where.manager.hasSession(id)).toBe(true);
    where.clock.advance(1);
    expect(await where.manager.hasSession(id)).toBe(false);
    expect(await where.manager.hasSession("A".repeat(24) as SessionId)).toBe(false);
  });

  test("is false for a mark", async () => {
    const where = rig();
    await where.manager.revokeUser("ann");
    expect(await where.manager.hasSession(markId("not before, user ann"))).toBe(false);
  });
});

describe("revokeUser", () => {
  test("ends all of a user but those named, and nobody else's", async () => {
    const where = rig();
    const kept = await loggedIn(where, "ann");
    const { session } = await visit(where, kept);
    const lost = await loggedIn(where, "ann");
    const bob = await loggedIn(where, "bob");
    expect(await where.manager.revokeUser("ann", { except: session.id })).toBe(1);
    expect(await seen(where, kept)).not.toBeNull();
    expect(await seen(where, lost)).toBeNull();
    expect(await seen(where, bob)).not.toBeNull();
  });

  for (const same of ["the same manager", "another manager"] as const) {
    test(`voids a login that authenticated before it and stores after it, by ${same}`, async () => {
      const where = rig();
      const admin = same === "the same manager" ? where : sibling(where);
      const one = await visit(where);
      one.session.login("ann");
      await admin.manager.revokeUser("ann");
      expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
      expect(await recordsOf(where)).toEqual([]);
      expect(one.exchange.cookies.filter((cookie) => cookie.value !== "")).toEqual([]);
    });

    test(`voids a login that is stored between the mark and the deletion, by ${same}`, async () => {
      const where = rig();
      const admin = same === "the same manager" ? where : sibling(where);
      const one = await visit(where);
      one.session.login("ann");
      const deletion = gate();
      where.faulty.next("deleteByLabel", waitsBefore(deletion));
      const revoking = admin.manager.revokeUser("ann");
      await deletion.reached();
      expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
      deletion.open();
      expect(await revoking).toBe(0);
    });

    test(`ends a login that was stored before the deletion and read the mark before it was written, by ${same}`, async () => {
      const where = rig();
      const admin = same === "the same manager" ? where : sibling(where);
      const one = await visit(where);
      one.session.login("ann");
      const marks = gate();
      where.faulty.next("read", waitsAfter(marks), 2);
      const finishing = one.finish();
      await marks.reached(2);
      expect(await admin.manager.revokeUser("ann")).toBe(1);
      marks.open();
      await finishing;
      const cookie = `__Host-Http-sid=${one.exchange.cookies[0]?.value}`;
      expect(await seen(where, cookie)).toBeNull();
    });
  }

  test("spares a login of the same manager after it, in the same millisecond", async () => {
    const where = rig();
    await where.manager.revokeUser("ann");
    const cookie = await loggedIn(where, "ann");
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("voids a login of another manager in the same millisecond, since nothing tells which was first", async () => {
    const where = rig();
    const other = sibling(where);
    await where.manager.revokeUser("ann");
    const one = await visit(other);
    one.session.login("ann");
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
    where.clock.advance(1);
    expect(await seen(other, await loggedIn(other, "ann"))).not.toBeNull();
  });

  test("spares a login into the session that it spares", async () => {
    const where = rig();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    const { id } = one.session;
    one.session.login("ann");
    await where.manager.revokeUser("ann", { except: id });
    await one.finish();
    expect(one.exchange.cookies).toHaveLength(1);
  });

  test("many at once all leave their marks", async () => {
    const where = rig();
    const logins = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const one = await visit(where);
        one.session.login("ann");
        return one;
      }),
    );
    await Promise.all(Array.from({ length: 12 }, () => where.manager.revokeUser("ann")));
    const codes = await Promise.all(logins.map((one) => codeOf(one.finish())));
    expect(new Set(codes)).toEqual(new Set(["ERR_SESSION_REVOKED"]));
    expect(await recordsOf(where)).toEqual([]);
  });

  test("leaves the mark of another revocation that took the place of one swept meanwhile", async () => {
    const where = rig();
    const other = sibling(where);
    await where.manager.revokeUser("ann");
    where.clock.advance(90_000_000);
    const taken = gate();
    where.faulty.next("create", waitsAfter(taken));
    const first = where.manager.revokeUser("ann");
    await taken.reached();
    // The old mark took the id of the first one's; now it is swept. The first reads nothing, and then …
    await where.manager.sweep();
    const read = gate();
    where.faulty.next("read", waitsAfter(read));
    taken.open();
    await read.reached();
    // … the second, later by the clock, leaves its own.
    where.clock.advance(5);
    const login = await visit(where);
    login.session.login("ann");
    where.clock.advance(5);
    await other.manager.revokeUser("ann");
    read.open();
    await first;
    expect(await codeOf(login.finish())).toBe("ERR_SESSION_REVOKED");
  });

  test("takes the place of a mark that cannot be read", async () => {
    const where = rig();
    const id = markId("not before, user ann");
    const bad = { epoch: 1, version: 1, secretHash: 7, labels: [], fields: {} };
    const times = {
      createdAt: 0,
      accessedAt: 0,
      expiresAt: where.clock.now() * 2,
      endsAt: where.clock.now() * 2,
    };
    const unbounded = { signal: new AbortController().signal };
    await where.store.create({ id, ...bad, ...times } as never, unbounded);
    const one = await visit(where);
    one.session.login("ann");
    await where.manager.revokeUser("ann");
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
  });

  test("fails when its mark cannot be written, and ends nobody before that", async () => {
    const where = rig();
    const cookie = await loggedIn(where, "ann");
    where.faulty.always("create", failsBefore());
    expect(await codeOf(where.manager.revokeUser("ann"))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("of a store without an index is refused before anything is written", async () => {
    const where = rig({
      store: only(memoryStore(), ["create", "read", "update", "delete"]),
      sweepEvery: false,
    });
    expect(await codeOf(where.manager.revokeUser("ann"))).toBe("ERR_SESSION_USE");
    expect(where.faulty.calls).toEqual([]);
  });
});

describe("a store that reaches its deadline while it deletes a user's sessions", () => {
  test("is asked again as long as it gets on", async () => {
    const where = rig();
    const cookies = await Promise.all(Array.from({ length: 4 }, () => loggedIn(where, "ann")));
    where.faulty.next("deleteByLabel", deletingOne(where), 3);
    await where.manager.revokeUser("ann");
    for (const cookie of cookies) expect(await seen(where, cookie)).toBeNull();
  });

  test("is not asked for ever when it does not", async () => {
    const where = rig();
    await loggedIn(where, "ann");
    where.faulty.always("deleteByLabel", failsBefore());
    expect(await codeOf(where.manager.revokeUser("ann"))).toBe("ERR_SESSION_STORE_UNAVAILABLE");
    expect(where.faulty.count("deleteByLabel")).toBe(2);
  });

  /** Deletes one session of ann's and fails. */
  function deletingOne(where: Rig): () => Promise<never> {
    return async () => {
      const [info] = await where.manager.sessionsOf("ann");
      if (info !== undefined) await where.manager.revoke(info.id);
      throw new Error("too late");
    };
  }
});

describe("revokeAll", () => {
  test("ends everyone's sessions, and voids the logins under way", async () => {
    const where = rig();
    const cookies = [await loggedIn(where, "ann"), await loggedIn(where, "bob"), await stored(where)];
    const one = await visit(where);
    one.session.login("cid");
    expect(await where.manager.revokeAll()).toBe(3);
    for (const cookie of cookies) expect(await seen(where, cookie)).toBeNull();
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
    expect(await seen(where, await loggedIn(where, "ann"))).not.toBeNull();
  });

  test("voids the logins under way also where the store has no index of users", async () => {
    const where = rig({ store: only(memoryStore(), ["create", "read", "update", "delete", "all"]) });
    const one = await visit(where);
    one.session.login("ann");
    expect(await where.manager.revokeAll()).toBe(0);
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
  });

  test("ends a session of a machine whose clock runs ahead, too", async () => {
    const where = rig();
    where.clock.advance(30_000);
    const cookie = await stored(where);
    where.clock.set(where.clock.now() - 30_000);
    expect(await where.manager.revokeAll()).toBe(1);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("keeps the marks", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    await where.manager.revokeUser("ann");
    await where.manager.revokeAll();
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
  });
});

describe("all", () => {
  test("walks over every live session, over pages, and no mark", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    await stored(where);
    where.clock.advance(3_600_000);
    await where.manager.revokeUser("ann");
    for (let number = 0; number < 1100; number += 1) await stored(where, { number });
    let count = 0;
    for await (const info of where.manager.all()) count += info.id.length === 24 ? 1 : 0;
    expect(count).toBe(1100);
  });
});

describe("sweep", () => {
  test("deletes what expired, and nothing that was touched meanwhile", async () => {
    const where = rig({ idle: "1h", absolute: "1d" });
    const touched = await stored(where);
    await stored(where);
    where.clock.advance(3_599_999);
    await done(where, touched, () => undefined);
    where.clock.advance(1);
    expect(await where.manager.sweep()).toEqual({ deleted: 1 });
    expect(await seen(where, touched)).not.toBeNull();
  });

  test("ends when a store promises more for ever", async () => {
    const where = rig();
    where.faulty.always("sweep", answers({ deleted: 0, more: true }));
    expect(await where.manager.sweep()).toEqual({ deleted: 0 });
  });

  test("goes on by itself from the first request on, also after it failed", async () => {
    const where = rig({ sweepEvery: "10m" });
    where.clock.advance(3_600_000);
    expect(where.faulty.count("sweep")).toBe(0);
    await stored(where);
    where.faulty.next("sweep", failsBefore());
    for (let turn = 1; turn <= 3; turn += 1) {
      for (let seconds = 0; where.faulty.count("sweep") < turn && seconds < 751; seconds += 1) {
        where.clock.advance(1000);
        await settled();
      }
      expect(where.faulty.count("sweep")).toBe(turn);
    }
    expect(where.clock.pending).toBe(1);
  });

  test("ends with the batch that is under way at close, and no request starts it again", async () => {
    const where = rig({ sweepEvery: "10m" });
    await stored(where);
    const held = gate();
    where.faulty.always("sweep", async () => {
      await held.passage();
      return { deleted: 1, more: where.faulty.count("sweep") < 9 };
    });
    for (let seconds = 0; where.faulty.count("sweep") === 0 && seconds < 751; seconds += 1) {
      where.clock.advance(1000);
      await settled();
    }
    await held.reached();
    const closing = where.manager.close();
    held.open();
    await closing;
    await (await visit(where)).finish();
    expect(where.clock.pending).toBe(0);
    expect(where.faulty.count("sweep")).toBe(1);
  });

  test("that waits for its turn at close never comes", async () => {
    const where = rig({ sweepEvery: "10m" });
    await stored(where);
    await where.manager.close();
    expect(where.clock.pending).toBe(0);
    where.clock.advance(3_600_000);
    await settled();
    expect(where.faulty.count("sweep")).toBe(0);
  });
});

/** A store with some of the methods of another. */
function only(store: AnyStore, names: readonly (keyof AnyStore)[]): AnyStore {
  const methods = names.map((name) => [name, (store[name] as (...args: unknown[]) => unknown).bind(store)]);
  return { traits: store.traits, ...Object.fromEntries(methods) } as AnyStore;
}

describe("a login that a revocation made void", () => {
  test("leaves the client's cookie alone: it may be that of a newer login", async () => {
    const where = rig();
    const one = await visit(where);
    one.session.login("ann");
    await where.manager.revokeUser("ann");
    expect(await codeOf(one.finish())).toBe("ERR_SESSION_REVOKED");
    expect(one.exchange.cookies).toEqual([]);
    expect(await recordsOf(where)).toEqual([]);
  });
});

describe("revokeWhere", () => {
  const OKTA = "https://id.example/";

  async function users(where: Rig, cookies: Record<string, string>): Promise<string[]> {
    const found: string[] = [];
    for (const [name, cookie] of Object.entries(cookies)) {
      if ((await seen(where, cookie)) !== null) found.push(name);
    }
    return found;
  }

  async function crowd(where: Rig): Promise<Record<string, string>> {
    const login = async (user: string, options: object): Promise<string> =>
      (await done(where, undefined, (session) => session.login(user, options))) ?? "";
    return {
      annAtHome: await login("ann", { tenant: "7", device: "home" }),
      annAtWork: await login("ann", { tenant: "8", device: "work" }),
      bob: await login("bob", { tenant: "7", labels: ["project:1"] }),
      cy: await login("cy", { identity: { issuer: OKTA, subject: "s1", session: "x1" } }),
      cyToo: await login("cy", { identity: { issuer: OKTA, subject: "s1", session: "x2" } }),
      cyElsewhere: await login("cy", { identity: { issuer: "https://other.example", subject: "s1" } }),
    };
  }

  test.each([
    [{ tenant: "7" }, 2, ["annAtWork", "cy", "cyToo", "cyElsewhere"]],
    [{ tenant: "7", user: "ann" }, 1, ["annAtWork", "bob", "cy", "cyToo", "cyElsewhere"]],
    [{ device: "work" }, 1, ["annAtHome", "bob", "cy", "cyToo", "cyElsewhere"]],
    [{ label: "project:1" }, 1, ["annAtHome", "annAtWork", "cy", "cyToo", "cyElsewhere"]],
    [{ identity: { issuer: OKTA, subject: "s1" } }, 2, ["annAtHome", "annAtWork", "bob", "cyElsewhere"]],
    [
      { identity: { issuer: OKTA, session: "x2" } },
      1,
      ["annAtHome", "annAtWork", "bob", "cy", "cyElsewhere"],
    ],
    [
      { identity: { issuer: OKTA, session: "s1" } },
      0,
      ["annAtHome", "annAtWork", "bob", "cy", "cyToo", "cyElsewhere"],
    ],
  ])("F1, ASVS 7.1.3: ends what has %j in common, and nothing else", async (scope, count, left) => {
    const where = rig();
    const cookies = await crowd(where);
    expect(await where.manager.revokeWhere(scope)).toBe(count);
    expect(await users(where, cookies)).toEqual(left);
  });

  test("spares what is excepted", async () => {
    const where = rig();
    const cookies = await crowd(where);
    const [bob] = await where.manager.sessionsOf("bob");
    expect(await where.manager.revokeWhere({ tenant: "7" }, { except: bob?.id ?? null })).toBe(1);
    expect(await users(where, cookies)).toContain("bob");
  });

  test.each([
    {},
    { user: "" },
    { tenant: "a\0" },
    { who: 1 },
    { identity: { issuer: OKTA } },
    { label: "user:ann" },
  ])("is refused for %j, and ends nothing", async (scope) => {
    const where = rig();
    const cookies = await crowd(where);
    expect(await codeOf(where.manager.revokeWhere(scope as never))).toBe("ERR_SESSION_USE");
    expect(await users(where, cookies)).toHaveLength(6);
  });

  test("F1: a provider's logout that comes before its login voids that login, also after hours", async () => {
    const where = rig();
    await where.manager.revokeWhere({ identity: { issuer: OKTA, session: "x9" } });
    where.clock.advance(3_600_000);
    const identity = { issuer: OKTA, subject: "s1", session: "x9" };
    expect(await codeOf(done(where, undefined, (session) => session.login("cy", { identity })))).toBe(
      "ERR_SESSION_REVOKED",
    );
    await done(where, undefined, (session) =>
      session.login("cy", { identity: { ...identity, session: "x10" } }),
    );
  });

  test("F1: a provider's logout of a subject voids a login of before it that arrives later", async () => {
    const where = rig();
    const authenticatedAt = where.clock.now();
    where.clock.advance(1000);
    await where.manager.revokeWhere({ identity: { issuer: OKTA, subject: "s1" } });
    where.clock.advance(1000);
    const login = (at: number) =>
      done(where, undefined, (session) =>
        session.login("cy", { identity: { issuer: OKTA, subject: "s1", authenticatedAt: at } }),
      );
    expect(await codeOf(login(authenticatedAt))).toBe("ERR_SESSION_REVOKED");
    await login(where.clock.now());
  });

  test("voids a login under way that bears all of the labels, and no other", async () => {
    const where = rig();
    const hold = gate();
    where.faulty.next("create", waitsBefore(hold));
    const under = done(where, undefined, (session) => session.login("ann", { tenant: "7" }));
    await hold.reached();
    await where.manager.revokeWhere({ user: "ann", tenant: "8" });
    hold.open();
    await under;
    const again = gate();
    where.faulty.next("create", waitsBefore(again));
    const late = done(where, undefined, (session) => session.login("ann", { tenant: "7" }));
    await again.reached();
    await where.manager.revokeWhere({ user: "ann", tenant: "7" });
    again.open();
    expect(await codeOf(late)).toBe("ERR_SESSION_REVOKED");
  });
});
