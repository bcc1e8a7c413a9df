import { afterEach, describe, expect, test } from "vitest";
import Bowser from "bowser";
import { bowserParser } from "../../src/devices.ts";
import { failsBefore } from "../../src/testing/index.ts";
import { type DeviceRig, FIREFOX, IPHONE, rigOf, type Visitor } from "./rig.ts";
import { SITES } from "./sites.ts";

const open: DeviceRig[] = [];
afterEach(async () => {
  for (const rig of open.splice(0)) await rig.close();
});

async function errorOf(answer: Response): Promise<unknown[]> {
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return [answer.status, ((await answer.json()) as { error?: string }).error];
}

function ledTo(answer: Response): unknown[] {
  expect(answer.headers.get("cache-control")).toBe("no-store");
  return [answer.status, answer.headers.get("location")];
}

async function status(answer: Promise<Response>): Promise<number> {
  const { status: code, headers } = await answer;
  expect(headers.get("cache-control")).toBe("no-store");
  return code;
}

describe.each(Object.keys(SITES))("ASVS 7.5.2: your devices on %s", (framework) => {
  const made = async (options: Parameters<typeof rigOf>[1] = {}): Promise<DeviceRig> => {
    const rig = await rigOf(framework, options);
    open.push(rig);
    return rig;
  };

  describe("the list", () => {
    test("tells of every session of the user, and opens none", async () => {
      const rig = await made({ parseUserAgent: bowserParser(Bowser) });
      const phone = await rig.loggedIn("ann", IPHONE);
      rig.clock.advance(1000);
      const laptop = await rig.loggedIn();
      await rig.loggedIn("bob");
      const answer = await laptop.send("/account/devices", {});
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("content-type")).toBe("application/json");
      const text = await answer.text();
      const { devices, csrf, fresh } = JSON.parse(text) as Awaited<ReturnType<Visitor["list"]>>;
      expect(fresh).toBe(true);
      expect(csrf).toMatch(/^[\w-]{20,}$/);
      expect(devices).toHaveLength(2);
      expect(devices[0]).toMatchObject({
        current: true,
        device: { browser: "Firefox", os: "Linux", kind: "desktop", text: FIREFOX },
        methods: ["pwd"],
        level: null,
        state: "active",
        lastSeen: rig.clock.now(),
        createdAt: rig.clock.now(),
      });
      expect(devices[1]).toMatchObject({
        current: false,
        device: { browser: "Safari", os: "iOS", kind: "mobile" },
        createdAt: rig.clock.now() - 1000,
      });
      for (const record of await rig.manager.sessionsOf("ann")) expect(text).toContain(record.id);
      expect(text).not.toMatch(/secret|"~/i);
      expect(await phone.user()).toBe("ann");
    });

    test("keeps its CSRF token, and gives a new one with a new authentication", async () => {
      const rig = await made();
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      expect((await laptop.list()).csrf).toBe(csrf);
      await laptop.post("/again");
      expect((await laptop.list()).csrf).not.toBe(csrf);
    });

    test("is for users who are logged in, and open", async () => {
      const rig = await made({ manager: { preset: "aal2" } });
      const ask = (one: Visitor) => one.send("/account/devices", {});
      expect(await errorOf(await ask(rig.visitor()))).toEqual([401, "login_required"]);
      const laptop = await rig.loggedIn();
      rig.clock.advance(2 * 3_600_000);
      expect(await errorOf(await ask(laptop))).toEqual([401, "locked"]);
      expect(await errorOf(await laptop.json("/end-others", {}))).toEqual([401, "locked"]);
    });

    test("says whether devices may be ended now", async () => {
      const rig = await made({ freshness: "5m" });
      const laptop = await rig.loggedIn();
      rig.clock.advance(5 * 60_000);
      expect((await laptop.list()).fresh).toBe(true);
      rig.clock.advance(1);
      expect((await laptop.list()).fresh).toBe(false);
    });
  });

  describe("ending one", () => {
    test("ends it wherever it is used, and answers a script in JSON", async () => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      const device = await phone.handle();
      const { csrf } = await laptop.list();
      const answer = await laptop.json("/end", { device, csrf });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(await answer.json()).toEqual({ ended: 1, current: false });
      expect(await phone.user()).toBe("nobody");
      expect((await laptop.list()).devices).toHaveLength(1);
    });

    test("leads a form back to its page, without scripts", async () => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      const device = await phone.handle();
      const { csrf } = await laptop.list();
      expect(ledTo(await laptop.form("/end", { device, csrf }))).toEqual([303, "/account"]);
      expect(await phone.user()).toBe("nobody");
      // Sent again by the button for "back", it finds that done what it was for.
      expect(ledTo(await laptop.form("/end/?a=b", { device, csrf }))).toEqual([303, "/account"]);
    });

    test("takes the token in a header as well", async () => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      const answer = await laptop.send("/account/devices/end", {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrf-token": csrf },
        body: JSON.stringify({ device: await phone.handle() }),
      });
      expect(answer.status).toBe(200);
    });

    test.each(["json", "form"] as const)(
      "the current one is a logout of this request, by %s",
      async (way) => {
        const rig = await made();
        const laptop = await rig.loggedIn();
        const { csrf } = await laptop.list();
        const answer = await laptop[way]("/end", { device: await laptop.handle(), csrf });
        if (way === "form") expect(ledTo(answer)).toEqual([303, "/login-page"]);
        else expect(await answer.json()).toEqual({ ended: 1, current: true });
        expect(answer.headers.getSetCookie()).toEqual([expect.stringContaining("Max-Age=0")]);
        expect(answer.headers.get("clear-site-data")).toBe('"cookies", "storage"');
        expect(laptop.cookies).toBe(0);
        expect(await rig.manager.sessionsOf("ann")).toEqual([]);
      },
    );

    test("of another user is answered as of one that is not there, and ends nothing", async () => {
      const rig = await made();
      const bob = await rig.loggedIn("bob");
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      const theirs = await bob.handle();
      const bodies: string[] = [];
      for (const device of [
        theirs,
        "A".repeat(24),
        "",
        "../../etc",
        "\0",
        7,
        null,
        [theirs],
        { theirs },
        "x".repeat(9999),
      ]) {
        const answer = await laptop.json("/end", { device, csrf });
        expect(answer.status).toBe(404);
        bodies.push(`${answer.headers.get("content-type")} ${await answer.text()}`);
      }
      expect(new Set(bodies).size).toBe(1);
      expect(ledTo(await laptop.form("/end", { device: theirs, csrf }))).toEqual([303, "/account"]);
      expect(await bob.user()).toBe("bob");
    });
  });

  describe("ending all others", () => {
    test("leaves this one alone, and other users", async () => {
      const rig = await made();
      const others = [await rig.loggedIn(), await rig.loggedIn("ann", IPHONE)];
      const bob = await rig.loggedIn("bob");
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      const answer = await laptop.json("/end-others", { csrf });
      expect(await answer.json()).toEqual({ ended: 2, current: false });
      expect(await Promise.all(others.map((one) => one.user()))).toEqual(["nobody", "nobody"]);
      expect([await laptop.user(), await bob.user()]).toEqual(["ann", "bob"]);
      expect(ledTo(await laptop.form("/end-others", { csrf }))).toEqual([303, "/account"]);
    });
  });

  describe("C1, N8: a request without the session's token", () => {
    test.each(["/end", "/end-others"])("to %s is refused with 403, and ends nothing", async (path) => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      const device = await phone.handle();
      const { csrf: ofPhone } = await phone.list();
      await laptop.list();
      for (const csrf of [undefined, "", "x", ofPhone, 7, null]) {
        expect(await errorOf(await laptop.json(path, { device, csrf }))).toEqual([403, "forged"]);
      }
      const form = await laptop.form(path, { device, csrf: ofPhone });
      expect(form.status).toBe(403);
      expect(form.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      expect(await phone.user()).toBe("ann");
    });

    test("C3: from a stranger's page does not get as far as the endpoint", async () => {
      const rig = await made();
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      const answer = await laptop.send("/account/devices/end-others", {
        method: "POST",
        headers: { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
        body: new URLSearchParams({ csrf }),
      });
      expect(answer.status).toBe(403);
    });
  });

  describe("ASVS 7.5.1: an authentication that is too old", () => {
    test.each(["/end", "/end-others"])("lets %s end nothing, not even this one", async (path) => {
      const rig = await made({ freshness: { maxAge: "10m" } });
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      rig.clock.advance(10 * 60_000 + 1);
      const { csrf } = await laptop.list();
      for (const device of [await phone.handle(), await laptop.handle(), "A".repeat(24)]) {
        expect(await errorOf(await laptop.json(path, { device, csrf }))).toEqual([401, "not_fresh"]);
        expect(ledTo(await laptop.form(path, { device, csrf }))).toEqual([303, "/prove"]);
      }
      expect([await phone.user(), await laptop.user()]).toEqual(["ann", "ann"]);
      await laptop.post("/again");
      const { csrf: renewed } = await laptop.list();
      expect(await errorOf(await laptop.json(path, { csrf }))).toEqual([403, "forged"]);
      expect(await status(laptop.json(path, { device: await phone.handle(), csrf: renewed }))).toBe(200);
    });

    test("or too weak lets nothing be ended", async () => {
      const rig = await made({ freshness: { methods: ["otp"] } });
      const laptop = await rig.loggedIn();
      const { csrf, fresh } = await laptop.list();
      expect(fresh).toBe(false);
      expect(await errorOf(await laptop.json("/end-others", { csrf }))).toEqual([401, "not_fresh"]);
    });
  });

  describe("visitors", () => {
    test("end nothing", async () => {
      const rig = await made();
      const phone = await rig.loggedIn();
      const device = await phone.handle();
      const stranger = rig.visitor();
      for (const path of ["/end", "/end-others"]) {
        expect(await errorOf(await stranger.json(path, { device }))).toEqual([401, "login_required"]);
        expect(ledTo(await stranger.form(path, { device }))).toEqual([303, "/login-page"]);
      }
      expect(stranger.cookies).toBe(0);
      expect(await phone.user()).toBe("ann");
    });
  });

  test("methods and paths that are not there are refused before anything else", async () => {
    const rig = await made();
    const laptop = await rig.loggedIn();
    const ask = async (path: string, method: string): Promise<unknown[]> => {
      const answer = await laptop.send(`/account/devices${path}`, { method });
      return [...(await errorOf(answer)), answer.headers.get("allow")];
    };
    expect(await ask("/end", "GET")).toEqual([405, "method_not_allowed", "POST"]);
    expect(await ask("/end-others", "DELETE")).toEqual([405, "method_not_allowed", "POST"]);
    expect(await ask("", "POST")).toEqual([405, "method_not_allowed", "GET, HEAD"]);
    expect(await ask("/list", "PUT")).toEqual([405, "method_not_allowed", "GET, HEAD"]);
    const head = await laptop.send("/account/devices", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("a store that fails is the framework's to answer, and nobody is told that something was ended", async () => {
    const rig = await made();
    const phone = await rig.loggedIn("ann", IPHONE);
    const laptop = await rig.loggedIn();
    const device = await phone.handle();
    const { csrf } = await laptop.list();
    rig.faulty.always("delete", failsBefore());
    expect((await laptop.json("/end", { device, csrf })).status).toBeGreaterThanOrEqual(500);
    expect(
      (await laptop.json("/end", { device: await laptop.handle(), csrf })).status,
    ).toBeGreaterThanOrEqual(500);
    rig.faulty.heal();
    rig.faulty.always("listByLabel", failsBefore());
    expect((await laptop.send("/account/devices", {})).status).toBeGreaterThanOrEqual(500);
    rig.faulty.heal();
    expect([await phone.user(), await laptop.user()]).toEqual(["ann", "ann"]);
  });

  describe("races", () => {
    test("of two requests that end the same device one does, and it is gone", async () => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const [laptop, tablet] = [await rig.loggedIn(), await rig.loggedIn()];
      const device = await phone.handle();
      const tokens = [(await laptop.list()).csrf, (await tablet.list()).csrf];
      const answers = await Promise.all(
        [laptop, tablet].map((one, at) => one.json("/end", { device, csrf: tokens[at] })),
      );
      expect(answers.map((answer) => answer.status).toSorted((one, other) => one - other)).toEqual([
        200, 404,
      ]);
      expect(await phone.user()).toBe("nobody");
    });

    test("row 1: a device that is ended while it writes is not brought back", async () => {
      const rig = await made();
      const phone = await rig.loggedIn("ann", IPHONE);
      const laptop = await rig.loggedIn();
      const { csrf } = await laptop.list();
      const writing = phone.post("/slow");
      await rig.slow.reached();
      expect(await status(laptop.json("/end-others", { csrf }))).toBe(200);
      rig.slow.open();
      await writing;
      expect(await phone.user()).toBe("nobody");
      expect(await rig.manager.sessionsOf("ann")).toHaveLength(1);
    });

    test("this device's own writes go on while it ends all others", async () => {
      const rig = await made();
      const laptop = await rig.loggedIn();
      const phone = await rig.loggedIn("ann", IPHONE);
      const { csrf } = await laptop.list();
      const writing = laptop.post("/slow");
      await rig.slow.reached();
      expect(await status(laptop.json("/end-others", { csrf }))).toBe(200);
      rig.slow.open();
      expect(await (await writing).text()).toBe("ann");
      expect([await laptop.user(), await phone.user()]).toEqual(["ann", "nobody"]);
    });

    test("two devices that end all others at once leave at most one", async () => {
      const rig = await made();
      const both = [await rig.loggedIn(), await rig.loggedIn("ann", IPHONE)];
      const tokens = await Promise.all(both.map(async (one) => (await one.list()).csrf));
      await Promise.all(both.map((one, at) => one.json("/end-others", { csrf: tokens[at] })));
      const left = await Promise.all(both.map((one) => one.user()));
      expect(left.filter((user) => user === "ann").length).toBeLessThanOrEqual(1);
    });
  });
});

test("without pages a form is answered in JSON", async () => {
  const rig = await rigOf("node:http", { pages: undefined as never });
  open.push(rig);
  const laptop = await rig.loggedIn();
  const { csrf } = await laptop.list();
  expect(await (await laptop.form("/end-others", { csrf })).json()).toEqual({ ended: 0, current: false });
  expect(await errorOf(await laptop.form("/end-others", { csrf: "x" }))).toEqual([403, "forged"]);
});

test("without a page to authenticate again a form gets a line of text", async () => {
  const rig = await rigOf("node:http", { pages: { devices: "/account" }, freshness: "1m" });
  open.push(rig);
  const laptop = await rig.loggedIn();
  rig.clock.advance(61_000);
  const { csrf } = await laptop.list();
  const answer = await laptop.form("/end-others", { csrf });
  expect([answer.status, await answer.text()]).toEqual([401, "Authenticate again first.\n"]);
  expect(ledTo(await rig.visitor().form("/end-others", {}))).toEqual([303, "/account"]);
});
