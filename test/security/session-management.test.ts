// ASVS 5.0, chapter V7: session management. Each test bears the id of the requirement that it shows.
import { describe, expect, test } from "vitest";
import { SessionManager, Token } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { testExchange } from "../support/exchange.ts";
import { refusal, rejection, site } from "../support/site.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

describe("V7.1: the policy is written down", () => {
  test("ASVS 7.1.1: the limits in force are told as data, and are what is enforced", async () => {
    const { manager, visit, read, clock } = site({ idle: "20m", absolute: "8h" });
    const { lifetime } = manager.describePolicy();
    expect(lifetime).toMatchObject({ idleMs: 20 * MINUTE, absoluteMs: 480 * MINUTE });
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    clock.advance(lifetime.idleMs - 1);
    expect(await read(cookie, ({ user }) => user)).toBe("ann");
    clock.advance(1);
    expect(await read(cookie, ({ user }) => user)).toBeNull();
  });

  test("ASVS 7.1.2: the number of sessions a user may have, and what happens at it, is told as data", () => {
    const concurrency = { max: 3, onExceed: "end-oldest" } as const;
    expect(site({ concurrency }).manager.describePolicy().concurrency).toEqual(concurrency);
    expect(site().manager.describePolicy().concurrency).toBeNull();
  });

  test("ASVS 7.1.3, 7.6.1: a session that an identity provider ended is ended here, and cannot begin again", async () => {
    const { visit, read, manager } = site();
    const identity = { issuer: "https://id.example", subject: "s", session: "x" };
    const { cookie } = await visit(undefined, (session) => session.login("ann", { identity }));
    await manager.revokeWhere({ identity: { issuer: "https://id.example", session: "x" } });
    expect(await read(cookie, ({ user }) => user)).toBeNull();
    expect(await rejection(visit(undefined, (session) => session.login("ann", { identity })))).toMatchObject({
      code: "ERR_SESSION_REVOKED",
    });
  });
});

describe("V7.2: tokens", () => {
  test("ASVS 7.2.1: the server decides what a token is worth, whatever the client says of the cookie's age", async () => {
    const { visit, read, clock } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann", { remember: "1d" }));
    clock.advance(DAY);
    expect(await read(`${cookie}; Max-Age=99999999`, ({ user }) => user)).toBeNull();
  });

  test("ASVS 7.2.2: no key and no constant opens a session; each has a token of its own", async () => {
    const { visit } = site();
    const cookies = new Set<string | undefined>();
    for (let n = 0; n < 50; n += 1)
      cookies.add((await visit(undefined, (session) => session.login("ann"))).cookie);
    expect(cookies.size).toBe(50);
  });

  test("ASVS 7.2.3, S2, S3: a token is 336 random bits, of which 192 are secret, and means nothing", () => {
    const tokens = Array.from({ length: 2000 }, () => Token.mint().reveal());
    expect(new Set(tokens).size).toBe(tokens.length);
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{56}$/);
    const { token } = new SessionManager({ store: memoryStore() }).describePolicy();
    expect(token).toEqual({ idBits: 144, secretBits: 192, storedAs: "SHA-256" });
    // Every bit of every byte is seen both set and not.
    const all = tokens.map((one) => Buffer.from(one, "base64url"));
    for (let bit = 0; bit < 42 * 8; bit += 1) {
      const ones = all.filter((bytes) => ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1).length;
      expect(ones).toBeGreaterThan(tokens.length * 0.4);
      expect(ones).toBeLessThan(tokens.length * 0.6);
    }
  });

  test.each([
    [
      "a login",
      (session: Parameters<Parameters<ReturnType<typeof site>["visit"]>[1]>[0]) => session.login("ann"),
    ],
    [
      "a re-authentication",
      (session: Parameters<Parameters<ReturnType<typeof site>["visit"]>[1]>[0]) => session.reauthenticate(),
    ],
    [
      "any other change of privilege",
      (session: Parameters<Parameters<ReturnType<typeof site>["visit"]>[1]>[0]) => session.rotate(),
    ],
  ])(
    "ASVS 7.2.4, S7: %s gives a new token, and the old one opens nothing from then on",
    async (_what, verb) => {
      const { visit, read } = site();
      const { cookie } = await visit(undefined, (session) => session.login("ann"));
      const { cookie: next } = await visit(cookie, verb);
      expect(next).not.toBe(cookie);
      expect(await read(next, ({ user }) => user)).toBe("ann");
      expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
    },
  );
});

describe("V7.3: time-outs", () => {
  test("ASVS 7.3.1: a session ends, or is locked, when it was not used for so long", async () => {
    const { visit, read, clock } = site({ idle: "15m" });
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    clock.advance(14 * MINUTE);
    await visit(cookie, ({ user }) => user);
    clock.advance(14 * MINUTE);
    expect(await read(cookie, ({ user }) => user)).toBe("ann");
    clock.advance(15 * MINUTE);
    expect(await read(cookie, ({ user }) => user)).toBeNull();
  });

  test("ASVS 7.3.2: a session ends after so long, however much it is used, and rotation does not move that", async () => {
    const { visit, read, clock } = site({ idle: "1h", absolute: "3h" });
    let { cookie } = await visit(undefined, (session) => session.login("ann"));
    for (let n = 0; n < 5; n += 1) {
      clock.advance(30 * MINUTE);
      ({ cookie } = await visit(cookie, (session) => session.rotate()));
    }
    clock.advance(30 * MINUTE - 1);
    expect(await read(cookie, ({ user }) => user)).toBe("ann");
    clock.advance(1);
    expect(await read(cookie, ({ user }) => user)).toBeNull();
  });
});

