// NIST SP 800-63B-4, section 5: sessions by assurance level (N1 to N11).
import { describe, expect, test } from "vitest";
import { refusal, rejection, site } from "../support/site.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test("N1: the secret is made by the host, at the authentication, of 192 random bits", async () => {
  const { visit } = site();
  const before = await visit(undefined, ({ data }) => void (data["cart"] = 1));
  const after = await visit(before.cookie, (session) => session.login("ann"));
  const secret = (cookie: string | undefined): string => (cookie ?? "").slice(-32);
  expect(secret(after.cookie)).not.toBe(secret(before.cookie));
  expect(Buffer.from(secret(after.cookie), "base64url")).toHaveLength(24);
});

test("N2: it is worth nothing after a logout, nor past a limit", async () => {
  const { visit, read, clock } = site({ idle: "1h", absolute: "2h" });
  const out = await visit(undefined, (session) => session.login("ann"));
  await visit(out.cookie, (session) => session.logout());
  const idle = await visit(undefined, (session) => session.login("ann"));
  clock.advance(HOUR);
  for (const { cookie } of [out, idle]) expect(await read(cookie, ({ isNew }) => isNew)).toBe(true);
});

test("N4: a session's level is never above that of its authentication, and goes with it", async () => {
  const { visit, read } = site();
  const low = await visit(undefined, (session) => session.login("ann", { level: "aal1" }));
  expect(await read(low.cookie, ({ level }) => level)).toBe("aal1");
  const high = await visit(low.cookie, (session) => session.reauthenticate({ level: "aal2" }));
  expect(await read(high.cookie, ({ level }) => level)).toBe("aal2");
  const kept = await visit(high.cookie, (session) => session.reauthenticate({ level: "aal1" }));
  expect(await read(kept.cookie, ({ level }) => level)).toBe("aal2");
  const anew = await visit(kept.cookie, (session) => session.login("ann"));
  expect(await read(anew.cookie, ({ level }) => level)).toBeNull();
  await read(low.cookie, (session) => {
    for (const level of ["aal4", 2, ""])
      expect(refusal(() => session.login("ann", { level } as never)).code).toBe("ERR_SESSION_USE");
  });
});

describe("N5: two time-outs", () => {
  test("activity puts off the one of inactivity; only an authentication puts off the other", async () => {
    const { visit, read, clock } = site({ idle: "1h", absolute: "3h" });
    let { cookie } = await visit(undefined, (session) => session.login("ann"));
    for (let n = 0; n < 5; n += 1) {
      clock.advance(30 * MINUTE);
      await visit(cookie, ({ user }) => user);
    }
    ({ cookie } = await visit(cookie, (session) => session.reauthenticate()));
    clock.advance(59 * MINUTE);
    expect(await read(cookie, ({ user, endsAt }) => [user, (endsAt ?? 0) - clock.now()])).toEqual([
      "ann",
      121 * MINUTE,
    ]);
  });

  test("the user can be warned before either: the session tells when", async () => {
    const { visit, read, clock } = site({ idle: "1h", absolute: "3h" });
    const { cookie } = await visit(undefined, (session) => session.login("ann"));
    expect(await read(cookie, ({ activeUntil, endsAt }) => [activeUntil, endsAt])).toEqual([
      clock.now() + HOUR,
      clock.now() + 3 * HOUR,
    ]);
  });
});

test.each([
  ["aal1", 1 * DAY, 30 * DAY, "end"],
  ["aal2", 1 * HOUR, 24 * HOUR, "lock"],
  ["aal3", 15 * MINUTE, 12 * HOUR, "end"],
] as const)("N6: the limits of %s, which no option may exceed", (preset, idleMs, absoluteMs, onIdle) => {
  expect(site({ preset }).manager.describePolicy().lifetime).toMatchObject({
    preset,
    idleMs,
    absoluteMs,
    onIdle,
  });
  expect(refusal(() => site({ preset, idle: idleMs + 1 })).code).toBe("ERR_SESSION_CONFIG");
  expect(refusal(() => site({ preset, absolute: absoluteMs + 1 })).code).toBe("ERR_SESSION_CONFIG");
});

test("N6: after inactivity at aal2 one factor resumes, and after the overall limit nothing does", async () => {
  const { visit, read, clock } = site({ preset: "aal2" });
  const { cookie } = await visit(undefined, (session) => session.login("ann", { level: "aal2" }));
  clock.advance(2 * HOUR);
  const open = await visit(cookie, (session) => session.unlock());
  expect(await read(open.cookie, ({ user, level }) => [user, level])).toEqual(["ann", "aal2"]);
  clock.advance(22 * HOUR);
  expect(await read(open.cookie, ({ user, lockedUser }) => [user, lockedUser])).toEqual([null, null]);
});

test("N8: what changes something can demand a value that is bound to the session", async () => {
  const { read, visit } = site();
  const { cookie, result: token } = await visit(undefined, (session) => {
    session.login("ann");
    return session.csrfToken();
  });
  const other = await visit(undefined, (session) => session.csrfToken());
  await read(cookie, (session) => {
    session.requireCsrfToken(token);
    expect(refusal(() => session.requireCsrfToken(other.result))).toMatchObject({ status: 403 });
  });
});

test("N9: there is no way to a session over a connection without TLS, but on the machine itself", () => {
  const { cookie } = site().manager.describePolicy();
  expect(cookie).toMatchObject({ secure: true, httpOnly: true });
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  try {
    expect(refusal(() => site({ cookie: { insecureLoopback: true } })).message).toMatch(/production/);
  } finally {
    if (before === undefined) delete process.env["NODE_ENV"];
    else process.env["NODE_ENV"] = before;
  }
});

test("N10, F1: a session knows when its user authenticated, and a provider's logout from after that voids it", async () => {
  const { visit, clock, manager, read } = site();
  const { cookie } = await visit(undefined, (session) => session.login("ann"));
  const at = clock.now();
  clock.advance(MINUTE);
  expect(await read(cookie, ({ authenticatedAt }) => authenticatedAt)).toBe(at);
  await manager.revokeWhere({ identity: { issuer: "https://id.example", subject: "s" } });
  const identity = { issuer: "https://id.example", subject: "s", authenticatedAt: at };
  expect(await rejection(visit(undefined, (session) => session.login("ann", { identity })))).toMatchObject({
    code: "ERR_SESSION_REVOKED",
  });
});
