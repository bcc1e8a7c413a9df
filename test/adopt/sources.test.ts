import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withServers } from "../support/servers/programs.ts";
import { dataOf, newSite } from "./new-site.ts";
import {
  cookieSite,
  type Cookies,
  expressSite,
  fastifySite,
  fileSite,
  ironSite,
  koaSite,
  type OldSite,
  postgresSite,
  redisSite,
  sqliteSite,
} from "./old-sites.ts";
import expressSession from "express-session";

const START_MS = 120_000;
const DATA = { userId: "ann", cart: ["tea", { name: "cup", price: 9.5 }], note: "100 % & ; = \u00e9" };
const NONE: Cookies = new Map();

/** What holds for the sessions of every library. */
function everySource(name: string, open: () => Promise<OldSite>): void {
  describe(`sessions of ${name}`, () => {
    let site: OldSite;
    beforeAll(async () => void (site = await open()), START_MS);
    afterAll(() => site.close(), START_MS);

    test("go on with their data and their user, and get the new cookie in that very answer", async () => {
      const { visit, manager } = newSite(site.source);
      const old = await site.visit(DATA);
      const first = await visit(old, (session) => [dataOf(session), session.user, session.id]);
      const [data, user, id] = first.given as [object, string, string];
      expect(data).toEqual(DATA);
      expect(user).toBe("ann");
      expect(first.cookies.get("__Host-Http-sid")).toMatch(/^[\w-]{56}$/);
      expect((await manager.sessionsOf("ann")).map((one) => one.id)).toEqual([id]);
      const again = await visit(first.cookies, (session) => [dataOf(session), session.user, session.id]);
      expect(again.given).toEqual([DATA, "ann", id]);
    });

    test("are gone from where they were, with their cookies", async () => {
      const { visit } = newSite(site.source);
      const old = await site.visit(DATA);
      const { cookies } = await visit(old, dataOf);
      expect([...cookies.keys()].filter((one) => site.names.includes(one))).toEqual([]);
      // The whole session may be in the cookie, which nobody can take back.
      if (site.bare(old) !== null && site.names.length === 1) expect(await site.shown(old)).toEqual({});
    });

    test("stay as they are where they are to be kept: the old application finds them again", async () => {
      const { visit } = newSite(site.source, { old: "keep" });
      const old = await site.visit(DATA);
      const { cookies } = await visit(old, (session) => session.set("cart", []));
      expect([...cookies.keys()]).toEqual(expect.arrayContaining([...site.names]));
      expect(await site.shown(cookies)).toEqual(DATA);
    });

    test("are not adopted with one character of their cookie changed", async () => {
      const { visit, faulty } = newSite(site.source);
      const old = await site.visit(DATA);
      for (const changed of site.names) {
        const value = old.get(changed) ?? "";
        for (const at of [3, value.length >> 1, value.length - 5]) {
          const other = value[at] === "x" ? "y" : "x";
          const forged = new Map(old).set(changed, value.slice(0, at) + other + value.slice(at + 1));
          const { given, lines } = await visit(forged, (session) => [dataOf(session), session.user]);
          expect([given, lines]).toEqual([[{}, null], []]);
        }
      }
      expect(
        (await faulty.store.all?.({ limit: 99 }, { signal: new AbortController().signal }))?.records,
      ).toEqual([]);
    });

    test("are not adopted by the bare key that their store holds", async () => {
      const { visit } = newSite(site.source);
      const bare = site.bare(await site.visit(DATA));
      if (bare === null) return;
      expect((await visit(bare, (session) => [dataOf(session), session.user])).given).toEqual([{}, null]);
    });

    test("are not adopted by what is signed for another cookie, or for another secret", async () => {
      const { visit } = newSite(site.source);
      const old = await site.visit(DATA);
      const others = await site.visit({ userId: "bob" });
      if (site.names.length === 1) return;
      const [value = "", signature = ""] = site.names;
      const mixed = new Map([
        [value, old.get(value) ?? ""],
        [signature, others.get(signature) ?? ""],
      ]);
      expect((await visit(mixed, (session) => session.user)).given).toBeNull();
    });

    test("end in one session, however many requests overlap", async () => {
      const { visit, manager } = newSite(site.source);
      const old = await site.visit(DATA);
      const visits = await Promise.all(
        Array.from({ length: 12 }, () =>
          visit(old, (session) => {
            session.increment("seen");
            return session.id;
          }),
        ),
      );
      expect(new Set(visits.map((one) => one.given)).size).toBe(1);
      expect(new Set(visits.map((one) => one.cookies.get("__Host-Http-sid"))).size).toBe(1);
      expect(await manager.sessionsOf("ann")).toHaveLength(1);
      const last = await visit(visits[0]?.cookies ?? NONE, (session) => session.get("seen"));
      expect(last.given).toBe(12);
    });

    test.each(["remove", "keep"] as const)("are not brought back after a logout: %s", async (old) => {
      const { visit, manager } = newSite(site.source, { old });
      const before = await site.visit(DATA);
      const { cookies } = await visit(before, dataOf);
      const left = await visit(cookies, (session) => session.logout());
      expect([...left.cookies.keys()]).toEqual([]);
      for (const shown of [before, new Map([...before, ...left.cookies])])
        expect((await visit(shown, (session) => [dataOf(session), session.user])).given).toEqual([{}, null]);
      expect(await manager.sessionsOf("ann")).toEqual([]);
    });

    test("that have expired are not adopted", async () => {
      // A cookie of cookie-session does not say when it ends: the browser alone drops it.
      if (site.source.name === "cookie-session") return;
      const { visit, clock } = newSite(site.source);
      const old = await site.visit(DATA);
      clock.advance(8 * 86_400_000);
      expect((await visit(old, (session) => session.user)).given).toBeNull();
    });

    test("take along how long their cookie lives", async () => {
      const { visit } = newSite(site.source);
      const { lines } = await visit(await site.visit(DATA), dataOf);
      const [, seconds = "none"] = /Http-sid=.*Max-Age=(\d+)/.exec(lines.join("\n")) ?? [];
      expect(Math.abs(Number(seconds) - 7 * 86_400)).toBeLessThan(10);
    });
  });
}

everySource("express-session in memory", () => expressSite(new expressSession.MemoryStore()));
withServers(["redis"], () => everySource("express-session in Redis", redisSite));
withServers(["postgres"], () => everySource("express-session in PostgreSQL", postgresSite));
everySource("express-session in SQLite", sqliteSite);
everySource("express-session in files", fileSite);
everySource("@fastify/session", fastifySite);
everySource("koa-session in cookies", () => koaSite("cookie"));
everySource("koa-session in a store", () => koaSite("store"));
everySource("cookie-session", cookieSite);
everySource("iron-session", ironSite);
everySource("iron-session, of several cookies", () => ironSite(true));
