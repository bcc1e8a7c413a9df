// The OWASP cheat sheets on session management (S1 to S18) and on forged requests (C1 to C5).
import { describe, expect, test } from "vitest";
import { Token } from "../../src/index.ts";
import { testExchange } from "../support/exchange.ts";
import { refusal, rejection, site } from "../support/site.ts";

const MINUTE = 60_000;

describe("session management", () => {
  test("S1: neither the cookie nor any header names what made it", async () => {
    const { visit } = site();
    const { exchange } = await visit(undefined, (session) => session.login("ann"));
    expect(JSON.stringify([exchange.cookies, [...exchange.headers]])).not.toMatch(
      /holdfast|express|connect|node/i,
    );
  });

  test("S4: an id that the client made up is never adopted, and is told of", async () => {
    const { visit, manager, store } = site();
    const told: unknown[] = [];
    manager.on("rejected", (event) => void told.push(event));
    const made = Token.mint();
    const { cookie } = await visit(`__Host-Http-sid=${made.reveal()}`, (session) => session.login("ann"));
    expect(cookie).not.toContain(made.id);
    expect(told).toEqual([{ reason: "unknown", id: made.id, address: null }]);
    const { records } = await store.all({ limit: 9 }, { signal: new AbortController().signal });
    expect(records.map(({ id }) => id)).not.toContain(made.id);
  });

  test.each([
    "",
    "a",
    "../../etc/passwd",
    `${"A".repeat(55)}\n`,
    "%00".repeat(19),
    "A".repeat(57),
    "'; DROP TABLE sessions --",
    "é".repeat(56),
  ])("S5: the cookie %j is no session, costs no store call and no error", async (value) => {
    const { manager, store } = site();
    const calls: string[] = [];
    const read = store.read.bind(store);
    store.read = (id, call) => {
      calls.push(id);
      return read(id, call);
    };
    const session = await manager.startRequest(testExchange({ cookie: `__Host-Http-sid=${value}` }));
    expect([session.isNew, calls]).toEqual([true, []]);
  });

  test("S8, S10: limits of hours or minutes are the server's to enforce, per application", () => {
    const { lifetime } = site({ idle: "5m", absolute: "4h" }).manager.describePolicy();
    expect(lifetime).toMatchObject({ idleMs: 5 * MINUTE, absoluteMs: 240 * MINUTE });
  });

  test("S9: tokens can be renewed by time, and the one before works while the new one is on its way", async () => {
    const { visit, read, clock } = site({ rotateEvery: "10m", rotationGrace: "30s" });
    const first = await visit(undefined, (session) => session.login("ann"));
    clock.advance(10 * MINUTE);
    const second = await visit(first.cookie, ({ user }) => user);
    expect(second.cookie).not.toBe(first.cookie);
    expect(await read(first.cookie, ({ user }) => user)).toBe("ann");
    await visit(second.cookie, ({ user }) => user);
    clock.advance(31_000);
    expect(await read(first.cookie, ({ isNew }) => isNew)).toBe(true);
  });

  test("S14, S15: what becomes of a session, and what is presented in vain, is told with where it came from", async () => {
    const { manager, visit } = site();
    const told: [string, string | null][] = [];
    for (const name of ["created", "login", "ended", "rejected"] as const)
      manager.on(name, ({ address }) => void told.push([name, address]));
    const remoteAddress = "192.0.2.1";
    const exchange = testExchange({ cookie: `__Host-Http-sid=${"A".repeat(56)}`, remoteAddress });
    (await manager.startRequest(exchange)).login("ann");
    await manager.finishSuccessfulRequest(exchange);
    expect(told).toEqual(["rejected", "created", "login"].map((name) => [name, remoteAddress]));
    expect(visit).toBeDefined();
  });
});

describe("forged requests", () => {
  test("C1: the token of a session is 128 random bits, compared in constant time, and new at each authentication", async () => {
    const { visit, read } = site();
    const one = await visit(undefined, (session) => session.csrfToken());
    expect(one.result).toMatch(/^[\w-]{22}$/);
    expect(await read(one.cookie, (session) => session.csrfToken())).toBe(one.result);
    const login = await visit(one.cookie, (session) => session.login("ann"));
    const two = await visit(login.cookie, (session) => session.csrfToken());
    expect(two.result).not.toBe(one.result);
    expect(await read(two.cookie, (session) => session.isCsrfToken(one.result))).toBe(false);
    const again = await visit(two.cookie, (session) => session.reauthenticate());
    expect(await read(again.cookie, (session) => session.isCsrfToken(two.result))).toBe(false);
  });

  test("C1: a form's token is used up by one request, and all of them are void at a login", async () => {
    const { visit, open, manager, read } = site();
    const { cookie, result: token } = await visit(undefined, (session) => {
      session.data["cart"] = 1;
      return session.createFormToken();
    });
    const racing = await Promise.all([open(cookie), open(cookie)]);
    for (const { session } of racing) expect(session.removeFormToken(token)).toBe(true);
    const [first, second] = racing.map(({ exchange }) => manager.finishSuccessfulRequest(exchange));
    await first;
    expect(await rejection(second as Promise<void>)).toMatchObject({ code: "ERR_SESSION_CONFLICT" });
    const form = await visit(undefined, (session) => session.createFormToken());
    const login = await visit(form.cookie, (session) => session.login("ann"));
    expect(await read(login.cookie, (session) => session.hasFormToken(form.result))).toBe(false);
  });

  test("C1: a token that was used up for a login is used up once, however many logins race for it", async () => {
    const { visit, open, manager } = site();
    const { cookie, result: token } = await visit(undefined, (session) => session.createFormToken());
    const racing = await Promise.all([open(cookie), open(cookie)]);
    for (const { session } of racing) {
      expect(session.removeFormToken(token)).toBe(true);
      session.login("ann");
    }
    const outcomes = await Promise.allSettled(
      racing.map(async ({ exchange }) => await manager.finishSuccessfulRequest(exchange)),
    );
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  test("C2: a token is the session's own: no other session's opens anything", async () => {
    const { visit, read } = site();
    const mine = await visit(undefined, (session) => session.csrfToken());
    const theirs = await visit(undefined, (session) => session.csrfToken());
    expect(await read(mine.cookie, (session) => session.isCsrfToken(theirs.result))).toBe(false);
  });

  test("C4: SameSite is one defence, and never the only one", async () => {
    const { manager } = site({ cookie: { sameSite: "None" } });
    const headers = { host: "shop.example", "sec-fetch-site": "cross-site" };
    expect(
      refusal(() => manager.startRequest(testExchange({ method: "POST", requestHeaders: headers }))).status,
    ).toBe(403);
  });

  test("C5: a login from a stranger's page is refused too, and the session from before never becomes the user's", async () => {
    const { manager, visit, read } = site();
    const headers = { host: "shop.example", origin: "https://evil.example" };
    expect(
      refusal(() => manager.startRequest(testExchange({ method: "POST", requestHeaders: headers }))).code,
    ).toBe("ERR_SESSION_FORGED");
    const planted = await visit(undefined, ({ data }) => void (data["a"] = 1));
    const login = await visit(planted.cookie, (session) => session.login("ann"));
    expect(await read(planted.cookie, ({ isNew }) => isNew)).toBe(true);
    expect(await read(login.cookie, ({ user }) => user)).toBe("ann");
  });
});
