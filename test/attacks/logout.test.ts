import { describe, expect, test } from "vitest";
import type { AnySession, SessionRecord } from "../../src/index.ts";
import { failsBefore, gate, losesReply, waitsAfter, waitsBefore } from "../../src/testing/index.ts";
import {
  done,
  loggedIn,
  noUnhandledRejections,
  recordsOf,
  rig,
  seen,
  setCookies,
  sibling,
  stored,
  visit,
} from "../races/rig.ts";
import { everyStore } from "../races/stores.ts";
import { SERVED } from "../support/adapter-subjects.ts";
import { COOKIE, served } from "./support.ts";

noUnhandledRejections();

everyStore((open) => {
  test("rows 1, 2: a slow request does not bring back what a logout deleted (CVE-2025-46336, CVE-2013-10075)", async () => {
    const where = rig({ store: await open() });
    for (const change of [
      (session: AnySession) => void (session.data.n = 1),
      (session: AnySession) => void session.increment("n"),
      (session: AnySession) => void session.flash("notice", "late"),
    ]) {
      const cookie = await loggedIn(where, "ann", { n: 0 });
      const slow = await visit(where, cookie);
      change(slow.session);
      const writing = gate();
      where.faulty.next("update", waitsBefore(writing));
      const finishing = slow.finish().catch(() => undefined);
      await writing.reached();
      await done(sibling(where), cookie, (session) => session.logout());
      writing.open();
      await finishing;
      expect(await recordsOf(where)).toEqual([]);
      expect(await seen(where, cookie)).toBeNull();
    }
  });

  test("row 3: a logout undoes itself neither by a touch, a rotation nor a repeated answer (connect-redis #328)", async () => {
    const where = rig({ store: await open(), rotateEvery: "10m" });
    const cookie = await loggedIn(where);
    where.clock.advance(700_000);
    const slow = await visit(where, cookie);
    const writing = gate();
    where.faulty.next("update", waitsBefore(writing));
    const finishing = slow.finish().catch(() => undefined);
    await writing.reached();
    where.faulty.next("delete", losesReply());
    await done(where, cookie, (session) => session.logout());
    writing.open();
    await finishing;
    await Promise.all(slow.exchange.background);
    for (const value of [cookie, ...setCookies(slow.exchange).map((one) => `${COOKIE}=${one}`)])
      expect(await seen(where, value)).toBeNull();
    expect(await recordsOf(where)).toEqual([]);
  });

  test("row 7: what a session held before its logout opens nothing when it is played back (CVE-2024-31999)", async () => {
    const where = rig({ store: await open() });
    // No session lives in its cookie: one that did would need a list of those that are over, which sealing at rest does not change.
    const cookie = await loggedIn(where, "ann", { role: "admin" });
    const [record] = (await recordsOf(where)) as [SessionRecord];
    await done(where, cookie, (session) => session.logout());
    expect(await seen(where, cookie)).toBeNull();
    const sealed = `${COOKIE}=${Buffer.from(JSON.stringify(record)).toString("base64url")}`;
    expect(await seen(where, sealed)).toBeNull();
    expect(await recordsOf(where)).toEqual([]);
  });

  test("row 22: a new session takes no other's id, also where one is minted twice", async () => {
    const where = rig({ store: await open() });
    const cookie = await loggedIn(where, "ann", { mine: 1 });
    const [record] = (await recordsOf(where)) as [SessionRecord];
    const call = { signal: new AbortController().signal };
    const thief = { ...record, secretHash: "x".repeat(43), fields: {} };
    expect(await where.store.create(thief, call)).toBe(false);
    const created = await Promise.all(
      Array.from(
        { length: 8 },
        async () => await where.store.create({ ...thief, id: "B".repeat(24) as typeof record.id }, call),
      ),
    );
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(await seen(where, cookie)).toEqual({ mine: 1 });
  });

  test("row 23: a sweep does not end a session that is touched meanwhile (spring #93)", async () => {
    const where = rig({ store: await open(), idle: "10m" });
    const cookie = await stored(where);
    where.clock.advance(599_000);
    await done(where, cookie, () => undefined);
    where.clock.advance(2000);
    await where.manager.sweep();
    expect(await seen(where, cookie)).not.toBeNull();
  });

  test("row 20: of two that use one secret or one claim up, one wins; and no restart forgets a revocation (CVE-2026-1035, CVE-2026-9802)", async () => {
    const where = rig({ store: await open() });
    const cookie = await stored(where, { code: "once" });
    const [one, two] = [await visit(where, cookie), await visit(sibling(where), cookie)];
    const claimed = await Promise.all([one.session.claim("code"), two.session.claim("code")]);
    expect(claimed.filter((value) => value === "once")).toHaveLength(1);
    await Promise.all([one.finish(), two.finish()]);

    const late = await visit(where);
    late.session.login("ann");
    const writing = gate();
    where.faulty.next("create", waitsAfter(writing));
    const finishing = late.finish().catch(() => undefined);
    await writing.reached();
    // Another process, which knows nothing but what is stored, as after a restart.
    await sibling(where).manager.revokeUser("ann");
    writing.open();
    await finishing;
    for (const value of setCookies(late.exchange))
      expect(value === "" ? null : await seen(sibling(where), `${COOKIE}=${value}`)).toBeNull();
    expect(await where.manager.sessionsOf("ann")).toEqual([]);
  });
});

