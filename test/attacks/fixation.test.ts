import { describe, expect, test } from "vitest";
import type { AnySession } from "../../src/index.ts";
import { done, loggedIn, recordsOf, rig, seen, setCookies, stored, visit } from "../races/rig.ts";
import { SERVED } from "../support/adapter-subjects.ts";
import { COOKIE, served } from "./support.ts";

for (const subject of SERVED) {
  describe(`over a socket, ${subject.name}`, () => {
    test("row 17: a cookie that was planted before the login is not the session after it (CVE-2026-43827)", async () => {
      const { app } = await served({}, { subject });
      const planted = (await app.send("/put?to=planted")).cookies[0]?.split(";")[0] ?? "";
      const victim = await app.send("/login?user=ann", { headers: [["Cookie", planted]] });
      const given = victim.cookies[0]?.split(";")[0] ?? "";
      expect(given).not.toBe(planted);
      expect((await app.send("/who", { headers: [["Cookie", planted]] })).body).toBe("nobody");
      expect((await app.send("/who", { headers: [["Cookie", given]] })).body).toBe("ann");
    });

    test("row 18: a session's handle is taken from its cookie alone, and from no address, header or other cookie (CVE-2026-7507)", async () => {
      const { app } = await served({}, { subject });
      const cookie = (await app.send("/login?user=ann")).cookies[0]?.split(";")[0] ?? "";
      const token = cookie.slice(COOKIE.length + 1);
      const query = new URLSearchParams({
        [COOKIE]: token,
        sid: token,
        session: token,
        jsessionid: token,
      }).toString();
      expect((await app.send(`/who?${query}`)).body).toBe("nobody");
      const headers: [string, string][] = [
        ["Authorization", `Bearer ${token}`],
        ["X-Session-Id", token],
        ["X-Session-Token", token],
        [COOKIE, token],
        ["Cookie2", cookie],
        [
          "Cookie",
          `sid=${token}; ${COOKIE.toLowerCase()}=${token}; x${cookie}; ${COOKIE}X=${token}; "${cookie}"`,
        ],
      ];
      for (const header of headers)
        expect((await app.send("/who", { headers: [header] })).body).toBe("nobody");
      expect((await app.send(`/who?${query}`, { method: "POST" })).body).toBe("nobody");
    });
  });
}

describe("row 17: privilege", () => {
  test("every verb that raises it makes another secret, and the one before opens nothing from then on", async () => {
    const where = rig({ onIdle: "lock", idle: "30m", rotateEvery: "10m" });
    let cookie: string | undefined = await stored(where);
    const before: string[] = [];
    const verbs = [
      (session: AnySession) => session.login("ann"),
      (session: AnySession) => session.login("ann"),
      (session: AnySession) => session.reauthenticate(),
      (session: AnySession) => session.rotate(),
      (session: AnySession) => session.unlock(),
    ];
    for (const [index, verb] of verbs.entries()) {
      if (index === verbs.length - 1) where.clock.advance(1_900_000);
      before.push(cookie ?? "");
      cookie = await done(where, cookie, verb);
      for (const dead of before) expect(await seen(where, dead)).toBeNull();
    }
    expect(await seen(where, cookie)).not.toBeNull();
    expect(new Set([...before, cookie]).size).toBe(verbs.length + 1);
  });
});

describe("row 19: another subject is another session (GHSA-c9h6-v78w-52wj, CVE-2025-12390)", () => {
  test("by login upon login, after a logout, and where the first is locked", async () => {
    const where = rig({ onIdle: "lock", idle: "30m" });
    const ids = new Set<string>();
    const note = async (cookie: string | undefined): Promise<void> => {
      const { session } = await visit(where, cookie);
      ids.add(String(session.id));
    };
    let cookie: string | undefined = await loggedIn(where, "ann", { secret: "ann's" });
    await note(cookie);
    cookie = await done(where, cookie, (session) => session.login("bob"));
    await note(cookie);
    expect(await seen(where, cookie)).toEqual({});
    where.clock.advance(1_900_000);
    cookie = await done(where, cookie, (session) => session.login("eve"));
    await note(cookie);
    const out = await visit(where, cookie);
    out.session.logout();
    out.session.login("ann");
    await out.finish();
    await note(`${COOKIE}=${setCookies(out.exchange)[0]}`);
    expect(ids.size).toBe(4);
    expect(await recordsOf(where)).toHaveLength(1);
  });
});
