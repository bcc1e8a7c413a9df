import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BoundOptions } from "../../src/bound.ts";
import { MINUTE, type Rig, rigOf } from "./support/rig.ts";
import { SITES } from "./support/sites.ts";

for (const site of SITES) {
  describe(`a browser that binds its session, on ${site.name}`, () => {
    let rig: Rig;
    const started = async (options: BoundOptions = {}): Promise<Rig> => (rig = await rigOf(options, site));
    beforeEach(async () => void (await started()));
    afterEach(() => rig.close());

    test("registers beside the page, and is known by both cookies from then on", async () => {
      const browser = rig.browser();
      const login = await browser.post("/login");
      expect([login.status, login.text]).toEqual([200, "welcome"]);
      await browser.settled();
      expect(browser.story).toEqual(["registered ES256"]);
      expect(browser.boundCookie).toMatch(/^[A-Za-z0-9_-]{32}$/);
      rig.clock.advance(MINUTE);
      expect((await browser.get("/")).text).toBe("ann");
      expect(rig.told()).toEqual(["registered"]);
    });

    test("signs with RS256 where it cannot do better", async () => {
      const browser = await rig.boundBrowser({ algorithms: ["RS256"] });
      rig.clock.advance(11 * MINUTE);
      expect((await browser.get("/")).text).toBe("ann");
      expect(browser.story).toEqual(["registered RS256", "challenged", "refreshed"]);
    });

    test("refreshes when the cookie ran out: asked for a proof at first, with the next challenge at hand later", async () => {
      const browser = await rig.boundBrowser();
      const values = [browser.boundCookie];
      for (let round = 0; round < 3; round += 1) {
        rig.clock.advance(10 * MINUTE);
        expect((await browser.get("/")).text).toBe("ann");
        values.push(browser.boundCookie);
      }
      expect(browser.story).toEqual([
        "registered ES256",
        "challenged",
        "refreshed",
        "refreshed",
        "refreshed",
      ]);
      expect(new Set(values).size).toBe(4);
    });

    test("holds its requests back meanwhile, and refreshes once for all of them", async () => {
      const browser = await rig.boundBrowser();
      rig.clock.advance(10 * MINUTE);
      const seen = await Promise.all(Array.from({ length: 6 }, () => browser.get("/")));
      expect(seen.map(({ text }) => text)).toEqual(Array(6).fill("ann"));
      expect(browser.story).toEqual(["registered ES256", "challenged", "refreshed"]);
    });

    test("understands bare texts and the names of the first trial, and answers with today's alone", async () => {
      for (const chosen of [{ bare: true }, { legacy: true }, { bare: true, legacy: true }]) {
        const browser = await rig.boundBrowser(chosen);
        rig.clock.advance(10 * MINUTE);
        const { headers, text } = await browser.get("/");
        expect(text).toBe("ann");
        expect([...headers.keys()].filter((name) => name.startsWith("sec-"))).toEqual([]);
        expect(browser.story).toEqual(["registered ES256", "challenged", "refreshed"]);
      }
    });

    test("logs out for good: the record, and both cookies", async () => {
      const browser = await rig.boundBrowser();
      await browser.post("/logout");
      expect(browser.jar.cookies()).toEqual([]);
      expect(await rig.manager.sessionsOf("ann")).toEqual([]);
      expect((await browser.get("/")).text).toBe("nobody");
    });

    test("is told that its session is over when it refreshes one that ended elsewhere", async () => {
      const browser = await rig.boundBrowser();
      await rig.manager.revokeUser("ann");
      rig.clock.advance(10 * MINUTE);
      expect((await browser.get("/")).text).toBe("nobody");
      expect(browser.story).toEqual(["registered ES256", "ended by 401"]);
    });

    test("that knows nothing of all this has a session as ever", async () => {
      const browser = await rig.boundBrowser({ plain: true });
      rig.clock.advance(20 * MINUTE);
      expect((await browser.get("/")).text).toBe("ann");
      expect(rig.told()).toEqual([]);
    });

    test("loses a stolen session: the thief gets 401, and so does the owner, who is logged out", async () => {
      const browser = await rig.boundBrowser();
      rig.clock.advance(MINUTE);
      const thief = rig.browser({ plain: true });
      const stolen = browser.jar.value("__Host-Http-sid") ?? "";
      thief.jar.take([`__Host-Http-sid=${stolen}; Path=/; Secure; HttpOnly`], rig.origin);
      expect((await thief.get("/")).status).toBe(401);
      expect((await browser.get("/")).text).toBe("nobody");
      expect(rig.told()).toEqual(["registered", "session stolen!"]);
      expect(rig.events[1]).toMatchObject({ user: "ann", details: { cookie: "missing", enforced: true } });
    });

    test("proves itself anew when something asks for it, and comes back to the same address", async () => {
      const browser = await rig.boundBrowser();
      rig.clock.advance(MINUTE);
      const paid = await browser.get(`/pay?since=${rig.clock.now()}`);
      expect([paid.status, paid.text]).toEqual([200, "paid"]);
      expect(browser.story).toEqual(["registered ES256", "challenged", "refreshed"]);
    });

    test("is not waited for by what is excluded", async () => {
      await rig.close();
      await started({ exclude: ["/assets"] });
      const browser = await rig.boundBrowser();
      rig.clock.advance(20 * MINUTE);
      expect((await browser.get("/assets/logo")).text).toBe("a picture");
      expect(browser.story).toEqual(["registered ES256"]);
      expect(rig.told()).toEqual(["registered"]);
    });

    test("gets answers at the endpoint that nobody stores, frames or is redirected by", async () => {
      const browser = await rig.boundBrowser();
      const id = browser.session?.id ?? "";
      for (const path of ["/dbsc/register", "/dbsc/refresh"]) {
        const { status, headers } = await browser.raw("POST", path, { "sec-secure-session-id": `"${id}"` });
        expect([400, 403]).toContain(status);
        expect(headers.get("cache-control")).toContain("no-store");
        expect(headers.get("content-security-policy")).toBe("frame-ancestors 'none'");
        expect(headers.get("access-control-allow-origin")).toBe(null);
      }
    });
  });
}