describe("row 16: the end comes first, and who is told of it second (CVE-2021-34428)", () => {
  test("a listener that throws or rejects stops no logout and no revocation", async () => {
    const where = rig();
    for (const name of ["ended", "revoked"] as const) {
      where.manager.on(name, () => {
        throw new Error("a listener");
      });
      where.manager.on(name, () => Promise.reject(new Error("a listener")) as never);
    }
    const cookie = await loggedIn(where);
    await done(where, cookie, (session) => session.logout());
    expect(await seen(where, cookie)).toBeNull();
    const other = await loggedIn(where);
    expect(await where.manager.revokeUser("ann")).toBe(1);
    expect(await seen(where, other)).toBeNull();
    expect(await recordsOf(where)).toEqual([]);
  });

  test("nor is anybody told of an end that did not take place", async () => {
    const where = rig();
    const cookie = await loggedIn(where);
    const one = await visit(where, cookie);
    one.session.logout();
    where.faulty.always("delete", failsBefore());
    await one.finish().catch(() => undefined);
    expect(where.of("ended")).toEqual([]);
    where.faulty.heal();
  });
});

for (const subject of SERVED) {
  describe(`over a socket, ${subject.name}`, () => {
    test("row 28: the cookie that is revoked has the attributes that it was set with, and so is gone", async () => {
      for (const cookie of [
        {},
        { path: "/", domain: "example.com" },
        { sameSite: "None", partitioned: true },
      ] as const) {
        const { app } = await served({ cookie }, { subject });
        const set = (await app.send("/login")).cookies[0] ?? "";
        const revoked =
          (await app.send("/logout", { headers: [["Cookie", set.split(";")[0] ?? ""]] })).cookies[0] ?? "";
        const attributes = (line: string): string[] =>
          line
            .split("; ")
            .slice(1)
            .filter((one) => !/^(Max-Age=0|Expires=Thu, 01 Jan 1970)/.test(one));
        expect(attributes(revoked)).toEqual(attributes(set));
        expect(revoked).toMatch(/^[\w-]+=; .*Max-Age=0/);
      }
    });

    test("row 21: every attribute of the policy reaches the wire (CVE-2026-47889)", async () => {
      for (const sameSite of ["Strict", "Lax", "None"] as const) {
        const { app } = await served({ cookie: { sameSite } }, { subject });
        const [line = ""] = (await app.send("/login")).cookies;
        expect(line.split("; ").slice(1)).toEqual(["Path=/", "Secure", "HttpOnly", `SameSite=${sameSite}`]);
      }
    });

    test("row 29: a logout ends the session at the server, whatever the browser does with its cookie", async () => {
      const { app } = await served({}, { subject });
      const [line = ""] = (await app.send("/login")).cookies;
      const headers: [string, string][] = [["Cookie", line.split(";")[0] ?? ""]];
      expect((await app.send("/who", { headers })).body).toBe("ann");
      await app.send("/logout", { headers });
      for (let time = 0; time < 2; time += 1)
        expect((await app.send("/who", { headers })).body).toBe("nobody");
    });

    test("row 24: the next request sees what the answer before it told of (laravel #15760)", async () => {
      const { app } = await served({}, { subject });
      const browser = app.browser();
      for (let time = 0; time < 5; time += 1) {
        await browser.get("/login?user=ann");
        expect((await browser.get("/who")).body).toBe("ann");
        await browser.get("/logout");
        expect((await browser.get("/who")).body).toBe("nobody");
      }
    });
  });
}
