import { expect, test } from "vitest";
import type { AnySession, SessionId } from "../../src/index.ts";
import { gate, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import {
  codeOf,
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  type Rig,
  seen,
  setCookies,
  sibling,
  stored,
  visit,
} from "./rig.ts";
import { CACHED_TOO, everyStore } from "./stores.ts";

noUnhandledRejections();

/**
 * The races of sessions, and where each is held. Those of this file, of `lost-replies` and of `contention` run over every
 * store by each of its clients; the storms (`http-*`) over every engine; `rules` are those of the published contract.
 *
 *  1 create || create, one id            "an id that is taken"; rules: races
 *  2 update || delete                    "a slow writer does not bring back"; http-logout; rules: races, processes
 *  3 touch || delete                     "nor does a slow touch"; http-logout; rules: races, processes
 *  4 change || change, different fields  "two requests that change different fields"; http-updates; rules: races, processes
 *  5 increment || increment              "increments of many requests"; http-updates, http-crash; rules: processes
 *  6 new secret || old writer            "a writer under the secret from before a login"; http-rotation; rules: histories
 *  7 new secret || new secret            "parallel requests of a due secret"; http-rotation; rules: races, processes
 *  8 revokeUser || login                 "a login on its way"; http-logout; rules: label races, processes
 *  9 revoke others || rotate             "others revoked while this session rotates"; rules: processes
 * 11 sweep || touch at the boundary      "a session that is touched"; rules: sweep, processes
 * 12 read before expiry, write after     "a session that expires between"
 * 13 killed between record and index     http-crash; rules: label races
 * 14 a record that cannot be read        rules: damage
 * 15 logout before its session           rules: processes ("create the same ids")
 * 17 one place's session in another      "a session of one place is nothing in another"
 * 18 the store is down                   lost-replies
 * 19 clocks that differ                  "processes half a minute apart", "a clock half a day behind"; http-rotation
 *
 * 10, 16 and 20 speak of limits, locks and bound keys, which are no affair of a store.
 */
everyStore((open, { places, openAt }) => {
  /** Two managers, as of two processes, over one store. */
  async function pair(options: Parameters<typeof rig>[0] = {}): Promise<[Rig, Rig]> {
    const one = rig({ ...options, store: await open() });
    return [one, sibling(one, options)];
  }

  test("a slow writer does not bring back a session that was logged out (CVE-2025-46336, CVE-2013-10075)", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where);
    const slow = await visit(where, cookie);
    slow.session.data.late = 1;
    const writing = gate();
    where.faulty.next("update", waitsBefore(writing));
    const finishing = slow.finish();
    await writing.reached();
    await done(other, cookie, (session) => session.logout());
    writing.open();
    await finishing;
    expect(await recordsOf(where)).toEqual([]);
    expect(slow.exchange.cookies).toEqual([]);
    expect(where.of("gone")).toEqual([expect.objectContaining({ reason: "gone", fields: ["late"] })]);
  });

  test("nor does a slow touch", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where);
    where.clock.advance(60_001);
    const slow = await visit(where, cookie);
    const touching = gate();
    where.faulty.next("update", waitsBefore(touching));
    await slow.finish();
    await touching.reached();
    await done(other, cookie, (session) => session.logout());
    touching.open();
    await Promise.all(slow.exchange.background);
    expect(await recordsOf(where)).toEqual([]);
  });

  test("two requests that change different fields both survive", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    const two = await visit(other, cookie);
    one.session.data.a = 1;
    two.session.data.b = Number(two.session.data.here) + 1;
    await Promise.all([one.finish(), two.finish()]);
    expect(await seen(where, cookie)).toEqual({ here: 1, a: 1, b: 2 });
    expect([...where.of("conflict"), ...other.of("conflict")]).toEqual([]);
  });

  test("of two that read and changed one field the later wins, and an event names the field", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { cart: ["x"] });
    const one = await visit(where, cookie);
    const two = await visit(other, cookie);
    (one.session.data.cart as string[]).push("one");
    (two.session.data.cart as string[]).push("two");
    await one.finish();
    await two.finish();
    expect(await seen(where, cookie)).toEqual({ cart: ["x", "two"] });
    expect(other.of("conflict")).toEqual([expect.objectContaining({ field: "cart" })]);
  });

  test('or the later is refused with onConflict "fail"', async () => {
    const [where, other] = await pair({ onConflict: "fail" });
    const cookie = await stored(where, { cart: ["x"] });
    const one = await visit(where, cookie);
    const two = await visit(other, cookie);
    (one.session.data.cart as string[]).push("one");
    (two.session.data.cart as string[]).push("two");
    two.session.data.unrelated = 1;
    await one.finish();
    expect(await codeOf(two.finish())).toBe("ERR_SESSION_CONFLICT");
    expect(await seen(where, cookie)).toEqual({ cart: ["x", "one"] });
  });

  test("blind assignments need no condition and never conflict", async () => {
    const [where, other] = await pair({ onConflict: "fail" });
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    const two = await visit(other, cookie);
    one.session.data.a = "one";
    two.session.data.a = "two";
    await one.finish();
    where.faulty.forget();
    await two.finish();
    expect(where.faulty.calls.map((call) => call.operation)).toEqual(["update"]);
    expect(await seen(where, cookie)).toMatchObject({ a: "two" });
  });

  test("increments of many requests of two processes add up", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { n: 0 });
    const visits = await Promise.all(
      Array.from({ length: 24 }, (_, i) => visit(i % 2 ? where : other, cookie)),
    );
    for (const one of visits) one.session.increment("n");
    await Promise.all(visits.map((one) => one.finish()));
    expect(await seen(where, cookie)).toEqual({ n: 24 });
  });

  test("of fifty that claim one value at once one gets it", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { state: "s", here: 1 });
    const visits = await Promise.all(
      Array.from({ length: 50 }, (_, i) => visit(i % 2 ? where : other, cookie)),
    );
    const claimed = await Promise.all(visits.map((one) => one.session.claim("state")));
    await Promise.all(visits.map((one) => one.finish()));
    expect(claimed.filter((value) => value !== undefined)).toEqual(["s"]);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
  });

  test("of two that take one value one commit succeeds, and the other keeps nothing", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { notice: "n", here: 1 });
    const visits = [await visit(where, cookie), await visit(other, cookie)];
    visits.forEach((one, index) => {
      expect(one.session.take("notice")).toBe("n");
      one.session.data[`by${index}`] = true;
    });
    const codes = await Promise.all(visits.map((one) => codeOf(one.finish())));
    expect(codes.toSorted()).toEqual(["ERR_SESSION_CONFLICT", "no error"]);
    const left = (await seen(where, cookie)) as object;
    expect(Object.keys(left)).toHaveLength(2);
  });

  test("one form token is spent once", async () => {
    const [where, other] = await pair();
    let token = "";
    const cookie = await done(where, undefined, (session) => void (token = session.createFormToken()));
    const visits = [await visit(where, cookie), await visit(other, cookie)];
    for (const one of visits) expect(one.session.removeFormToken(token)).toBe(true);
    for (const one of visits) one.session.data.bought = true;
    const codes = await Promise.all(visits.map((one) => codeOf(one.finish())));
    expect(codes.toSorted()).toEqual(["ERR_SESSION_CONFLICT", "no error"]);
  });

  test("a writer under the secret from before a login cannot write", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where);
    const slow = await visit(where, cookie);
    slow.session.data.planted = 1;
    const newer = await done(other, cookie, (session) => session.login("ann"));
    await slow.finish();
    expect(where.of("gone")).toEqual([expect.objectContaining({ reason: "stale" })]);
    expect(slow.exchange.cookies).toEqual([]);
    expect(await seen(where, newer)).toEqual({ here: 1 });
    expect(await seen(where, cookie)).toBeNull();
  });

  test("two logins of one session leave two sessions that each open, or one", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { cart: 1 });
    const one = await visit(where, cookie);
    const two = await visit(other, cookie);
    one.session.login("ann");
    two.session.login("bob");
    two.session.data.mine = 1;
    await one.finish();
    await two.finish();
    expect(await seen(where, `__Host-Http-sid=${setCookies(one.exchange)[0]}`)).toEqual({ cart: 1 });
    // Only what the request itself assigned goes into a new one.
    expect(await seen(where, `__Host-Http-sid=${setCookies(two.exchange)[0]}`)).toEqual({ mine: 1 });
  });

  test("a login on a session that was logged out makes a new one with what the request assigned alone", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { cart: 1, n: 5 });
    const one = await visit(where, cookie);
    void one.session.data.cart;
    one.session.data.mine = 1;
    one.session.increment("n");
    one.session.login("ann");
    await done(other, cookie, (session) => session.logout());
    await one.finish();
    expect(await seen(where, `__Host-Http-sid=${setCookies(one.exchange)[0]}`)).toEqual({ mine: 1, n: 1 });
    expect(await recordsOf(where)).toHaveLength(1);
  });

  test("an update, an increment and a take on a session that ended refuse; an assignment is dropped, or refused by option", async () => {
    const verbs: [string, (session: AnySession) => unknown][] = [
      ["ERR_SESSION_GONE", (session) => session.update("n", () => 9)],
      ["ERR_SESSION_GONE", (session) => session.increment("n")],
      ["ERR_SESSION_GONE", (session) => session.take("n")],
      ["ERR_SESSION_GONE", (session) => session.rotate()],
      ["no error", (session) => void (session.data.n = 2)],
      ["no error", (session) => session.flash("notice", "x")],
    ];
    for (const [code, verb] of verbs) {
      for (const onGone of ["drop", "fail"] as const) {
        const [where, other] = await pair({ onGone });
        const cookie = await stored(where, { n: 1, m: 1 });
        const one = await visit(where, cookie);
        verb(one.session);
        await done(other, cookie, (session) => session.logout());
        expect(await codeOf(one.finish())).toBe(onGone === "fail" ? "ERR_SESSION_GONE" : code);
        expect(await recordsOf(where)).toEqual([]);
        expect(one.exchange.cookies).toEqual([]);
      }
    }
  });

  test("a session that is emptied while another adds a field survives with that field", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    delete one.session.data.a;
    const deleting = gate();
    where.faulty.next("delete", waitsBefore(deleting));
    const finishing = one.finish();
    await deleting.reached();
    await done(other, cookie, (session) => void (session.data.b = 2));
    deleting.open();
    await finishing;
    expect(await seen(where, cookie)).toEqual({ b: 2 });
    expect(one.exchange.cookies).toEqual([]);
  });

  test("a request that empties a session changes nothing of it once another logged in", async () => {
    const [where, other] = await pair();
    const cookie = await stored(where, { a: 1 });
    const one = await visit(where, cookie);
    delete one.session.data.a;
    const newer = await done(other, cookie, (session) => session.login("ann"));
    await one.finish();
    expect(where.of("gone")).toEqual([expect.objectContaining({ reason: "stale" })]);
    expect(await seen(where, newer)).toEqual({ a: 1 });
    expect(one.exchange.cookies).toEqual([]);
  });

  test("a writer that overlaps an emptied session learns that it is gone", async () => {
    const [where, other] = await pair({ onGone: "fail" });
    const cookie = await stored(where, { a: 1 });
    const writer = await visit(other, cookie);
    writer.session.data.b = 2;
    await done(where, cookie, (session) => void delete session.data.a);
    expect(await codeOf(writer.finish())).toBe("ERR_SESSION_GONE");
    expect(await recordsOf(where)).toEqual([]);
  });

  test("parallel requests of a due secret rotate it once, and all get the same successor", async () => {
    const [where, other] = await pair({ rotateEvery: "10m" });
    const cookie = await stored(where, { n: 0 });
    where.clock.advance(700_000);
    const visits = await Promise.all(
      Array.from({ length: 10 }, (_, i) => visit(i % 2 ? where : other, cookie)),
    );
    for (const one of visits) one.session.increment("n");
    await Promise.all(visits.map((one) => one.finish()));
    const cookies = new Set(visits.flatMap((one) => setCookies(one.exchange)));
    expect(cookies.size).toBe(1);
    expect([...where.of("rotated"), ...other.of("rotated")]).toHaveLength(1);
    const [value] = cookies;
    expect(await seen(where, `__Host-Http-sid=${value}`)).toEqual({ n: 10 });
    expect(await recordsOf(where)).toHaveLength(1);
  });

  test("a logout while a rotation is on its way ends the session", async () => {
    const [where, other] = await pair({ rotateEvery: "10m" });
    const cookie = await stored(where);
    where.clock.advance(700_000);
    const one = await visit(where, cookie);
    const rotating = gate();
    where.faulty.next("update", waitsBefore(rotating));
    const finishing = one.finish();
    await rotating.reached();
    await done(other, cookie, (session) => session.logout());
    rotating.open();
    await finishing;
    expect(await recordsOf(where)).toEqual([]);
    expect(one.exchange.cookies).toEqual([]);
  });

  test("a logout by the secret before, while the successor is in use, ends the session", async () => {
    const [where, other] = await pair({ rotateEvery: "10m" });
    const cookie = await stored(where);
    where.clock.advance(700_000);
    const slow = await visit(other, cookie);
    const newer = await done(where, cookie, () => undefined);
    slow.session.logout();
    await slow.finish();
    expect(await seen(where, newer)).toBeNull();
    expect(await recordsOf(where)).toEqual([]);
  });

  test("others revoked while this session rotates: this one survives, once", async () => {
    const [where, other] = await pair();
    const cookie = await loggedIn(where, "ann");
    await loggedIn(where, "ann");
    where.clock.advance(1);
    const one = await visit(where, cookie);
    const { id } = one.session;
    one.session.rotate();
    const answered = gate();
    where.faulty.next("update", waitsAfter(answered));
    const finishing = one.finish();
    await answered.reached();
    await other.manager.revokeUser("ann", { except: id });
    answered.open();
    await finishing;
    expect((await recordsOf(where)).map((record) => record.id)).toEqual([id]);
    expect(await seen(where, `__Host-Http-sid=${setCookies(one.exchange)[0]}`)).not.toBeNull();
  });

  test("a session that expires between its read and its write: no error, no ghost", async () => {
    const [where] = await pair({ idle: "1h", absolute: "1d" });
    const cookie = await stored(where);
    const one = await visit(where, cookie);
    one.session.data.a = 1;
    where.clock.advance(3_600_000);
    await one.finish();
    await where.manager.sweep();
    // What an engine removes by itself is there until its own clock says so, and dead from the start.
    const left = await recordsOf(where);
    expect(left.filter((record) => record.expiresAt > where.clock.now())).toEqual([]);
    expect(left).toHaveLength(where.store.traits.expires ? 1 : 0);
    expect(await seen(where, cookie)).toBeNull();
  });

  test("an id that is taken is never written over: the session gets another", async () => {
    const [where] = await pair();
    where.faulty.next("create", () => Promise.resolve(false));
    const cookie = await stored(where);
    expect(where.faulty.count("create")).toBe(2);
    expect(await seen(where, cookie)).toEqual({ here: 1 });
    expect(await recordsOf(where)).toHaveLength(1);
  });

  test("a login on its way when its user is revoked is void, and one that comes after lives", async () => {
    for (const how of [waitsBefore, waitsAfter]) {
      const [where, other] = await pair();
      const early = await visit(where);
      early.session.login("ann");
      const storing = gate();
      where.faulty.next("create", how(storing));
      const finishing = codeOf(early.finish());
      await storing.reached();
      where.clock.advance(1);
      await other.manager.revokeUser("ann");
      storing.open();
      expect(await finishing).toBe("ERR_SESSION_REVOKED");
      expect(await recordsOf(where)).toEqual([]);
      expect(await other.manager.sessionsOf("ann")).toEqual([]);

      where.clock.advance(1);
      const late = await loggedIn(where, "ann");
      expect(await seen(other, late)).toEqual({});
      expect(await other.manager.sessionsOf("ann")).toHaveLength(1);
    }
  });

  test("a session that is touched in its last millisecond outlives a sweep that begins at its end", async () => {
    const [where, other] = await pair({ idle: "1h", absolute: "1d" });
    const cookie = await stored(where);
    const idle = await stored(where);
    where.clock.advance(3_600_000 - 1);
    const last = await visit(where, cookie);
    await last.finish();
    await Promise.all(last.exchange.background);
    where.clock.advance(1);
    const { deleted } = await other.manager.sweep().catch(() => ({ deleted: 0 }));
    expect(deleted).toBe(where.store.sweep === undefined ? 0 : 1);
    expect(await seen(other, cookie)).toEqual({ here: 1 });
    expect(await seen(other, idle)).toBeNull();
  });

  test("a session of one place is nothing in another on the same server, whatever is asked", async () => {
    const [one, other] = await Promise.all([places(), places()]);
    const here = rig({ store: await openAt(one[0]!) });
    const there = rig({ store: await openAt(other[0]!) });
    const cookie = await loggedIn(here, "ann", { a: 1 });
    const theirs = await loggedIn(there, "ann", { b: 1 });
    const [record] = await recordsOf(here);
    const id = record!.id;

    expect(await seen(there, cookie)).toBeNull();
    expect(await there.manager.revoke(id)).toBe(false);
    expect((await there.manager.sessionsOf("ann")).map((info) => info.id)).not.toContain(id);
    expect(await there.manager.revokeUser("ann")).toBe(1);
    expect(await seen(there, theirs)).toBeNull();
    expect(await seen(here, cookie)).toEqual({ a: 1 });
    await there.manager.revokeAll();
    expect(await seen(here, cookie)).toEqual({ a: 1 });
    expect(await here.manager.sessionsOf("ann")).toHaveLength(1);
  });

  test("processes half a minute apart share sessions, none shortens one, and what one finds over stays over", async () => {
    const store = await open();
    const options = { store, idle: "1h", absolute: "1d", accessTimeResolution: 1 } as const;
    const [ahead, behind] = [rig(options), rig(options)];
    const start = ahead.clock.now();
    ahead.clock.set(start + 30_000);
    behind.clock.set(start - 30_000);
    const cookie = await loggedIn(behind, "ann", { n: 0 });
    await done(ahead, cookie, (session) => void session.increment("n"));
    const [touched] = await recordsOf(ahead);
    await done(behind, cookie, (session) => void session.increment("n"));
    const [record] = await recordsOf(behind);
    expect(record!.expiresAt).toBeGreaterThanOrEqual(touched!.expiresAt);
    expect(await seen(ahead, cookie)).toEqual({ n: 2 });

    // For the one that is ahead the session is over; for the other it lives for another minute.
    ahead.clock.set(record!.expiresAt);
    behind.clock.set(record!.expiresAt - 60_000);
    expect(await seen(ahead, cookie)).toBeNull();
    expect(await ahead.manager.sessionsOf("ann")).toEqual([]);
    expect(await seen(behind, cookie)).toEqual({ n: 2 });
    expect(await behind.manager.sessionsOf("ann")).toHaveLength(1);

    await ahead.manager.revokeUser("ann");
    expect(await seen(behind, cookie)).toBeNull();
    expect(await behind.manager.sessionsOf("ann")).toEqual([]);
    expect(await recordsOf(behind)).toEqual([]);
  });

  // More than a day apart, Redis may drop a session from its user's list too early: see the store's `LAG_S`.
  test("a clock half a day behind the engine's or ahead of it changes nothing", async () => {
    const halfDay = 43_200_000;
    for (const at of [Date.now() - halfDay, Date.now() + halfDay]) {
      const [where, other] = await pair({ idle: "1h", absolute: "2h", rotateEvery: "10m" });
      where.clock.set(at);
      let cookie = await loggedIn(where, "ann", { n: 0 });
      // Neighbours in the list of the user: whoever adds one may tidy up.
      for (let index = 0; index < 8; index += 1) await loggedIn(other, "ann");
      where.clock.advance(700_000);
      cookie = (await done(other, cookie, (session) => void session.increment("n"))) ?? "";
      expect(await seen(where, cookie)).toEqual({ n: 1 });
      expect(await where.manager.sessionsOf("ann")).toHaveLength(9);
      expect(await other.manager.revokeUser("ann")).toBe(9);
      expect(await recordsOf(where)).toEqual([]);
      expect(await seen(where, cookie)).toBeNull();
    }
  });

  test("what is no session id is revoked without asking the store, and finds nothing", async () => {
    const [where] = await pair();
    await loggedIn(where, "ann");
    where.faulty.forget();
    for (const id of ["", "x", "{}", "a".repeat(25), "\0".repeat(24)]) {
      expect(await where.manager.revoke(id as SessionId)).toBe(false);
      expect(await where.manager.revoke(id as SessionId, { user: "ann" })).toBe(false);
    }
    expect(where.faulty.calls).toEqual([]);
    expect(await where.manager.sessionsOf("ann")).toHaveLength(1);
  });

  test("a storm of everything keeps its books", async () => {
    const [where, other] = await pair({ rotateEvery: "10m" });
    let cookie: string | undefined = await stored(where, { n: 0, log: [] });
    let counted = 0;
    for (let round = 0; round < 4; round += 1) {
      where.clock.advance(700_000);
      const visits = await Promise.all(
        Array.from({ length: 12 }, (_, i) => visit(i % 2 ? where : other, cookie)),
      );
      const codes = await Promise.all(
        visits.map(async (one, index) => {
          one.session.increment("n");
          one.session.update("log", (value) => [...(value as number[]), round * 12 + index]);
          if (index % 3 === 0) await one.session.commit();
          if (index % 3 === 0) one.session.increment("n");
          return index % 5 === 4 ? await one.fail().then(() => "failed") : await codeOf(one.finish());
        }),
      );
      codes.forEach((code, index) => {
        if (code === "no error") counted += index % 3 === 0 ? 2 : 1;
        if (code === "failed") counted += index % 3 === 0 ? 1 : 0;
      });
      const value = visits.flatMap((one) => setCookies(one.exchange))[0];
      if (value !== undefined) cookie = `__Host-Http-sid=${value}`;
    }
    const left = (await seen(where, cookie)) as { n: number; log: number[] };
    expect(left.n).toBe(counted);
    expect(new Set(left.log).size).toBe(left.log.length);
  });
}, CACHED_TOO);
