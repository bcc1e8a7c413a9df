import { describe, expect, test } from "vitest";
import { type AuditEntry, auditTrail } from "../src/audit.ts";
import { SessionManager } from "../src/index.ts";
import { memoryStore } from "../src/stores/memory.ts";
import { manualClock } from "../src/testing/clock.ts";
import { failsBefore, faultyStore } from "../src/testing/index.ts";
import { cookieAfter, testExchange, type TestExchangeOptions } from "./support/exchange.ts";
import { refusal } from "./support/site.ts";

const FROM = "192.0.2.7";

function audited(options: Partial<Parameters<typeof auditTrail>[1]> = {}) {
  const clock = manualClock();
  const faulty = faultyStore(memoryStore());
  const manager = new SessionManager({ store: faulty.store, clock, rotateEvery: "1h", rotationGrace: "30s" });
  const trail: AuditEntry[] = [];
  const stop = auditTrail(manager, {
    write: (entry) => void trail.push(entry),
    now: () => clock.now(),
    ...options,
  });
  const visit = async (
    cookie: string | undefined,
    work: (session: Awaited<ReturnType<typeof manager.startRequest>>) => void = () => undefined,
    more: TestExchangeOptions = {},
  ) => {
    const exchange = testExchange({ remoteAddress: FROM, ...(cookie !== undefined && { cookie }), ...more });
    work(await manager.startRequest(exchange));
    await manager.finishSuccessfulRequest(exchange);
    await Promise.all(exchange.background);
    return exchange.cookies.length > 0 ? cookieAfter(exchange) : cookie;
  };
  return { clock, faulty, manager, trail, stop, visit, events: () => trail.map(({ event }) => event) };
}

describe("S14: the trail of a session", () => {
  test("tells who, which session, what, when and from where", async () => {
    const { visit, trail, manager } = audited();
    let cookie = await visit(undefined, (session) => session.login("ann", { methods: ["pwd"] }));
    const [info] = await manager.sessionsOf("ann");
    cookie = await visit(cookie, (session) => session.reauthenticate({ methods: ["otp"] }));
    await visit(cookie, (session) => session.logout());
    const common = { severity: "info", session: info?.id, user: "ann", address: FROM, reason: null };
    expect(trail).toEqual([
      { ...common, at: "2100-01-01T00:00:00.000Z", event: "created", details: {} },
      { ...common, at: "2100-01-01T00:00:00.000Z", event: "login", details: { methods: ["pwd"] } },
      {
        ...common,
        event: "rotated",
        reason: "privilege",
        at: expect.any(String),
        details: {},
      },
      { ...common, at: expect.any(String), event: "reauthenticated", details: { methods: ["pwd", "otp"] } },
      { ...common, at: expect.any(String), event: "ended", reason: "logout", details: {} },
    ]);
  });

  test("16.2.5: holds no token, no secret and nothing of the data", async () => {
    const { visit, trail, manager, clock } = audited();
    const first = await visit(undefined, (session) => {
      session.login("ann");
      session.data["card"] = "4111-1111";
      session.csrfToken();
    });
    clock.advance(3_600_001);
    const second = await visit(first);
    await visit(second);
    clock.advance(60_000);
    await visit(first);
    await visit(`${second}x`);
    await manager.revokeUser("ann");
    const text = JSON.stringify(trail);
    expect(trail.map(({ event }) => event)).toContain("theft");
    for (const cookie of [first, second]) expect(text).not.toContain((cookie ?? "").slice(-32));
    expect(text).not.toContain("4111");
  });

  test("tells what was revoked, and by what", async () => {
    const { visit, manager, trail } = audited();
    await visit(undefined, (session) => session.login("ann", { tenant: "7" }));
    await manager.revokeWhere({ user: "ann", tenant: "7" });
    expect(trail.at(-1)).toMatchObject({
      event: "revoked",
      severity: "notice",
      user: "ann",
      details: { count: 1, labels: ["user:ann", "tenant:7"] },
    });
  });

  test("tells of a forged request without letting its sender write lines of the log", async () => {
    const { visit, trail } = audited();
    const requestHeaders = { host: "shop.example", origin: `https://evil.example\r\n${"x".repeat(999)}` };
    await visit(undefined, undefined, { method: "POST", requestHeaders }).catch(() => undefined);
    expect(trail).toMatchObject([{ event: "forged", severity: "warning", reason: "origin", address: FROM }]);
    expect(String(trail[0]?.details["origin"])).toMatch(/^[\x20-\x7e]{1,200}$/);
  });

  test("says that the store failed, and nothing that the engine said", async () => {
    const { visit, faulty, trail } = audited();
    faulty.always("read", failsBefore(new Error("password of 10.0.0.7 is hunter2")));
    await visit(`__Host-Http-sid=${"A".repeat(56)}`).catch(() => undefined);
    expect(trail.at(-1)).toMatchObject({ event: "storeFailure", severity: "warning", reason: "read" });
    expect(JSON.stringify(trail)).not.toContain("hunter2");
  });

  test("S15: tells when a session is presented from elsewhere", async () => {
    const { visit, trail } = audited();
    const cookie = await visit(undefined, (session) => session.login("ann"));
    await visit(cookie, undefined, { remoteAddress: "198.51.100.9" });
    expect(trail.at(-1)).toMatchObject({
      event: "moved",
      severity: "notice",
      user: "ann",
      address: "198.51.100.9",
      details: { addressChanged: true, from: FROM },
    });
  });

  test("stops when it is stopped", async () => {
    const { visit, trail, stop } = audited();
    stop();
    await visit(undefined, (session) => session.login("ann"));
    expect(trail).toEqual([]);
  });

  test("that cannot be written harms no request, and is told of", async () => {
    const { visit, manager } = audited({
      write: () => {
        throw new Error("disk full");
      },
    });
    const failures: unknown[] = [];
    manager.on("listenerFailure", (event) => void failures.push(event.event));
    await visit(undefined, (session) => session.login("ann"));
    await new Promise(setImmediate);
    expect(failures).toEqual(["created", "login"]);
  });
});

