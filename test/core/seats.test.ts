import { describe, expect, test } from "vitest";
import { rejection, refusal, site } from "../support/site.ts";

type Rule = NonNullable<NonNullable<Parameters<typeof site>[0]>["concurrency"]>;

const rules = (max: number, onExceed: Rule["onExceed"]) => ({ concurrency: { max, onExceed } });

function seated(max: number, onExceed: Rule["onExceed"]) {
  const where = site(rules(max, onExceed));
  const login = (cookie?: string) => where.visit(cookie, (session) => session.login("ann"));
  const users = (cookies: (string | undefined)[]) =>
    Promise.all(cookies.map((cookie) => where.read(cookie, ({ user }) => user)));
  return { ...where, login, users };
}

describe("ASVS 7.1.2: sessions of one user", () => {
  test("are refused past the limit, with 403, and what the visitor had before is kept", async () => {
    const { login, visit, read, manager } = seated(2, "refuse");
    await login();
    await login();
    const { cookie } = await visit(undefined, ({ data }) => void (data["cart"] = ["tea"]));
    expect(await rejection(login(cookie))).toMatchObject({ code: "ERR_SESSION_TOO_MANY", status: 403 });
    expect(await rejection(login())).toMatchObject({ code: "ERR_SESSION_TOO_MANY" });
    expect(await manager.sessionsOf("ann")).toHaveLength(2);
    expect(await read(cookie, ({ data, user }) => [data["cart"], user])).toEqual([["tea"], null]);
  });

  test.each([
    ["end-oldest", [null, "ann", "ann"]],
    ["end-idlest", ["ann", null, "ann"]],
  ] as const)("give way to others: %s", async (onExceed, left) => {
    const { login, visit, users, clock } = seated(2, onExceed);
    const first = (await login()).cookie;
    clock.advance(1000);
    const second = (await login()).cookie;
    clock.advance(120_000);
    await visit(first, () => undefined);
    const third = (await login()).cookie;
    expect(await users([first, second, third])).toEqual(left);
  });

  test("free their seats by logout, revocation and expiry", async () => {
    const { login, visit, manager, clock } = seated(1, "refuse");
    const { cookie } = await login();
    await visit(cookie, (session) => session.logout());
    const again = await login();
    await manager.revoke(again.session.id!);
    await login();
    clock.advance(31 * 86_400_000);
    await login();
    expect(await manager.sessionsOf("ann")).toHaveLength(1);
  });

  test("keep theirs over another login, a re-authentication and a rotation", async () => {
    const { login, visit } = seated(1, "refuse");
    let { cookie } = await login();
    ({ cookie } = await login(cookie));
    ({ cookie } = await visit(cookie, (session) => session.reauthenticate()));
    ({ cookie } = await visit(cookie, (session) => session.rotate()));
    await login(cookie);
  });

  test("of another user have seats of their own", async () => {
    const { login, visit } = seated(1, "refuse");
    await login();
    await visit(undefined, (session) => session.login("bob"));
  });

  test.each(["refuse", "end-oldest", "end-idlest"] as const)(
    "never exceed the limit by parallel logins: %s",
    async (onExceed) => {
      const { login, manager, users } = seated(3, onExceed);
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => login()));
      const cookies = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value.cookie] : []));
      const live = (await users(cookies)).filter((user) => user !== null);
      expect(live).toHaveLength(3);
      expect(await manager.sessionsOf("ann")).toHaveLength(3);
      if (onExceed === "refuse") expect(cookies).toHaveLength(3);
    },
  );

  test("that end for another's login are told of", async () => {
    const { login, manager } = seated(1, "end-oldest");
    const told: unknown[] = [];
    manager.on("ended", (event) => void told.push(event));
    const { session } = await login();
    await login();
    expect(told).toEqual([{ id: session.id, user: "ann", reason: "exceeded", address: null }]);
  });

  test.each([
    [{ max: 0, onExceed: "refuse" }, /concurrency.max/],
    [{ max: 1.5, onExceed: "refuse" }, /concurrency.max/],
    [{ max: 1001, onExceed: "refuse" }, /concurrency.max/],
    [{ max: 1 }, /concurrency.onExceed/],
    [{ max: 1, onExceed: "refuse", policy: 1 }, /policy/],
    [3, /concurrency must be an object/],
  ])("are not counted by %j", (concurrency, message) => {
    expect(refusal(() => site({ concurrency: concurrency as never })).message).toMatch(message);
  });
});
