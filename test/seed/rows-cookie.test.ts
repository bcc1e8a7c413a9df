import { describe, expect, test } from "vitest";
import {
  type CookieOptions,
  type SessionId,
  SessionManager,
  serializeCookie,
  Token,
} from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { COOKIE_NAME, site, stored } from "./support.ts";

/** The Set-Cookie line of a first visit that has information. */
async function firstCookie(cookie: CookieOptions, mountPath = ""): Promise<string | undefined> {
  const { manager } = site(memoryStore(), { cookie });
  const exchange = testExchange({ mountPath });
  const session = await manager.startRequest(exchange);
  session.set("cart", ["tea"]);
  await manager.finishSuccessfulRequest(exchange);
  return exchange.cookies.map(serializeCookie)[0]?.replace(/=[\w-]{56};/, "=<token>;");
}

describe("rows 5 to 8: the cookie", () => {
  test('row 5: the values "" and "*del*" are no session: no store call and no event', async () => {
    for (const value of ["", "*del*"]) {
      const shop = site();
      const rejected: unknown[] = [];
      shop.manager.on("rejected", (event) => rejected.push(event));
      const session = await shop.manager.startRequest(testExchange({ cookie: `${COOKIE_NAME}=${value}` }));
      expect(session.isNew).toBe(true);
      expect(shop.calls.count()).toBe(0);
      expect(rejected).toEqual([]);
    }
  });

  test("row 5: a value that is no token is no session: no store call, and an event", async () => {
    for (const value of [
      "x",
      "A".repeat(55),
      "A".repeat(57),
      `"${"A".repeat(56)}"`,
      "%41".repeat(19),
      "é".repeat(56),
    ]) {
      const shop = site();
      const rejected: unknown[] = [];
      shop.manager.on("rejected", (event) => rejected.push(event));
      const session = await shop.manager.startRequest(testExchange({ cookie: `${COOKIE_NAME}=${value}` }));
      expect(session.isNew).toBe(true);
      expect(shop.calls.count()).toBe(0);
      expect(rejected).toEqual([{ reason: "malformed", address: null }]);
    }
  });

  test("row 5: of several cookies of one name the one that opens counts, and two that open different sessions are none", async () => {
    const shop = site();
    const [ann, bob] = [shop.visitor(), shop.visitor()];
    await ann.visit((session) => session.login("ann"));
    await bob.visit((session) => session.login("bob"));
    const planted = `${COOKIE_NAME}=${"A".repeat(56)}`;
    const seen = async (...cookies: readonly (string | undefined)[]): Promise<string | null> => {
      const exchange = testExchange({ cookie: cookies.join("; ") });
      return (await shop.manager.startRequest(exchange)).user;
    };
    expect(await seen(ann.cookie, ann.cookie)).toBe("ann");
    expect(await seen(planted, ann.cookie)).toBe("ann");
    expect(await seen(ann.cookie, planted)).toBe("ann");
    expect(await seen(ann.cookie, bob.cookie)).toBeNull();
    expect(
      await seen(ann.cookie, "x=1", ...["B", "C", "D"].map((one) => `${COOKIE_NAME}=${one.repeat(56)}`)),
    ).toBeNull();
  });

  test("row 6: the cookie is set when the secret is minted, and by no later write", async () => {
    const visitor = site().visitor();
    expect((await visitor.visit()).cookies).toHaveLength(0);
    expect((await visitor.visit((session) => session.set("count", 1))).cookies).toHaveLength(1);
    expect((await visitor.visit((session) => session.set("count", 2))).cookies).toHaveLength(0);
    expect((await visitor.visit((session) => session.rotate())).cookies).toHaveLength(1);
  });

  test("row 6: the attributes are the safest by default, and follow the options", async () => {
    expect(await firstCookie({})).toBe("__Host-Http-sid=<token>; Path=/; Secure; HttpOnly; SameSite=Lax");
    const options: CookieOptions = {
      name: "QX_session",
      domain: "ex.example",
      path: "/q",
      sameSite: "None",
      partitioned: true,
    };
    expect(await firstCookie(options)).toBe(
      "QX_session=<token>; Path=/q; Domain=ex.example; Secure; HttpOnly; SameSite=None; Partitioned",
    );
  });

  test("row 6: only a remembered login outlives the browser", async () => {
    const visitor = site().visitor();
    await visitor.visit((session) => session.login("ann"));
    expect(visitor.jar.cookies()[0]?.expiresAt).toBeUndefined();
    const exchange = await visitor.visit((session) => session.login("ann", { remember: "30d" }));
    expect(exchange.cookies).toMatchObject([{ maxAge: 30 * 24 * 3600 }]);
  });

  test("row 6: an unknown attribute, and a name, path or domain that no browser would keep, is refused at the start", () => {
    for (const cookie of [
      { name: "__Host-sid", path: "/app" },
      { name: "a b" },
      { path: "app" },
      { domain: ".ex.example" },
      { sameSite: "None", insecureLoopback: true },
      { secure: false } as CookieOptions,
    ] satisfies CookieOptions[]) {
      expect(() => new SessionManager({ store: memoryStore(), cookie })).toThrow(
        expect.objectContaining({ code: "ERR_SESSION_CONFIG" }) as Error,
      );
    }
  });

  test("row 6: setSessionCookie puts the cookie of a given token on the response", async () => {
    const { manager } = site();
    const exchange = testExchange();
    await manager.startRequest(exchange);
    const token = Token.mint();
    manager.setSessionCookie(exchange, token);
    expect(exchange.cookies).toEqual([]);
    await manager.finishSuccessfulRequest(exchange);
    expect(exchange.cookies).toMatchObject([{ name: COOKIE_NAME, value: token.reveal() }]);
  });

  test('row 7: with path "mount" the path is the mount prefix with one trailing slash', async () => {
    const mounted: CookieOptions = { path: "mount" };
    expect(await firstCookie(mounted, "/app")).toContain("; Path=/app/;");
    expect(await firstCookie(mounted, "/app/")).toContain("; Path=/app/;");
    expect(await firstCookie(mounted, "")).toContain("; Path=/;");
  });

  test("row 8: revoking sends an empty value that is over, with the attributes of the cookie it revokes", async () => {
    const cookie: CookieOptions = { name: "QX_session", domain: "ex.example", path: "mount" };
    const { manager } = site(memoryStore(), { cookie });
    const exchange = testExchange({ mountPath: "/app", cookie: `QX_session=${"A".repeat(56)}` });
    await manager.startRequest(exchange);
    manager.revokeSessionCookie(exchange);
    expect(await manager.hasSessionCookie(exchange)).toBe(false);
    await manager.finishSuccessfulRequest(exchange);
    expect(exchange.cookies.map(serializeCookie)).toEqual([
      "QX_session=; Path=/app/; Domain=ex.example; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Lax",
    ]);
  });

  test("row 8: revoking the cookie alone leaves the record", async () => {
    const store = memoryStore();
    const shop = site(store);
    const visitor = shop.visitor();
    await visitor.visit((session) => session.set("cart", ["tea"]));
    const request = await visitor.arrive();
    shop.manager.revokeSessionCookie(request.exchange);
    await request.leave();
    expect(visitor.cookie).toBeUndefined();
    expect(await stored(store)).toHaveLength(1);
  });

  test("row 8: a cookie that is revoked and then set in one request is set, with nothing left of the revocation", async () => {
    const visitor = site().visitor();
    await visitor.visit((session) => session.login("ann"));
    const exchange = await visitor.visit((session) => {
      session.logout();
      session.login("bob");
    });
    expect(exchange.cookies).toHaveLength(1);
    expect(exchange.cookies.map(serializeCookie)[0]).not.toMatch(/Max-Age|Expires/);
    expect(await visitor.see((session) => session.user)).toBe("bob");
  });

  test("row 8: a cookie cannot be set or revoked for a request that was not started, or whose response has left", async () => {
    const { manager } = site();
    const exchange = testExchange();
    expect(() => manager.revokeSessionCookie(exchange)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_USE" }) as Error,
    );
    await manager.startRequest(exchange);
    await manager.finishSuccessfulRequest(exchange);
    expect(() => manager.revokeSessionCookie(exchange)).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_SENT" }) as Error,
    );
  });

  test("row 8: a visitor who never had a cookie gets none revoked", async () => {
    const visitor = site().visitor();
    expect((await visitor.visit((session) => session.logout())).cookies).toEqual([]);
    const loginAndOut = await visitor.visit((session) => {
      session.login("ann");
      session.logout();
    });
    expect(loginAndOut.cookies).toEqual([]);
    expect(await visitor.see((session): SessionId | null => session.id)).toBeNull();
  });
});