describe("V7.4: termination", () => {
  test("ASVS 7.4.1: what was logged out opens nothing, also when a slow request wrote meanwhile", async () => {
    const { visit, open, read, manager } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    const slow = await open(cookie);
    slow.session.data["late"] = 1;
    await visit(cookie, (session) => session.logout());
    await manager.finishSuccessfulRequest(slow.exchange);
    expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
    expect(slow.exchange.cookies).toEqual([]);
  });

  test("ASVS 7.4.2: all sessions of a user can be ended at once, those of ten thousand others left", async () => {
    const { visit, read, manager } = site();
    const cookies = [];
    for (let n = 0; n < 100; n += 1)
      cookies.push((await visit(undefined, (session) => session.login("ann"))).cookie);
    const other = await visit(undefined, (session) => session.login("bob"));
    expect(await manager.revokeUser("ann")).toBe(100);
    expect(await read(cookies[50], ({ isNew }) => isNew)).toBe(true);
    expect(await read(other.cookie, ({ user }) => user)).toBe("bob");
  });

  test("ASVS 7.4.3: all but the present session of a user can be ended, after a change of factors", async () => {
    const { visit, read, manager } = site();
    const other = await visit(undefined, (session) => session.login("ann"));
    const mine = await visit(undefined, (session) => session.login("ann"));
    await manager.revokeUser("ann", { except: mine.session.id });
    expect(await read(mine.cookie, ({ user }) => user)).toBe("ann");
    expect(await read(other.cookie, ({ isNew }) => isNew)).toBe(true);
  });

  test("ASVS 7.4.4, S12: a logout can be repeated, and revokes the cookie", async () => {
    const { visit } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    const out = await visit(cookie, (session) => session.logout());
    expect(out.exchange.cookies).toMatchObject([{ value: "", maxAge: 0 }]);
    await visit(cookie, (session) => session.logout());
    await visit(undefined, (session) => session.logout());
  });

  test("ASVS 7.4.5: an administrator ends one session, a user's, or everybody's", async () => {
    const { visit, read, manager } = site();
    const one = await visit(undefined, (session) => session.login("ann"));
    const two = await visit(undefined, (session) => session.login("bob"));
    if (one.session.id !== null) expect(await manager.revoke(one.session.id)).toBe(true);
    expect(await manager.revokeAll()).toBe(1);
    for (const { cookie } of [one, two]) expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
  });
});

describe("V7.5: abuse of a session", () => {
  test("ASVS 7.5.1, 7.5.3, S13: what is sensitive can demand a fresh authentication, its methods and its level", async () => {
    const { visit, read, clock } = site();
    const { cookie } = await visit(undefined, (session) =>
      session.login("ann", { methods: ["pwd"], level: "aal1" }),
    );
    clock.advance(10 * MINUTE);
    await read(cookie, (session) => {
      session.requireFresh("10m");
      session.requireFresh({ maxAge: "10m", methods: ["pwd"], level: "aal1" });
      for (const demand of [
        "9m",
        { maxAge: "9m" },
        { methods: ["otp"] },
        { methods: ["pwd", "otp"] },
        { level: "aal2" },
      ] as const)
        expect(refusal(() => session.requireFresh(demand))).toMatchObject({
          code: "ERR_SESSION_NOT_FRESH",
          status: 401,
        });
      for (const demand of [{}, { level: "aal9" }, { maxAge: "soon" }, { methods: "pwd" }, { age: 1 }])
        expect(refusal(() => session.requireFresh(demand as never)).code).toBe("ERR_SESSION_USE");
    });
    const again = await visit(cookie, (session) =>
      session.reauthenticate({ methods: ["otp"], level: "aal2" }),
    );
    await read(again.cookie, (session) => {
      session.requireFresh({ maxAge: "1s", methods: ["pwd", "otp"], level: "aal2" });
      expect(refusal(() => session.requireFresh({ level: "aal3" })).code).toBe("ERR_SESSION_NOT_FRESH");
    });
    await read(undefined, (session) =>
      expect(refusal(() => session.requireFresh("1d")).code).toBe("ERR_SESSION_NOT_FRESH"),
    );
  });

  test("ASVS 7.5.2, S16: a user's sessions are listed by handles that open nothing", async () => {
    const { manager, visit } = site();
    const { cookie } = await visit(undefined, (session) => session.login("ann", { methods: ["pwd"] }));
    const [info] = await manager.sessionsOf("ann");
    expect(info).toMatchObject({ user: "ann", methods: ["pwd"], state: "active" });
    expect(JSON.stringify(info)).not.toContain((cookie ?? "").slice(-32));
  });
});

test("ASVS 7.6.2: a visitor who did nothing has no session: no store call, no cookie", async () => {
  const { manager, store } = site();
  const exchange = testExchange();
  const session = await manager.startRequest(exchange);
  expect([session.user, session.isNew]).toEqual([null, true]);
  await manager.finishSuccessfulRequest(exchange);
  expect(exchange.cookies).toEqual([]);
  expect((await store.all({ limit: 9 }, { signal: new AbortController().signal })).records).toEqual([]);
});