describe("S15: guessing", () => {
  const wrong = (n: number): string => `__Host-Http-sid=${String(n).padStart(56, "A")}`;

  test("from one address is an alert, once a minute", async () => {
    const { visit, trail, events, clock } = audited({ guessing: { perAddress: 3 } });
    for (let n = 0; n < 9; n += 1) await visit(wrong(n));
    expect(events().filter((event) => event === "guessing")).toHaveLength(1);
    expect(trail.find(({ event }) => event === "guessing")).toMatchObject({
      severity: "alert",
      address: FROM,
      details: { count: 3, withinSeconds: 60 },
    });
    clock.advance(60_000);
    for (let n = 0; n < 3; n += 1) await visit(wrong(n));
    expect(events().filter((event) => event === "guessing")).toHaveLength(2);
  });

  test("from many addresses is an alert too", async () => {
    const { visit, trail } = audited({ guessing: { perAddress: 3, overall: 5 } });
    for (let n = 0; n < 6; n += 1) await visit(wrong(n), undefined, { remoteAddress: `192.0.2.${n}` });
    expect(trail.filter(({ event }) => event === "guessing")).toMatchObject([
      { address: null, details: { count: 5 } },
    ]);
  });

  test("a few cookies that open nothing are none", async () => {
    const { visit, events } = audited();
    for (let n = 0; n < 19; n += 1) await visit(wrong(n));
    expect(events()).not.toContain("guessing");
  });
});

test.each([
  [{}, /write/],
  [{ write: () => undefined, guessing: { perAddress: 0 } }, /guessing/],
  [{ write: () => undefined, guessing: { overall: 1.5 } }, /guessing/],
])("the options %j are refused", (options, message) => {
  const manager = new SessionManager({ store: memoryStore() });
  expect(refusal(() => auditTrail(manager, options as never)).message).toMatch(message);
});
