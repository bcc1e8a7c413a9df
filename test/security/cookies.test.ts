// ASVS 5.0 V3 and V14, RFC 6265bis (K1 to K10) and RFC 9111 (H1, H2): the cookie, and what caches and browsers keep.
import { describe, expect, test } from "vitest";
import { type CookieOptions, serializeCookie } from "../../src/index.ts";
import { refusal, site } from "../support/site.ts";

async function setCookie(cookie: CookieOptions = {}, remember?: string): Promise<string> {
  const { visit } = site({ cookie });
  const { exchange } = await visit(undefined, (session) =>
    session.login("ann", remember === undefined ? {} : { remember: remember as never }),
  );
  return exchange.cookies.map(serializeCookie).join("\n");
}

const refused = (cookie: CookieOptions): string => refusal(() => site({ cookie })).message;

describe("V3: the cookie", () => {
  test("ASVS 3.3.1, 3.3.3, K1, N7: it is Secure, of this very host, and its name makes browsers hold it to that", async () => {
    expect(await setCookie()).toMatch(/^__Host-Http-sid=[\w-]{56}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    expect(await setCookie({ domain: "shop.example" })).toMatch(
      /^__Secure-sid=.*Domain=shop.example; Secure; HttpOnly/,
    );
    expect(await setCookie({ path: "/app" })).toMatch(/^__Secure-sid=.*Path=\/app; Secure; HttpOnly/);
    for (const name of ["__Host-sid", "__host-sid", "__HOST-Http-sid"]) {
      expect(refused({ name, domain: "shop.example" })).toMatch(/cookie\.domain/);
      expect(refused({ name, path: "/app" })).toMatch(/cookie\.path/);
    }
    for (const name of ["__Secure-sid", "__Http-sid"])
      expect(refused({ name, insecureLoopback: true })).toMatch(/Secure/);
  });

  test("ASVS 3.3.2, K7: SameSite is always said, Lax unless decided otherwise", async () => {
    for (const sameSite of ["Strict", "Lax", "None"] as const)
      expect(await setCookie({ sameSite })).toMatch(new RegExp(`; SameSite=${sameSite}$`));
    expect(refused({ sameSite: "None", insecureLoopback: true })).toMatch(/Secure/);
    expect(refused({ sameSite: "none" as never })).toMatch(/sameSite/);
  });

  test("ASVS 3.3.4, S6, S18: it is HttpOnly, whatever is configured, and its value is nowhere else", async () => {
    expect(refused({ httpOnly: false } as never)).toMatch(/httpOnly/);
    const { visit } = site();
    const { session, cookie } = await visit(undefined, (one) => one.login("ann"));
    const secret = (cookie ?? "").slice(-32);
    expect(`${String(session)} ${JSON.stringify(session)} ${session.id}`).not.toContain(secret);
  });

  test("ASVS 3.3.5, K2: name and value, and each attribute, stay below what browsers drop", async () => {
    const name = `__Secure-${"n".repeat(247)}`;
    const line = await setCookie({ name, path: `/${"p".repeat(1023)}` });
    expect(line.split(";")[0]?.length).toBeLessThanOrEqual(4096);
    expect(refused({ name: `${name}n` })).toMatch(/256/);
    expect(refused({ path: `/${"p".repeat(1024)}` })).toMatch(/path/);
  });

  test("K3, N3: it ends with the browser, unless it is to be remembered, and then within 400 days", async () => {
    expect(await setCookie()).not.toMatch(/Max-Age|Expires/);
    expect(await setCookie({}, "30d")).toContain("; Max-Age=2592000;");
    expect(await setCookie({}, "400d")).toContain("; Max-Age=34560000;");
    expect(refusal(() => site({ rememberMax: "401d" })).message).toMatch(/400 days/);
  });

  test("K4: one Set-Cookie a response, with a name and a value that need no quotes", async () => {
    const { visit } = site();
    const { exchange } = await visit(undefined, (session) => {
      session.login("ann");
      session.rotate();
      session.reauthenticate();
    });
    expect(exchange.cookies).toHaveLength(1);
    for (const name of ["", " ", "a b", "a;b", 'a"', "a=b", "ü"])
      expect(refused({ name })).toMatch(/cookie\.name/);
  });

  test("K5, S17: a request may bear several cookies of the name; two that open different sessions open none", async () => {
    const { visit, read } = site();
    const ann = (await visit(undefined, (session) => session.login("ann"))).cookie ?? "";
    const eve = (await visit(undefined, (session) => session.login("eve"))).cookie ?? "";
    expect(await read(`${ann}; ${eve}`, ({ user }) => user)).toBeNull();
    expect(await read(`${ann}; ${ann}`, ({ user }) => user)).toBe("ann");
    expect(await read(`${ann.slice(0, -1)}!; ${ann}`, ({ user }) => user)).toBe("ann");
  });

  test("K6: it is found in whichever Cookie line it stands", async () => {
    const { manager, visit } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    const { testExchange } = await import("../support/exchange.ts");
    const session = await manager.startRequest(testExchange({ cookie: ["theme=dark", cookie ?? ""] }));
    expect(session.user).toBe("ann");
  });

  test("K8: no cookie is taken for it whose name only resembles it", async () => {
    const { visit, read } = site();
    const value = (await visit(undefined, (session) => session.login("ann"))).cookie?.split("=")[1];
    for (const name of [
      "sid",
      "__host-http-sid",
      "\u2000__Host-Http-sid",
      "__Host-Http-sid ",
      "x__Host-Http-sid",
    ])
      expect(await read(`${name}=${value}`, ({ user }) => user)).toBeNull();
  });

  test("K9, K10: it is revoked by the attributes that it was set with, Partitioned among them", async () => {
    const cookie = { sameSite: "None", partitioned: true } as const;
    const { visit } = site({ cookie });
    const set = await visit(undefined, (session) => session.login("ann"));
    const out = await visit(set.cookie, (session) => session.logout());
    const attributes = (one: typeof set): string[] =>
      one.exchange.cookies.flatMap((given) => serializeCookie(given).split("; ").slice(1));
    const kept = attributes(out).filter((attribute) => !/^(Max-Age=0|Expires=)/.test(attribute));
    expect(kept).toEqual(attributes(set));
    expect(kept).toContain("Partitioned");
    expect(refused({ partitioned: true })).toMatch(/partitioned/);
  });
});

describe("V14, H1, H2: what caches and browsers keep", () => {
  test("ASVS 14.2.1, S6: an id or a token in the address opens nothing", async () => {
    const { manager, visit } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    const { testExchange } = await import("../support/exchange.ts");
    const value = cookie?.split("=")[1];
    const url = `/?sid=${value}&__Host-Http-sid=${value};jsessionid=${value}`;
    const session = await manager.startRequest({ ...testExchange(), url });
    expect(session.isNew).toBe(true);
  });

  test("ASVS 14.2.2, 14.2.5, 14.3.2, H1, S11: answers with the cookie, and about a user, are kept by nobody", async () => {
    const { visit } = site();
    const login = await visit(undefined, (session) => session.login("ann"));
    expect(login.exchange.headers.get("cache-control")).toBe("no-store");
    const page = await visit(login.cookie, ({ user }) => user);
    expect([...page.exchange.headers]).toEqual([
      ["vary", "Cookie"],
      ["cache-control", "no-store"],
    ]);
    const anonymous = await visit(undefined, ({ user }) => user);
    expect([...anonymous.exchange.headers]).toEqual([["vary", "Cookie"]]);
    expect([...(await visit(login.cookie, () => undefined)).exchange.headers]).toEqual([]);
  });

  test("ASVS 14.3.1, S12, H2: the browser is told to forget the site when a user logs out", async () => {
    const out = async (options: Parameters<typeof site>[0] = {}) => {
      const { visit } = site(options);
      const { cookie } = await visit(undefined, (session) => session.login("ann"));
      const { exchange } = await visit(cookie, (session) => session.logout());
      return exchange.headers.get("clear-site-data");
    };
    expect(await out()).toBe('"cookies", "storage"');
    expect(await out({ clearSiteData: ["cache"] })).toBe('"cache"');
    expect(await out({ clearSiteData: false })).toBeUndefined();
    expect(refusal(() => site({ clearSiteData: ["cookie"] as never })).message).toMatch(/clearSiteData/);
  });

  test("H2: it is not told so when another user is logged in, or a visitor's cart is emptied", async () => {
    const { visit } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    const bob = await visit(cookie, (session) => session.login("bob"));
    expect(bob.exchange.headers.has("clear-site-data")).toBe(false);
    const cart = await visit(undefined, ({ data }) => void (data["cart"] = 1));
    const emptied = await visit(cart.cookie, ({ data }) => void delete data["cart"]);
    expect(emptied.exchange.cookies).toMatchObject([{ maxAge: 0 }]);
    expect(emptied.exchange.headers.has("clear-site-data")).toBe(false);
  });
});
